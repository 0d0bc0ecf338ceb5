"""What the installation did by itself: ticks, its cache, names that others made, alerts."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
    boolean,
    count,
    double,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import ERROR, RUN, TENANT

cron_logs = sa.Table(
    "cron_logs",
    metadata,
    identity("cron_log_id", comment="Number of the tick"),
    text("name", comment="What ran"),
    text("trigger", default="schedule", comment="What began it: schedule, http, sensor and so on"),
    text(
        "status",
        default="started",
        comment="started, completed or failed; running: of a process of an earlier version",
    ),
    count("processed", sa.Integer, comment="Things that were dealt with"),
    count("succeeded", sa.Integer, comment="Those of them that went well"),
    count("failed", sa.Integer, comment="Those of them that did not"),
    json("details", default="{}", comment="What else there is to say of it"),
    text("error", nullable=True, comment=ERROR),
    text("run_id", nullable=True, comment=RUN),
    now("started_at", comment="When it began, UTC"),
    timestamp("finished_at", nullable=True, comment="When it ended, UTC; NULL: it is under way"),
    sa.Column(
        "id",
        sa.BigInteger,
        sa.Computed("cron_log_id", persisted=True),
        comment="cron_log_id, as clients of the replaced services call it",
    ),
    sa.Column(
        "job_name",
        sa.Text,
        sa.Computed("name", persisted=True),
        comment="name, as clients of the replaced services call it",
    ),
    sa.Column(
        "payload",
        JSONB,
        sa.Computed("details", persisted=True),
        comment="details, as clients of the replaced services call them",
    ),
    sa.Column(
        "error_message",
        sa.Text,
        sa.Computed("error", persisted=True),
        comment="error, as clients of the replaced services call it",
    ),
    comment="Ticks of whatever runs by the clock, or is called as if by it: a row a tick",
)
sa.Index("cron_logs_started_at_idx", cron_logs.c.started_at)

cache_metrics = sa.Table(
    "cache_metrics",
    metadata,
    timestamp("recorded_at", comment="When it was, UTC"),
    integer(
        "tenant_id",
        nullable=True,
        comment="For whom (tenants.tenant_id); NULL: nobody in particular",
    ),
    text("service", comment="Whose cache it is"),
    text("cache_key", comment="Key of the cache"),
    text("outcome", comment="hit, miss, stale or invalidation"),
    double(
        "duration_ms", nullable=True, comment="How long it took, milliseconds; NULL: not measured"
    ),
    boolean(
        "outside",
        default=sa.false(),
        comment="Whether a program beside ours told it: it is in no figure of ours",
    ),
    comment="What the cache did: a row a hit, miss, stale answer or invalidation",
)
sa.Index("cache_metrics_recorded_at_idx", cache_metrics.c.recorded_at)

outside_names = sa.Table(
    "outside_names",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), primary_key=True, comment=TENANT),
    text("sort", primary_key=True, comment="Sort of the name: service, route, kind or event_type"),
    text("name", primary_key=True, comment="The name"),
    now("first_seen", comment="When it first came, UTC"),
    comment="Names that tenants' programs have made in the ledger: so many of a sort",
)

alerts = sa.Table(
    "alerts",
    metadata,
    identity("alert_id", comment="Number of the incident"),
    text("name", comment="What it is about: one incident of a name at a time"),
    text("message", comment="What is told"),
    double("value", nullable=True, comment="The figure that was measured; NULL: none"),
    double("threshold", nullable=True, comment="The limit that it is beyond; NULL: none"),
    now("started_at", comment="When it began, UTC"),
    timestamp("resolved_at", nullable=True, comment="When it ended, UTC; NULL: it goes on"),
    timestamp(
        "calm_since",
        nullable=True,
        comment="Since when it has been calm again, UTC; NULL: it is not",
    ),
    timestamp(
        "start_sent_at",
        nullable=True,
        comment="When the target took the news of its start, UTC; NULL: not yet",
    ),
    timestamp(
        "recovery_sent_at",
        nullable=True,
        comment="When the target took the news of its end, UTC; NULL: not yet",
    ),
    count("delivery_attempts", sa.Integer, comment="How often telling it was tried"),
    now("next_delivery_at", comment="Not told before this instant, UTC"),
    text("delivery_error", nullable=True, comment="Why telling it failed last; NULL: it did not"),
    comment="Incidents that are told to the alert target: a row an incident",
)
sa.Index(
    "alerts_open_idx", alerts.c.name, unique=True, postgresql_where=alerts.c.resolved_at.is_(None)
)
sa.Index(
    "alerts_undelivered_idx",
    alerts.c.next_delivery_at,
    postgresql_where=sa.or_(
        alerts.c.start_sent_at.is_(None),
        sa.and_(alerts.c.resolved_at.is_not(None), alerts.c.recovery_sent_at.is_(None)),
    ),
)
