"""What is watched: KPIs, points of buildings, orders and book income by day, macro series; up to
where it was looked at, and the points that a look needs.

A subject is due when it has points since it was looked at, or when an hour has passed: a gap has
none, and what was put right is older. What has had none for 60 days is watched no more.
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

GONE_AFTER_DAYS = 60


@dataclass(frozen=True)
class Watched:
    """A kind of subjects.

    Attributes:
        newest: (tenant_id, subject, newest) of each; the instant of its newest point until `:now`.
        points: (seconds since 1970, value) of `:tenant_id`, `:subject`, from `:first` to `:last`.
        known: the instant until which `:subject` would have points, if it had any: what comes by
            the day is not missed in the evening. None: its days are whole, none can be missing.
    """

    domain: str
    newest: str
    points: str
    known: str | None = None

    @property
    def daily(self) -> bool:
        """Whether its points are days."""
        return self.known is None


@dataclass(frozen=True)
class Subject:
    """Something that is watched; `newest`: the instant of its newest point."""

    kind: Watched
    tenant_id: int | None
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
    # Of what is posted as it is read, now; of what comes in a file a day, a day ago.
    known="""
        SELECT CAST(:now AS timestamptz) - greatest(interval '0', percentile_cont(0.95)
            WITHIN GROUP (ORDER BY received_at - observed_at))
        FROM kpi_points
        WHERE tenant_id = :tenant_id AND kpi_id = :subject AND observed_at <= :last
            AND observed_at > CAST(:last AS timestamptz) - interval '14 days'
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
    # A site is collected as a whole.
    known="""
        SELECT max(h.hour) + interval '1 hour'
        FROM timeseries_hourly AS h JOIN tenant_sites AS t USING (site_name)
        WHERE t.tenant_id = :tenant_id AND starts_with(:subject, h.site_name || '/')
            AND h.hour >= :last AND h.hour <= :now
    """,
)
# A day is whole when something came after it. Of a loaded file the marts need some minutes.
_CAME = """
    SELECT max(recorded_at) AS came_at FROM uploads AS u
    WHERE u.tenant_id = t.tenant_id AND u.status = 'loaded'
        AND u.loaded_at < CAST(:now AS timestamptz) - interval '15 minutes'
"""
# A day without an order of a currency that has some is a day of none, also the newest.
_ORDERS = Watched(
    "commerce",
    newest=f"""
        SELECT tenant_id, currency AS subject, (max(until) - 1)::timestamp AT TIME ZONE max(zone)
               AS newest
        FROM orders_daily JOIN (
            SELECT t.tenant_id, t.time_zone AS zone,
                   (coalesce(came_at, :now) AT TIME ZONE t.time_zone)::date AS until
            FROM tenants AS t
            CROSS JOIN LATERAL ({_CAME} AND domain = 'commerce') AS files
        ) AS whole USING (tenant_id)
        WHERE day < until GROUP BY 1, 2 HAVING max(day) > max(until) - {GONE_AFTER_DAYS}
    """,  # noqa: S608 constants only
    points="""
        WITH days AS (
            SELECT d.day, d.orders, t.time_zone AS zone
            FROM orders_daily AS d JOIN tenants AS t USING (tenant_id)
            WHERE d.tenant_id = :tenant_id AND d.currency = :subject
                AND d.day >= (CAST(:first AS timestamptz) AT TIME ZONE t.time_zone)::date
                AND d.day <= (CAST(:last AS timestamptz) AT TIME ZONE t.time_zone)::date
        )
        SELECT extract(epoch FROM every.day AT TIME ZONE span.zone), coalesce(orders, 0)
        FROM (SELECT min(day) AS first, max(zone) AS zone FROM days) AS span
        CROSS JOIN LATERAL generate_series(
            first::timestamp, CAST(:last AS timestamptz) AT TIME ZONE span.zone, '1 day'
        ) AS every (day)
        LEFT JOIN days ON days.day = every.day::date
        ORDER BY 1
    """,
)
# By platform: each tells its sales in its own time. What a platform has settled by the month stands
# on the first of it, and is no day's income; its days are not known any more.
_BOOKS = Watched(
    "book_sales",
    newest=f"""
        SELECT tenant_id, platform || '/' || currency AS subject,
               (max(until) - 1)::timestamp AT TIME ZONE max(zone) AS newest
        FROM book_income_daily JOIN (
            SELECT t.tenant_id, t.time_zone AS zone, platform,
                   greatest((came_at AT TIME ZONE t.time_zone)::date, last) AS until
            FROM (
                SELECT tenant_id, platform, max(day) AS last FROM book_income_daily GROUP BY 1, 2
            ) AS told
            JOIN tenants AS t USING (tenant_id)
            CROSS JOIN LATERAL ({_CAME} AND domain = 'book_sales' AND u.type = platform) AS files
        ) AS whole USING (tenant_id, platform)
        WHERE day < until AND currency <> '' AND NOT (basis = 'settled' AND day = month)
        GROUP BY 1, 2 HAVING max(day) > max(until) - {GONE_AFTER_DAYS}
    """,  # noqa: S608 constants only
    points="""
        WITH days AS (
            SELECT d.day, t.time_zone AS zone,
                   bool_or(d.basis = 'settled' AND d.day = d.month) AS settled,
                   sum(d.income) FILTER (WHERE d.basis <> 'settled' OR d.day <> d.month) AS income
            FROM book_income_daily AS d JOIN tenants AS t USING (tenant_id)
            WHERE d.tenant_id = :tenant_id AND d.platform || '/' || d.currency = :subject
                AND d.day >= (CAST(:first AS timestamptz) AT TIME ZONE t.time_zone)::date
                AND d.day <= (CAST(:last AS timestamptz) AT TIME ZONE t.time_zone)::date
            GROUP BY 1, 2
        )
        SELECT extract(epoch FROM every.day AT TIME ZONE span.zone), coalesce(income, 0)
        FROM (SELECT min(day) FILTER (WHERE income IS NOT NULL) AS first, max(zone) AS zone
              FROM days) AS span
        CROSS JOIN LATERAL generate_series(
            first::timestamp, CAST(:last AS timestamptz) AT TIME ZONE span.zone, '1 day'
        ) AS every (day)
        LEFT JOIN days ON days.day = every.day::date
        WHERE NOT EXISTS (SELECT FROM days AS month WHERE month.settled
                          AND date_trunc('month', every.day) = month.day)
        ORDER BY 1
    """,
)
# FRED's are the operator's own; of a tenant's the name has its tenant in front.
_MACRO = Watched(
    "markets",
    newest="""
        SELECT t.tenant_id, series_id AS subject, observed_on::timestamp AT TIME ZONE 'UTC'
               AS newest
        FROM macro_latest LEFT JOIN tenants AS t ON t.name = split_part(series_id, '/', 1)
            AND strpos(series_id, '/') > 0
        WHERE newest AND observed_on <= CAST(:now AS timestamptz) AT TIME ZONE 'UTC'
            AND (strpos(series_id, '/') = 0 OR t.tenant_id IS NOT NULL)
    """,
    points="""
        SELECT extract(epoch FROM observed_on::timestamp AT TIME ZONE 'UTC'), value
        FROM macro_latest
        WHERE series_id = :subject AND abs(value) <= 1e150
            AND observed_on >= CAST(:first AS timestamptz) AT TIME ZONE 'UTC'
            AND observed_on <= CAST(:last AS timestamptz) AT TIME ZONE 'UTC'
        ORDER BY 1
    """,
)
WATCHED = (_KPIS, _BUILDINGS, _ORDERS, _BOOKS, _MACRO)

