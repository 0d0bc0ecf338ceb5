"""What is watched: KPIs, points of buildings, orders and book income by day; up to where it was
looked at, and the points that a look needs.

A subject is due when it has points since it was looked at, or when an hour has passed: a gap has
none. What has had none for 60 days is watched no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.unusual.series import Series, series_of
from ingestion_pipeline.foundation.unusual.usual import LOOK_BACK_DAYS

Shift = tuple[datetime, float]
"""(since when, by how much): of a level that has moved as expected."""


@dataclass(frozen=True)
class Watched:
    """A kind of subjects.

    Attributes:
        newest: (tenant_id, subject, newest) of each; the instant of its newest point until `:now`.
        points: (seconds since 1970, value) of `:tenant_id`, `:subject`, from `:first` to `:last`.
        daily: whether its points are days.
    """

    domain: str
    newest: str
    points: str
    daily: bool = False


@dataclass(frozen=True)
class Subject:
    """Something that is watched; `newest`: the instant of its newest point."""

    kind: Watched
    tenant_id: int
    name: str
    newest: datetime
    seen_until: datetime | None


_KPIS = Watched(
    "kpis",
    newest="""
        SELECT s.tenant_id, s.kpi_id AS subject, newest.observed_at AS newest
        FROM kpi_series AS s CROSS JOIN LATERAL (
            SELECT observed_at FROM kpi_points AS p
            WHERE p.tenant_id = s.tenant_id AND p.kpi_id = s.kpi_id AND p.observed_at <= :now
            ORDER BY observed_at DESC LIMIT 1) AS newest
    """,
    points="""
        SELECT extract(epoch FROM date_bin('15 minutes', observed_at, timestamptz '1970-01-01Z')),
               avg(value)
        FROM kpi_points
        WHERE tenant_id = :tenant_id AND kpi_id = :subject AND abs(value) <= 1e150
            AND observed_at >= :first AND observed_at <= :last
        GROUP BY 1 ORDER BY 1
    """,
)
_BUILDINGS = Watched(
    "buildings",
    newest="""
        SELECT t.tenant_id, h.site_name || '/' || h.point_name AS subject, max(h.hour) AS newest
        FROM timeseries_hourly AS h JOIN tenant_sites AS t USING (site_name)
        WHERE h.hour > CAST(:now AS timestamptz) - interval '7 days' AND h.hour <= :now
            AND (h.unit IN ('°C', '°F', 'ppm') OR h.point_name ILIKE '%co2%')
        GROUP BY 1, 2
    """,
    points="""
        SELECT extract(epoch FROM h.hour), avg(h.mean)
        FROM timeseries_hourly AS h JOIN tenant_sites AS t USING (site_name)
        WHERE t.tenant_id = :tenant_id AND h.site_name || '/' || h.point_name = :subject
            AND starts_with(:subject, h.site_name || '/') AND abs(h.mean) <= 1e150
            AND h.hour >= :first AND h.hour <= :last
        GROUP BY 1 ORDER BY 1
    """,
)
_WHOLE_DAYS = "day < (CAST(:now AS timestamptz) AT TIME ZONE t.time_zone)::date"
# A day without an order of a currency that has some is a day of none.
_ORDERS = Watched(
    "commerce",
    newest=f"""
        SELECT d.tenant_id, d.currency AS subject,
               max(d.day)::timestamp AT TIME ZONE max(t.time_zone) AS newest
        FROM orders_daily AS d JOIN tenants AS t USING (tenant_id)
        WHERE {_WHOLE_DAYS} GROUP BY 1, 2
    """,  # noqa: S608 constants only
    points="""
        WITH days AS (
            SELECT d.day, d.orders, t.time_zone
            FROM orders_daily AS d JOIN tenants AS t USING (tenant_id)
            WHERE d.tenant_id = :tenant_id AND d.currency = :subject
                AND d.day >= (CAST(:first AS timestamptz) AT TIME ZONE t.time_zone)::date
                AND d.day <= (CAST(:last AS timestamptz) AT TIME ZONE t.time_zone)::date
        )
        SELECT extract(epoch FROM every.day AT TIME ZONE zone), coalesce(orders, 0)
        FROM (SELECT min(day) AS first, max(day) AS last, max(time_zone) AS zone FROM days) AS span
        CROSS JOIN LATERAL generate_series(first::timestamp, last::timestamp, '1 day')
            AS every (day)
        LEFT JOIN days ON days.day = every.day::date
        ORDER BY 1
    """,
    daily=True,
)
_BOOKS = Watched(
    "book_sales",
    newest=f"""
        SELECT d.tenant_id, d.currency AS subject,
               max(d.day)::timestamp AT TIME ZONE max(t.time_zone) AS newest
        FROM book_income_daily AS d JOIN tenants AS t USING (tenant_id)
        WHERE {_WHOLE_DAYS} AND currency <> '' GROUP BY 1, 2
    """,  # noqa: S608 constants only
    # What is settled stands on the first of its month, and is no day's income.
    points="""
        SELECT extract(epoch FROM day::timestamp AT TIME ZONE t.time_zone), sum(income)
        FROM book_income_daily AS d JOIN tenants AS t USING (tenant_id)
        WHERE d.tenant_id = :tenant_id AND d.currency = :subject
            AND NOT (d.basis = 'settled' AND d.day = d.month)
            AND d.day >= (CAST(:first AS timestamptz) AT TIME ZONE t.time_zone)::date
            AND d.day <= (CAST(:last AS timestamptz) AT TIME ZONE t.time_zone)::date
        GROUP BY 1 ORDER BY 1
    """,
    daily=True,
)
WATCHED = (_KPIS, _BUILDINGS, _ORDERS, _BOOKS)

_DUE = """
    SELECT every.tenant_id, every.subject, every.newest, w.seen_until
    FROM ({newest}) AS every
    LEFT JOIN watched_subjects AS w ON w.tenant_id = every.tenant_id
        AND w.domain = :domain AND w.subject = every.subject
    WHERE every.newest > CAST(:now AS timestamptz) - interval '60 days' AND (w.seen_until IS NULL
        OR w.seen_until < every.newest
        OR w.looked_at < CAST(:now AS timestamptz) - interval '1 hour')
    ORDER BY w.looked_at NULLS FIRST, 1, 2 LIMIT :limit
"""


def due(connection: sa.Connection, kind: Watched, *, now: datetime, limit: int) -> list[Subject]:
    """Subjects to be looked at, those that have waited longest at first."""
    query = sa.text(_DUE.format(newest=kind.newest))
    rows = connection.execute(query, {"domain": kind.domain, "now": now, "limit": limit})
    return [Subject(kind, row.tenant_id, row.subject, row.newest, row.seen_until) for row in rows]


def points(connection: sa.Connection, subject: Subject, shifts: Sequence[Shift]) -> Series:
    """The points of a subject, as far back as the detector looks.

    Args:
        shifts: of levels that moved as expected: what came before is read as if it had been so.
    """
    values = {
        "tenant_id": subject.tenant_id, "subject": subject.name, "last": subject.newest,
        "first": subject.newest - timedelta(days=LOOK_BACK_DAYS),
    }  # fmt: skip
    rows: Sequence[Any] = connection.execute(sa.text(subject.kind.points), values).all()
    instants = np.array([int(row[0]) for row in rows], dtype=np.int64)
    read = np.array([float(row[1]) for row in rows], dtype=np.float64)
    for since, by in shifts:
        read[instants < since.timestamp()] += by
    return series_of(instants, read)
