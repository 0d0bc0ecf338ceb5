"""One KPI: now, what is usual now, its week, its chart from minutes to years, what stands out."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask, NotThereError, Shown, page
from ingestion_pipeline.outlets.dashboards.buckets import KPI_HOURS, buckets_of, kpi_buckets
from ingestion_pipeline.outlets.dashboards.charts import SHRUNK, Bucket, Usual, chart_of
from ingestion_pipeline.outlets.dashboards.findings import marks_of, of_subject
from ingestion_pipeline.outlets.dashboards.series import Tile, series_shown
from ingestion_pipeline.outlets.dashboards.spans import Span, span_of
from ingestion_pipeline.outlets.dashboards.telling import age, change, number, share_of
from ingestion_pipeline.outlets.dashboards.usual import LOOK_BACK, usual_hours

_NEWEST = sa.text("""
    SELECT observed_at, value, quality, kpi_type FROM kpi_points
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
    ORDER BY observed_at DESC LIMIT 1
""")
_USUAL_DAYS = sa.text("""
    SELECT day::timestamp AT TIME ZONE :zone AS at, usual_low, usual_middle, usual_high
    FROM kpi_daily
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
      AND day >= (CAST(:start AS timestamptz) AT TIME ZONE :zone)::date
      AND day <= (CAST(:end AS timestamptz) AT TIME ZONE :zone)::date
    ORDER BY day
""")
_WEEK = timedelta(days=7)
_HOUR = timedelta(hours=1)


@page("/kpis/series")
def kpi(ask: Ask) -> Shown:
    """A KPI by its id: `?kpi=`."""
    kpi_id = ask.text("kpi")
    newest = ask.row(_NEWEST, tenant_id=ask.tenant_id, kpi_id=kpi_id)
    if newest is None:
        raise NotThereError
    span = span_of(ask)
    hours = _hours(ask, kpi_id, since=min(span.start if span.days <= 40 else ask.now,
                                          ask.now - 2 * _WEEK) - LOOK_BACK)  # fmt: skip
    found = of_subject(ask, "kpis", kpi_id, since=min(span.start, ask.now - _WEEK))
    by_hour = usual_hours(ask, hours, since=span.start)
    usual = by_hour if span.source == "points" else _usual_days(ask, kpi_id, span)
    chart = chart_of(
        span, kpi_buckets(ask, span, kpi_id), usual=tuple(usual), marks=marks_of(found),
        key=f"kpi:{kpi_id}",
    )  # fmt: skip
    tiles = (
        _now(ask, newest),
        _usual_now(by_hour, ask.now),
        *_of_week(hours, ask.now),
        Tile(str(sum(each.raised_at > ask.now - _WEEK for each in found)), "found in 7 days"),
    )
    return series_shown(
        ask, chart, title=kpi_id, tiles=tiles, found=found, back=("/kpis", "KPIs"),
        kept={"kpi": kpi_id},
    )  # fmt: skip


def _hours(ask: Ask, kpi_id: str, *, since: datetime) -> list[Bucket]:
    """The KPI by hours."""
    return buckets_of(ask.rows(
        KPI_HOURS, tenant_id=ask.tenant_id, kpi_id=kpi_id, start=since, end=ask.now, step=3_600,
        shrunk=SHRUNK,
    ))  # fmt: skip


def _usual_days(ask: Ask, kpi_id: str, span: Span) -> list[Usual]:
    rows = ask.rows(
        _USUAL_DAYS, tenant_id=ask.tenant_id, kpi_id=kpi_id, start=span.start, end=span.end,
        zone=ask.zone.key,
    )  # fmt: skip
    return [Usual(row.at, row.usual_low, row.usual_middle, row.usual_high) for row in rows]


def _now(ask: Ask, newest: sa.Row[Any]) -> Tile:
    quality = f", quality {newest.quality}" if newest.quality else ""
    return Tile(number(newest.value), f"now, {age(ask.now - newest.observed_at)} old{quality}")


def _usual_now(usual: Sequence[Usual], now: datetime) -> Tile:
    current = [each for each in usual if each.at <= now < each.at + _HOUR]
    if not current or current[-1].middle is None:
        return Tile(number(None), "usual now: nobody can say yet")
    [*_, found] = current
    return Tile(number(found.middle), f"usual now ({number(found.low)} to {number(found.high)})")


def _of_week(hours: Sequence[Bucket], now: datetime) -> tuple[Tile, Tile]:
    """The mean and the extremes of 7 days, against the 7 before."""
    this = [hour for hour in hours if hour.last >= now - _WEEK]
    before = [hour for hour in hours if now - 2 * _WEEK <= hour.last < now - _WEEK]
    mean, mean_before = _mean(this), _mean(before)
    moved = change(share_of(mean, mean_before))
    if not this:
        return Tile(number(None), "mean of 7 days"), Tile(number(None), "least and most of 7 days")
    extremes = f"{number(min(hour.least for hour in this))} – {number(max(h.most for h in this))}"
    return (
        Tile(number(mean), f"mean of 7 days, {moved} on the 7 before"),
        Tile(extremes, "least and most of 7 days"),
    )


def _mean(hours: Sequence[Bucket]) -> float | None:
    points = sum(hour.points for hour in hours)
    if not points:
        return None
    return sum(hour.mean * SHRUNK * hour.points for hour in hours) / points / SHRUNK
