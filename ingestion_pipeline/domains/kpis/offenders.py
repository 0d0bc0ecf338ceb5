"""What must not be found of kpis, as queries: one row an offender. checks.py wraps them."""

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

_PUBLISHED_WITHIN = timedelta(minutes=15)


_RECENT = timedelta(days=7)


def overdue() -> sa.Select[Any]:
    """Updates that have been pending for more than 15 minutes."""
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.received_at, c.error).where(
        c.pending, c.received_at < sa.func.now() - _PUBLISHED_WITHIN
    )


def unpublishable() -> sa.Select[Any]:
    """Updates of the last seven days that could not be published."""
    c = updates.c
    return sa.select(c.update_id, c.trace_id, c.kpi_id, c.attempts, c.error).where(
        c.error.is_not(None), c.received_at > sa.func.now() - _RECENT
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


def still_waiting() -> sa.Select[Any]:
    """KPIs that are pending 15 minutes after their job's timeout."""
    j, k = jobs.c, job_kpis.c
    return sa.select(k.tenant_id, k.trace_id, k.kpi_id, j.timeout_at).where(
        j.tenant_id == k.tenant_id,
        j.trace_id == k.trace_id,
        k.status == "pending",
        j.timeout_at < sa.func.now() - _PUBLISHED_WITHIN,
    )


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
