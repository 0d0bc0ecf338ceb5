"""What must hold of KPIs, as asset checks."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.assets import UPDATES, key
from ingestion_pipeline.domains.kpis.publish import differing as published_documents
from ingestion_pipeline.domains.kpis.tables import (
    conflicts,
    daily_summary,
    errors,
    job_kpis,
    jobs,
    points,
    updates,
)
from ingestion_pipeline.orchestration.checks import (
    Differing,
    documents_check,
    offenders_check,
    schema_check,
)

if TYPE_CHECKING:
    import pandera.pandas as pa

_PUBLISHED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)
_SAMPLE = 100


def points_schema() -> "pa.DataFrameSchema":
    """The contract of a point as a pandera schema."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "kpi_id": pa.Column(None, pa.Check.str_matches(r"^[A-Za-z0-9._-]{1,128}$")),
            "value": pa.Column(float, pa.Check.in_range(-1.8e308, 1.8e308)),
            "quality": pa.Column(None, pa.Check.isin(["high", "medium", "low"]), nullable=True),
        },
        unique=["tenant_id", "kpi_id", "observed_at"],
        strict=False,
    )


def _overdue() -> sa.Select[Any]:
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.received_at, c.error).where(
        c.pending, c.received_at < sa.func.now() - _PUBLISHED_WITHIN
    )


def _unpublishable() -> sa.Select[Any]:
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.attempts, c.error).where(
        c.error.is_not(None), c.received_at > sa.func.now() - _RECENT
    )


def _updates_without_their_point() -> sa.Select[Any]:
    """The newest updates whose point is missing, or holds a value that nobody sent."""
    newest = (
        sa.select(updates).order_by(updates.c.update_id.desc()).limit(10_000).subquery("newest")
    )
    point = sa.and_(
        points.c.tenant_id == newest.c.tenant_id,
        points.c.kpi_id == newest.c.kpi_id,
        points.c.observed_at == newest.c.observed_at,
    )
    in_conflict = sa.exists().where(
        conflicts.c.tenant_id == newest.c.tenant_id,
        conflicts.c.kpi_id == newest.c.kpi_id,
        conflicts.c.observed_at == newest.c.observed_at,
    )
    return (
        sa.select(newest.c.update_id, newest.c.kpi_id, newest.c.observed_at, points.c.value)
        .select_from(newest.outerjoin(points, point))
        .where(
            sa.or_(
                points.c.value.is_(None),
                sa.and_(points.c.value != newest.c.value, ~in_conflict),
            )
        )
    )


def _inconsistent_jobs() -> sa.Select[Any]:
    """KPIs of jobs that came and are not completed, or are completed and don't say when."""
    k = job_kpis.c
    came = sa.exists().where(
        updates.c.tenant_id == k.tenant_id,
        updates.c.trace_id == k.trace_id,
        updates.c.kpi_id == k.kpi_id,
    )
    return sa.select(k.tenant_id, k.trace_id, k.kpi_id, k.status, k.completed_at).where(
        sa.or_(
            sa.and_(k.status != "completed", came),
            (k.status == "completed") != k.completed_at.is_not(None),
        )
    )


def _still_waiting() -> sa.Select[Any]:
    j, k = jobs.c, job_kpis.c
    return sa.select(k.tenant_id, k.trace_id, k.kpi_id, j.timeout_at).where(
        j.tenant_id == k.tenant_id,
        j.trace_id == k.trace_id,
        k.status == "pending",
        j.timeout_at < sa.func.now() - _PUBLISHED_WITHIN,
    )


def _many_errors() -> sa.Select[Any]:
    c = errors.c
    return (
        sa.select(c.tenant_id, c.message, sa.func.count().label("reports"))
        .where(c.received_at > sa.func.now() - timedelta(days=1))
        .group_by(c.tenant_id, c.message)
        .having(sa.func.count() >= 10)
        .order_by(sa.func.count().desc())
    )


def _impossible_summaries() -> sa.Select[Any]:
    c = daily_summary.c
    return sa.select(daily_summary).where(
        sa.or_(
            c.points < 1,
            ~c.mean.between(c.minimum, c.maximum),
            ~c.last.between(c.minimum, c.maximum),
        )
    )


def _silent_series() -> sa.Select[Any]:
    """KPIs that came on some days of the last thirty, and not for three times as long as usual."""
    c = daily_summary.c
    today = sa.func.current_date()
    first, last, number = sa.func.min(c.day), sa.func.max(c.day), sa.func.count()
    return (
        sa.select(c.tenant_id, c.kpi_id, last.label("last_day"), number.label("days"))
        .where(c.day > today - 30, c.day <= today)
        .group_by(c.tenant_id, c.kpi_id)
        .having(
            number >= 3,
            (today - last) * (number - 1) > 3 * (last - first) + number - 1,
        )
    )


def _documents_check(asset: dg.AssetKey, differing: Differing) -> dg.AssetChecksDefinition:
    return documents_check(
        asset=asset,
        description=f"The {_SAMPLE} newest published documents say what the tables say.",
        differing=differing,
        most=_SAMPLE,
    )


CHECKS = [
    offenders_check(
        asset=UPDATES.key,
        name="published",
        description="No update has been pending for 15 minutes.",
        offenders=_overdue,
        warning=True,
    ),
    offenders_check(
        asset=UPDATES.key,
        name="publishable",
        description="No update of the last seven days could not be published.",
        offenders=_unpublishable,
        warning=True,
    ),
    offenders_check(
        asset=key("points"),
        name="agree_with_updates",
        description="The newest updates have their points, with a value that was sent first.",
        offenders=_updates_without_their_point,
    ),
    schema_check(
        asset=key("points"),
        table=points,
        newest_first=points.c.received_at,
        schema=points_schema,
    ),
    _documents_check(key("packages"), published_documents.differing_packages),
    _documents_check(key("timeseries"), published_documents.differing_series),
    _documents_check(key("jobs"), published_documents.differing_jobs),
    _documents_check(key("errors"), published_documents.differing_errors),
    offenders_check(
        asset=key("jobs"),
        name="states_are_consistent",
        description="What came is completed, and what is completed says when.",
        offenders=_inconsistent_jobs,
    ),
    offenders_check(
        asset=key("jobs"),
        name="timeouts_are_applied",
        description="No KPI is still pending 15 minutes after its job's timeout.",
        offenders=_still_waiting,
        warning=True,
    ),
    offenders_check(
        asset=key("errors"),
        name="few_of_a_kind",
        description="No error was reported ten times within a day.",
        offenders=_many_errors,
        warning=True,
    ),
    offenders_check(
        asset=key("daily_summary"),
        name="possible",
        description="Mean and last value lie between the extremes.",
        offenders=_impossible_summaries,
    ),
    offenders_check(
        asset=key("daily_summary"),
        name="no_series_fell_silent",
        description="No KPI has been away three times as long as it usually is.",
        offenders=_silent_series,
        warning=True,
    ),
]
