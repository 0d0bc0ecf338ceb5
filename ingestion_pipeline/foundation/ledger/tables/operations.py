"""What the installation did by itself: ticks, its cache, names that others made, alerts."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import ERROR, RUN, TENANT

_timestamp = sa.DateTime(timezone=True)

cron_logs = sa.Table(
    "cron_logs",
    metadata,
    sa.Column(
        "cron_log_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the tick",
    ),
    sa.Column("name", sa.Text, nullable=False, comment="What ran"),
    sa.Column(
        "trigger",
        sa.Text,
        nullable=False,
        server_default="schedule",
        comment="What began it: schedule, http, sensor and so on",
    ),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="started",
        comment="started, completed or failed; running: of a process of an earlier version",
    ),
    sa.Column(
        "processed",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Things that were dealt with",
    ),
    sa.Column(
        "succeeded",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Those of them that went well",
    ),
    sa.Column(
        "failed",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Those of them that did not",
    ),
    sa.Column(
        "details",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="What else there is to say of it",
    ),
    sa.Column("error", sa.Text, comment=ERROR),
    sa.Column("run_id", sa.Text, comment=RUN),
    sa.Column(
        "started_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it began, UTC",
    ),
    sa.Column("finished_at", _timestamp, comment="When it ended, UTC; NULL: it is under way"),
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
    sa.Column("recorded_at", _timestamp, nullable=False, comment="When it was, UTC"),
    sa.Column(
        "tenant_id", sa.Integer, comment="For whom (tenants.tenant_id); NULL: nobody in particular"
    ),
    sa.Column("service", sa.Text, nullable=False, comment="Whose cache it is"),
    sa.Column("cache_key", sa.Text, nullable=False, comment="Key of the cache"),
    sa.Column("outcome", sa.Text, nullable=False, comment="hit, miss, stale or invalidation"),
    sa.Column(
        "duration_ms", sa.Double, comment="How long it took, milliseconds; NULL: not measured"
    ),
    sa.Column(
        "outside",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether a program beside ours told it: it is in no figure of ours",
    ),
    comment="What the cache did: a row a hit, miss, stale answer or invalidation",
)
sa.Index("cache_metrics_recorded_at_idx", cache_metrics.c.recorded_at)

outside_names = sa.Table(
    "outside_names",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), primary_key=True, comment=TENANT),
    sa.Column(
        "sort",
        sa.Text,
        primary_key=True,
        comment="Sort of the name: service, route, kind or event_type",
    ),
    sa.Column("name", sa.Text, primary_key=True, comment="The name"),
    sa.Column(
        "first_seen",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it first came, UTC",
    ),
    comment="Names that tenants' programs have made in the ledger: so many of a sort",
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column(
        "alert_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the incident",
    ),
    sa.Column(
        "name",
        sa.Text,
        nullable=False,
        comment="What it is about: one incident of a name at a time",
    ),
    sa.Column("message", sa.Text, nullable=False, comment="What is told"),
    sa.Column("value", sa.Double, comment="The figure that was measured; NULL: none"),
    sa.Column("threshold", sa.Double, comment="The limit that it is beyond; NULL: none"),
    sa.Column(
        "started_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it began, UTC",
    ),
    sa.Column("resolved_at", _timestamp, comment="When it ended, UTC; NULL: it goes on"),
    sa.Column(
        "calm_since", _timestamp, comment="Since when it has been calm again, UTC; NULL: it is not"
    ),
    sa.Column(
        "start_sent_at",
        _timestamp,
        comment="When the target took the news of its start, UTC; NULL: not yet",
    ),
    sa.Column(
        "recovery_sent_at",
        _timestamp,
        comment="When the target took the news of its end, UTC; NULL: not yet",
    ),
    sa.Column(
        "delivery_attempts",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="How often telling it was tried",
    ),
    sa.Column(
        "next_delivery_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="Not told before this instant, UTC",
    ),
    sa.Column("delivery_error", sa.Text, comment="Why telling it failed last; NULL: it did not"),
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
