"""What must not be found of kpis, as queries: one row an offender, a check each."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.tables import (
    conflicts,
    daily_summary,
    errors,
    job_kpis,
    jobs,
    points,
    updates,
)
from ingestion_pipeline.foundation.watch.offenders import must_not_be

_PUBLISHED_WITHIN = timedelta(minutes=15)
_RECENT = timedelta(days=7)


@must_not_be("updates:published", "No update has been pending for 15 minutes.", warning=True)
def overdue() -> sa.Select[Any]:
    """Updates that have been pending for more than 15 minutes."""
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.received_at, c.error).where(
        c.pending, c.received_at < sa.func.now() - _PUBLISHED_WITHIN
    )


@must_not_be(
    "updates:publishable", "No update of the last seven days could not be published.", warning=True
)
def unpublishable() -> sa.Select[Any]:
    """Updates of the last seven days that could not be published."""
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.attempts, c.error).where(
        c.error.is_not(None), c.received_at > sa.func.now() - _RECENT
    )


@must_not_be(
    "points:agree_with_updates",
    "The newest updates have their points, with a value that was sent first.",
)
def updates_without_their_point() -> sa.Select[Any]:
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


@must_not_be(
    "jobs:states_are_consistent", "What came is completed, and what is completed says when."
)
def inconsistent_jobs() -> sa.Select[Any]:
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


@must_not_be(
    "jobs:timeouts_are_applied",
    "No KPI is still pending 15 minutes after its job's timeout.",
    warning=True,
)
def still_waiting() -> sa.Select[Any]:
    """KPIs that are pending 15 minutes after their job's timeout."""
    j, k = jobs.c, job_kpis.c
    return sa.select(k.tenant_id, k.trace_id, k.kpi_id, j.timeout_at).where(
        j.tenant_id == k.tenant_id,
        j.trace_id == k.trace_id,
        k.status == "pending",
        j.timeout_at < sa.func.now() - _PUBLISHED_WITHIN,
    )


@must_not_be("errors:few_of_a_kind", "No error was reported ten times within a day.", warning=True)
def many_errors() -> sa.Select[Any]:
    """Errors that were reported ten times within a day."""
    c = errors.c
    return (
        sa.select(c.tenant_id, c.message, sa.func.count().label("reports"))
        .where(c.received_at > sa.func.now() - timedelta(days=1))
        .group_by(c.tenant_id, c.message)
        .having(sa.func.count() >= 10)
        .order_by(sa.func.count().desc())
    )


@must_not_be("daily_summary:possible", "Mean and last value lie between the extremes.")
def impossible_summaries() -> sa.Select[Any]:
    """Days whose mean or last value lies outside of the extremes."""
    c = daily_summary.c
    return sa.select(daily_summary).where(
        sa.or_(
            c.points < 1,
            ~c.mean.between(c.minimum, c.maximum),
            ~c.last.between(c.minimum, c.maximum),
        )
    )


@must_not_be(
    "daily_summary:no_series_fell_silent",
    "No KPI has been away three times as long as it usually is.",
    warning=True,
)
def silent_series() -> sa.Select[Any]:
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
