"""The tables of KPIs as SQLAlchemy sees them; made by migration 0004, which explains the flags,
and 0015 (corrections)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, _timestamp, nullable=False, server_default=sa.func.now())


def _pending() -> sa.Column[Any]:
    return sa.Column("pending", sa.Boolean, nullable=False, server_default=sa.true())


def _changed() -> sa.Column[Any]:
    return sa.Column("changed", sa.Integer, nullable=False, server_default="0")


def _double(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Double, nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, JSONB(none_as_null=True), nullable=nullable)


updates = sa.Table(
    "kpi_updates",
    metadata,
    sa.Column("update_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("trace_id", sa.Text, nullable=False),
    sa.Column("kpi_id", sa.Text, nullable=False),
    sa.Column("observed_at", _timestamp, nullable=False),
    sa.Column("timestamp_text", sa.Text, nullable=False),
    sa.Column("kpi_type", sa.Text, nullable=False),
    _double("value"),
    _json("data"),
    _json("metadata", nullable=True),
    _json("chart", nullable=True),
    sa.Column("request_id", sa.Text),
    _now("received_at"),
    _pending(),
    _changed(),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("tenant_id", "trace_id", "kpi_id", "observed_at"),
)

points = sa.Table(
    "kpi_points",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    sa.Column("observed_at", _timestamp, primary_key=True),
    _double("value"),
    sa.Column("timestamp_text", sa.Text, nullable=False),
    sa.Column("kpi_type", sa.Text, nullable=False),
    sa.Column("trace_id", sa.Text, nullable=False),
    _now("received_at"),
    sa.Column("in_order", sa.Boolean, nullable=False),
    sa.Column("quality", sa.Text),
)

conflicts = sa.Table(
    "kpi_conflicts",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    sa.Column("observed_at", _timestamp, primary_key=True),
    sa.Column("trace_id", sa.Text, primary_key=True),
    sa.Column("value", sa.Double, primary_key=True),
    _double("kept_value"),
    sa.Column("request_id", sa.Text),
    _now("received_at"),
)

corrections = sa.Table(
    "kpi_corrections",
    metadata,
    sa.Column("correction_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("kpi_id", sa.Text, nullable=False),
    sa.Column("observed_at", _timestamp, nullable=False),
    _double("old_value"),
    _double("new_value"),
    _json("old_data", nullable=True),
    sa.Column("trace_id", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text),
    _now("corrected_at"),
)

series = sa.Table(
    "kpi_series",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    _pending(),
    _changed(),
)

days = sa.Table(
    "kpi_days",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    _pending(),
    _changed(),
)

daily_summary = sa.Table(
    "kpi_daily_summary",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    _double("minimum"),
    _double("maximum"),
    _double("mean"),
    _double("last"),
    _double("change", nullable=True),
)

jobs = sa.Table(
    "kpi_jobs",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("trace_id", sa.Text, primary_key=True),
    _now("created_at"),
    sa.Column("announced_at", _timestamp),
    sa.Column("timeout_at", _timestamp, nullable=False),
    sa.Column("expired_at", _timestamp),
    _now("updated_at"),
    _pending(),
    _changed(),
)

job_kpis = sa.Table(
    "kpi_job_kpis",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("trace_id", sa.Text, primary_key=True),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("completed_at", _timestamp),
    sa.Column("error", sa.Text),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    _now("updated_at"),
    _pending(),
    _changed(),
)

errors = sa.Table(
    "kpi_errors",
    metadata,
    sa.Column("error_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("trace_id", sa.Text, nullable=False),
    sa.Column("kpi_ids", ARRAY(sa.Text), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("code", sa.Text),
    sa.Column("type", sa.Text),
    sa.Column("retry_count", sa.Integer),
    sa.Column("observed_at", _timestamp, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    _json("body"),
    sa.Column("request_id", sa.Text),
    _now("received_at"),
    _pending(),
    sa.UniqueConstraint("tenant_id", "sha256"),
    sa.UniqueConstraint("tenant_id", "trace_id", "observed_at", "n"),
)

analyses = sa.Table(
    "kpi_analyses",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("trace_id", sa.Text, primary_key=True),
    sa.Column("kpi_id", sa.Text, primary_key=True),
    _json("analysis"),
    _now("updated_at"),
)

sa.Index(
    "kpi_updates_observed_at_idx", updates.c.observed_at, updates.c.tenant_id, updates.c.kpi_id
)
sa.Index("kpi_updates_pending_idx", updates.c.observed_at, postgresql_where=updates.c.pending)
sa.Index(
    "kpi_updates_error_idx", updates.c.received_at, postgresql_where=updates.c.error.is_not(None)
)
sa.Index(
    "kpi_points_ungraded_idx", points.c.observed_at, postgresql_where=points.c.quality.is_(None)
)
sa.Index(
    "kpi_series_pending_idx",
    series.c.tenant_id,
    series.c.kpi_id,
    postgresql_where=series.c.pending,
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
sa.Index("kpi_errors_pending_idx", errors.c.error_id, postgresql_where=errors.c.pending)
