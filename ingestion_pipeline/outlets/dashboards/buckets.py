"""Columns of a chart from the database: points as they are, and roll-ups with the newest points.

What a roll-up has not seen yet, its newest hour and all after it, is taken from the points, so a
chart ends with the newest reading whatever the roll-up's age.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask
from ingestion_pipeline.outlets.dashboards.charts import SHRUNK, Bucket
from ingestion_pipeline.outlets.dashboards.spans import Span

# `total` is the sum of the values, each made smaller: doubles near their largest would not add up.
KPI_POINTS = sa.text("""
    SELECT min(observed_at) AS first, max(observed_at) AS last, count(*) AS points,
           min(value) AS least, max(value) AS most, sum(value * :shrunk) AS total
    FROM kpi_points
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
      AND observed_at >= :start AND observed_at < :end
    GROUP BY date_bin(:step * interval '1 second', observed_at, TIMESTAMPTZ '1970-01-01T00:00Z')
    ORDER BY 1
""")
KPI_HOURS = sa.text("""
    WITH edge AS (
        SELECT COALESCE(max(hour), '-infinity') AS hour FROM kpi_hourly
        WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
    ), parts AS (
        SELECT hour AS first, hour AS last, points, minimum AS least, maximum AS most,
               mean * :shrunk * points AS total
        FROM kpi_hourly
        WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
          AND hour >= :start AND hour < :end AND hour < (SELECT hour FROM edge)
        UNION ALL
        SELECT observed_at, observed_at, 1, value, value, value * :shrunk
        FROM kpi_points
        WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
          AND observed_at >= GREATEST(:start, (SELECT hour FROM edge)) AND observed_at < :end
    )
    SELECT min(first) AS first, max(last) AS last, sum(points) AS points, min(least) AS least,
           max(most) AS most, sum(total) AS total
    FROM parts
    GROUP BY date_bin(:step * interval '1 second', first, TIMESTAMPTZ '1970-01-01T00:00Z')
    ORDER BY 1
""")
KPI_DAYS = sa.text("""
    SELECT min(day)::timestamp AT TIME ZONE :zone AS first,
           max(day)::timestamp AT TIME ZONE :zone AS last, sum(points) AS points,
           min(minimum) AS least, max(maximum) AS most, sum(mean * :shrunk * points) AS total
    FROM kpi_daily
    WHERE tenant_id = :tenant_id AND kpi_id = :kpi_id
      AND day >= (CAST(:start AS timestamptz) AT TIME ZONE :zone)::date
      AND day <= (CAST(:end AS timestamptz) AT TIME ZONE :zone)::date
    GROUP BY (day - DATE '1970-01-01') / CAST(:step / 86400 AS integer)
    ORDER BY 1
""")


def buckets_of(rows: Sequence[sa.Row[Any]]) -> list[Bucket]:
    """Rows of first, last, points, least, most and total as columns of a chart."""
    return [
        Bucket(first, last, int(points), least, _mean(total, int(points), least, most), most)
        for first, last, points, least, most, total in rows
    ]


def kpi_buckets(ask: Ask, span: Span, kpi_id: str) -> list[Bucket]:
    """A KPI's columns."""
    query = {"points": KPI_POINTS, "hours": KPI_HOURS, "days": KPI_DAYS}[span.source]
    values = {"zone": ask.zone.key} if span.source == "days" else {}
    return buckets_of(ask.rows(
        query, tenant_id=ask.tenant_id, kpi_id=kpi_id, start=span.start, end=span.end,
        step=span.step, shrunk=SHRUNK, **values,
    ))  # fmt: skip


def _mean(total: float, points: int, least: float, most: float) -> float:
    """The mean, which rounding never takes outside of its values."""
    return min(most, max(least, total / points / SHRUNK))
