"""One KPI: now, what is usual now, its week, its chart from minutes to years, what stands out."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask, NotThereError, Shown, page
from ingestion_pipeline.outlets.dashboards.buckets import KPI_HOURS, buckets_of, kpi_buckets
from ingestion_pipeline.outlets.dashboards.charts import SHRUNK, Usual, chart_of
from ingestion_pipeline.outlets.dashboards.findings import marks_of, of_subject
from ingestion_pipeline.outlets.dashboards.series import Tile, series_shown
from ingestion_pipeline.outlets.dashboards.spans import Span, span_of
from ingestion_pipeline.outlets.dashboards.telling import age, change, number, share_of
from ingestion_pipeline.outlets.dashboards.usual import usual_hours

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
_USUAL_NOW = sa.text("""
    SELECT usual_low, usual_middle, usual_high FROM watched_subjects
    WHERE tenant_id = :tenant_id AND domain = 'kpis' AND subject = :kpi_id
""")
_WEEK = timedelta(days=7)
_ALL = 100 * 365 * 86_400  # seconds of a column that holds everything


@page("/kpis/series")
def kpi(ask: Ask) -> Shown:
    """A KPI by its id: `?kpi=`."""
    kpi_id = ask.text("kpi")
    newest = ask.row(_NEWEST, tenant_id=ask.tenant_id, kpi_id=kpi_id)
    if newest is None:
        raise NotThereError
    span = span_of(ask)
    found = of_subject(ask, "kpis", kpi_id, since=min(span.start, ask.now - _WEEK))
    usual = (
        usual_hours(ask, kpi_id, span) if span.source == "points" else
        _usual_days(ask, kpi_id, span)
    )  # fmt: skip
    chart = chart_of(
        span, kpi_buckets(ask, span, kpi_id), usual=tuple(usual), marks=marks_of(found),
        key=f"kpi:{kpi_id}",
    )  # fmt: skip
    tiles = (
        _now(ask, newest),
        _usual_now(ask, kpi_id),
        *_of_weeks(ask, kpi_id),
        Tile(str(sum(each.raised_at > ask.now - _WEEK for each in found)), "found in 7 days"),
    )
    return series_shown(
        ask, chart, title=kpi_id, tiles=tiles, found=found, back=("/kpis", "KPIs"),
        kept={"kpi": kpi_id},
    )  # fmt: skip


def _usual_days(ask: Ask, kpi_id: str, span: Span) -> list[Usual]:
    rows = ask.rows(
        _USUAL_DAYS, tenant_id=ask.tenant_id, kpi_id=kpi_id, start=span.start, end=span.end,
        zone=ask.zone.key,
    )  # fmt: skip
    return [Usual(row.at, row.usual_low, row.usual_middle, row.usual_high) for row in rows]


def _now(ask: Ask, newest: sa.Row[Any]) -> Tile:
    quality = f", quality {newest.quality}" if newest.quality else ""
    return Tile(number(newest.value), f"now, {age(ask.now - newest.observed_at)} old{quality}")


def _usual_now(ask: Ask, kpi_id: str) -> Tile:
    found = ask.row(_USUAL_NOW, tenant_id=ask.tenant_id, kpi_id=kpi_id)
    if found is None or found.usual_middle is None:
        return Tile(number(None), "usual now: too few weeks to say")
    low, high = number(found.usual_low), number(found.usual_high)
    return Tile(number(found.usual_middle), f"usual now ({low} to {high})")


def _of_weeks(ask: Ask, kpi_id: str) -> tuple[Tile, Tile]:
    """The mean and the extremes of 7 days, against the 7 before."""
    this, before = (
        buckets_of(ask.rows(
            KPI_HOURS, tenant_id=ask.tenant_id, kpi_id=kpi_id, start=end - _WEEK, end=end,
            step=_ALL, shrunk=SHRUNK,
        ))
        for end in (ask.now, ask.now - _WEEK)
    )  # fmt: skip
    if not this:
        return Tile(number(None), "mean of 7 days"), Tile(number(None), "least and most of 7 days")
    moved = share_of(this[0].mean, before[0].mean if before else None)
    against = "" if moved is None else f", {change(moved)} on the 7 before"
    return (
        Tile(number(this[0].mean), f"mean of 7 days{against}"),
        Tile(f"{number(this[0].least)} – {number(this[0].most)}", "least and most of 7 days"),
    )
