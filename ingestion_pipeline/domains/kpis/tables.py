"""The tables of KPIs as SQLAlchemy sees them; made by migration 0004, which explains the flags,
0015 (corrections), 0031 (receipts) and 0035 (our own analyses)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.foundation.storage.columns import (
    boolean,
    count,
    date,
    double,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import (
    CHANGED,
    CREATED_AT,
    KPI,
    KPI_TYPE,
    OBSERVED_AT,
    PENDING,
    RECEIVED_AT,
    REQUEST,
    TENANT,
    TIMESTAMP_TEXT,
    TRACE,
    UPDATED_AT,
)


def _pending() -> sa.Column[Any]:
    return boolean("pending", default=sa.true(), comment=PENDING)


def _changed() -> sa.Column[Any]:
    return count("changed", sa.Integer, comment=CHANGED)


updates = sa.Table(
    "kpi_updates",
    metadata,
    identity("update_id", comment="Number of the reading, in order of arrival"),
    integer("tenant_id", comment=TENANT),
    text("trace_id", comment=TRACE),
    text("kpi_id", comment=KPI),
    timestamp("observed_at", comment=OBSERVED_AT),
    text("timestamp_text", comment=TIMESTAMP_TEXT),
    text("kpi_type", comment=KPI_TYPE),
    double("value", comment="The primary value of `data`, in the KPI's own unit"),
    json("data", comment="The object that was sent"),
    json("metadata", nullable=True, comment="What the sender said beside it; NULL: nothing"),
    json("chart", nullable=True, comment="The sender's chart (url, type, timeRange); NULL: none"),
    text("request_id", nullable=True, comment=REQUEST),
    now("received_at", comment=RECEIVED_AT),
    _pending(),
    _changed(),
    count(
        "attempts",
        sa.Integer,
        comment="How often making its package failed since it was last changed",
    ),
    text("error", nullable=True, comment="Why making its package failed; NULL: it did not"),
    sa.UniqueConstraint("tenant_id", "trace_id", "kpi_id", "observed_at"),
    comment="Inbox of KPI readings: a row a tenant, trace, KPI and instant",
)

points = sa.Table(
    "kpi_points",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    timestamp("observed_at", primary_key=True, comment=OBSERVED_AT),
    double("value", comment="The value, in the KPI's own unit"),
    text("timestamp_text", comment=TIMESTAMP_TEXT),
    text("kpi_type", comment=KPI_TYPE),
    text("trace_id", comment=TRACE),
    now("received_at", comment=RECEIVED_AT),
    boolean("in_order", comment="Whether no newer reading of the series was there when it came"),
    text("quality", nullable=True, comment="high, medium or low; NULL: not graded yet"),
    comment="KPI time series: a row a tenant, KPI and instant; the first value wins",
)

conflicts = sa.Table(
    "kpi_conflicts",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    timestamp("observed_at", primary_key=True, comment=OBSERVED_AT),
    text("trace_id", primary_key=True, comment=TRACE),
    sa.Column(
        "value", sa.Double, primary_key=True, comment="The value that was told again, and not kept"
    ),
    double("kept_value", comment="The value that was kept"),
    text("request_id", nullable=True, comment=REQUEST),
    now("received_at", comment=RECEIVED_AT),
    comment="Readings that told another value of an instant that had one",
)

corrections = sa.Table(
    "kpi_corrections",
    metadata,
    identity("correction_id", comment="Number of the correction"),
    integer("tenant_id", comment=TENANT),
    text("kpi_id", comment=KPI),
    timestamp("observed_at", comment=OBSERVED_AT),
    double("old_value", comment="The value that was replaced"),
    double("new_value", comment="The value that replaced it"),
    json("old_data", nullable=True, comment="The object that was replaced; NULL: none is known"),
    text("trace_id", comment=TRACE),
    text("request_id", nullable=True, comment=REQUEST),
    now("corrected_at", comment="When it was corrected, UTC"),
    comment="Values that senders put right, and what was there before",
)

series = sa.Table(
    "kpi_series",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    _pending(),
    _changed(),
    comment="Which KPIs have documents to be made anew: a row a tenant and KPI",
)

days = sa.Table(
    "kpi_days",
    metadata,
    date("day", primary_key=True, comment="The UTC day"),
    _pending(),
    _changed(),
    comment="Which UTC days have summaries to be made anew",
)

daily_summary = sa.Table(
    "kpi_daily_summary",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("kpi_id", primary_key=True, comment=KPI),
    date("day", primary_key=True, comment="The UTC day"),
    integer("points", comment="Readings of the day"),
    double("minimum", comment="Smallest value, in the KPI's own unit"),
    double("maximum", comment="Largest value, in the KPI's own unit"),
    double("mean", comment="Mean of the values, in the KPI's own unit"),
    double("last", comment="Value of the last reading"),
    double(
        "change",
        nullable=True,
        comment="Last value less the last one before the day; NULL: none, or no finite number",
    ),
    comment="KPIs by UTC day: a row a tenant, KPI and day",
)

jobs = sa.Table(
    "kpi_jobs",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("trace_id", primary_key=True, comment=TRACE),
    now("created_at", comment=CREATED_AT),
    timestamp(
        "announced_at",
        nullable=True,
        comment="When the workflow announced it, UTC; NULL: it did not",
    ),
    timestamp("timeout_at", comment="When what is still pending times out, UTC"),
    timestamp(
        "expired_at",
        nullable=True,
        comment="When it was found to be past its timeout, UTC; NULL: it was not",
    ),
    now("updated_at", comment=UPDATED_AT),
    _pending(),
    _changed(),
    comment="Jobs of the senders' workflows: a row a tenant and trace",
)

job_kpis = sa.Table(
    "kpi_job_kpis",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("trace_id", primary_key=True, comment=TRACE),
    text("kpi_id", primary_key=True, comment=KPI),
    text("status", comment="pending, completed, failed or timeout"),
    timestamp(
        "completed_at", nullable=True, comment="When its reading came, UTC; NULL: it has not"
    ),
    text("error", nullable=True, comment="The newest error that was reported; NULL: none"),
    count("retry_count", sa.Integer, comment="Largest number of retries that was reported"),
    now("updated_at", comment=UPDATED_AT),
    _pending(),
    _changed(),
    comment="State of every KPI of a job: a row a tenant, trace and KPI",
)

errors = sa.Table(
    "kpi_errors",
    metadata,
    identity("error_id", comment="Number of the report, in order of arrival"),
    integer("tenant_id", comment=TENANT),
    text("sha256", comment="SHA-256 of the body as it was sent: the same again is a duplicate"),
    text("trace_id", comment=TRACE),
    sa.Column(
        "kpi_ids",
        ARRAY(sa.Text),
        nullable=False,
        comment="The KPIs that failed; empty: the error is the job's",
    ),
    text("message", comment="The message that was found in the report"),
    text("code", nullable=True, comment="Code of the error; NULL: none was found"),
    text("type", nullable=True, comment="Type of the error; NULL: none was found"),
    integer(
        "retry_count", nullable=True, comment="Retries that the sender counted; NULL: not told"
    ),
    timestamp(
        "observed_at",
        comment="When it happened, UTC; when it was received where the report does not say",
    ),
    integer("n", comment="Number among the reports of the same trace and instant, from 1"),
    json("body", comment="The report without its secrets"),
    text("request_id", nullable=True, comment=REQUEST),
    now("received_at", comment=RECEIVED_AT),
    _pending(),
    sa.UniqueConstraint("tenant_id", "sha256"),
    sa.UniqueConstraint("tenant_id", "trace_id", "observed_at", "n"),
    comment="Errors that workflows reported",
)

analyses = sa.Table(
    "kpi_analyses",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("trace_id", primary_key=True, comment=TRACE),
    text("kpi_id", primary_key=True, comment=KPI),
    json("analysis", comment="The analysis as it was put"),
    text("source", default="sender", comment="Whose it is: sender, template, or model (reworded)"),
    double("of_value", nullable=True, comment="The value that ours is of; NULL: the sender's"),
    timestamp(
        "observed_at", nullable=True, comment="Instant of that value, UTC; NULL: the sender's"
    ),
    text("model", nullable=True, comment="The model that was asked; NULL: none"),
    integer("tokens", nullable=True, comment="Tokens that asking took; NULL: none was asked"),
    text(
        "note",
        nullable=True,
        comment="Why the template stays though a server was to be asked; NULL: it was not, or its "
        "wording was taken",
    ),
    now("updated_at", comment=UPDATED_AT),
    comment="Analyses that were put beside readings: a row a tenant, trace and KPI",
)

receipts = sa.Table(
    "kpi_receipts",
    metadata,
    identity("receipt_id", comment="Number of the row, in order of arrival"),
    integer("tenant_id", comment=TENANT),
    text("channel", comment="How they came: post or import"),
    text(
        "file_name", nullable=True, comment="Name of the file of an import; NULL: they were posted"
    ),
    now("received_at", comment=RECEIVED_AT),
    integer("sent", comment="Readings that came: stored + known + corrected + conflicts + refused"),
    integer("stored", comment="Those that were new"),
    integer("known", comment="Those that were there already, with the same value"),
    integer("corrected", comment="Those that replaced a value"),
    integer(
        "conflicts",
        comment="Those of an instant that has another value, which was kept (kpi_conflicts)",
    ),
    integer("refused", comment="Those that break the contract"),
    json(
        "refusals",
        default="[]",
        comment="Of the first that were refused: [{at, field, rule}], with their place in what was "
        "sent",
    ),
    sa.CheckConstraint(
        "sent = stored + known + corrected + conflicts + refused", name="kpi_receipts_adds_up"
    ),
    comment="What became of readings that were sent: a row a transaction, tenant and channel",
)
sa.Index("kpi_receipts_tenant_idx", receipts.c.tenant_id, receipts.c.received_at)

sa.Index(
    "kpi_updates_observed_at_idx", updates.c.observed_at, updates.c.tenant_id, updates.c.kpi_id
)
sa.Index("kpi_updates_received_idx", updates.c.received_at, postgresql_using="brin")
sa.Index("kpi_updates_pending_idx", updates.c.observed_at, postgresql_where=updates.c.pending)
sa.Index(
    "kpi_updates_error_idx", updates.c.received_at, postgresql_where=updates.c.error.is_not(None)
)
sa.Index(
    "kpi_points_ungraded_idx", points.c.observed_at, postgresql_where=points.c.quality.is_(None)
)
sa.Index(
    "kpi_series_pending_idx", series.c.tenant_id, series.c.kpi_id, postgresql_where=series.c.pending
)
sa.Index(
    "kpi_corrections_point_idx",
    corrections.c.tenant_id,
    corrections.c.kpi_id,
    corrections.c.observed_at,
)
sa.Index("kpi_daily_summary_day_idx", daily_summary.c.day)
sa.Index("kpi_jobs_pending_idx", jobs.c.tenant_id, jobs.c.trace_id, postgresql_where=jobs.c.pending)
sa.Index("kpi_jobs_timeout_at_idx", jobs.c.timeout_at, postgresql_where=jobs.c.expired_at.is_(None))
sa.Index(
    "kpi_job_kpis_pending_idx",
    job_kpis.c.tenant_id,
    job_kpis.c.trace_id,
    postgresql_where=job_kpis.c.pending,
)
sa.Index(
    "kpi_job_kpis_awaited_idx",
    job_kpis.c.tenant_id,
    job_kpis.c.trace_id,
    postgresql_where=job_kpis.c.status == "pending",
)
sa.Index("kpi_errors_tenant_idx", errors.c.tenant_id, errors.c.received_at)
sa.Index("kpi_errors_pending_idx", errors.c.error_id, postgresql_where=errors.c.pending)