_DUE = """
    SELECT every.tenant_id, every.subject, every.newest, w.seen_until
    FROM ({newest}) AS every
    LEFT JOIN watched_subjects AS w ON w.tenant_id IS NOT DISTINCT FROM every.tenant_id
        AND w.domain = :domain AND w.subject = every.subject
    WHERE every.newest > CAST(:now AS timestamptz) - interval '{days} days'
        AND (w.seen_until IS NULL
        OR w.seen_until < every.newest
        OR w.looked_at < CAST(:now AS timestamptz) - interval '1 hour')
    ORDER BY w.looked_at NULLS FIRST, 1, 2 LIMIT :limit
"""


def due(connection: sa.Connection, kind: Watched, *, now: datetime, limit: int) -> list[Subject]:
    """Subjects to be looked at, those that have waited longest at first."""
    query = sa.text(_DUE.format(newest=kind.newest, days=GONE_AFTER_DAYS))
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


def known_until(connection: sa.Connection, subject: Subject, *, now: datetime) -> datetime:
    """Until when a subject would have points, if it had any; until then a gap is told."""
    if subject.kind.known is None:
        return subject.newest
    values = {
        "tenant_id": subject.tenant_id, "subject": subject.name, "last": subject.newest, "now": now,
    }  # fmt: skip
    known: datetime | None = connection.scalar(sa.text(subject.kind.known), values)
    return max(known or now, subject.newest)
