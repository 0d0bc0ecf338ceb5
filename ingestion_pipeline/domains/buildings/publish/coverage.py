"""Which hours and points of a day are missing: windows that nobody fetched, points without samples.

Compared are the points that were configured when the day was collected with the samples that are
in the table, hour by hour. Hours in which no point has a sample are one gap, of `*`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.domains.buildings.publish.aggregates import lock_day, values_of_day
from ingestion_pipeline.domains.buildings.tables import collected_days, timeseries_gaps

EVERY_POINT = "*"
NOT_COLLECTED, NO_SAMPLE = "not collected", "no sample"
HOUR = timedelta(hours=1)
_TRIED_FOR = timedelta(days=30)  # since it was collected last, which each attempt does anew

_HOURS_OF_POINTS = sa.text("""
    SELECT DISTINCT point_name, date_trunc('hour', timestamp, 'UTC') FROM timeseries_raw
    WHERE site_name = :site AND timestamp >= :start AND timestamp < :end
""")
_COLLECTED = sa.text("""
    SELECT hour FROM generate_series(
        CAST(:start AS timestamptz), :end - interval '1 hour', '1 hour'
    ) AS hours (hour)
    WHERE (SELECT range_agg(tstzrange(window_start, window_end)) FROM collected_windows
           WHERE site_name = :site AND window_start < :end AND window_end > :start)
          @> tstzrange(hour, hour + interval '1 hour')
""")
_MISSING_DAYS = sa.text("""
    WITH known AS (
        SELECT site_name, day FROM collected_days
        UNION SELECT site_name, CAST(window_start AT TIME ZONE 'UTC' AS date) FROM collected_windows
    ), missing AS (
        SELECT site_name, CAST(generate_series(min(day), max(day), interval '1 day') AS date) AS day
        FROM known GROUP BY 1
    )
    SELECT site_name, day FROM missing
    WHERE NOT EXISTS (SELECT FROM collected_days AS c
                      WHERE c.site_name = missing.site_name AND c.day = missing.day)
    ORDER BY 1, 2
""")


@dataclass(frozen=True, order=True)
class Gap:
    """Hours in a row without a point's samples; `end` is the first hour that is not missing."""

    site: str
    point: str
    start: datetime
    end: datetime
    reason: str

    def as_dict(self) -> dict[str, str]:
        """A row of the table that the check shows."""
        until = "24:00" if self.end - day_of(self.start.date()).start == 24 * HOUR else None
        return {
            "site": self.site,
            "point": self.point,
            "day": f"{self.start:%Y-%m-%d}",
            "hours": f"{self.start:%H:%M}-{until or format(self.end, '%H:%M')}",
            "reason": self.reason,
        }


def find_gaps(connection: sa.Connection, site: str, day: date) -> list[Gap]:
    """The gaps of a day, as the tables are now."""
    values = values_of_day(site, day)
    c = collected_days.c
    expected = connection.scalar(
        sa.select(c.configured_points).where(c.site_name == site, c.day == day)
    )
    hours = [day_of(day).start + number * HOUR for number in range(24)]
    collected = set(connection.scalars(_COLLECTED, values))
    gaps = _joined(site, EVERY_POINT, NOT_COLLECTED, (h for h in hours if h not in collected))
    there: dict[str, set[datetime]] = {point: set() for point in expected or ()}
    for point, hour in connection.execute(_HOURS_OF_POINTS, values):
        there.setdefault(point, set()).add(hour)
    some = set().union(*there.values())
    silent = (h for h in hours if expected and h in collected and h not in some)
    gaps += _joined(site, EVERY_POINT, NO_SAMPLE, silent)
    for point in expected or ():
        missing = (h for h in hours if h in collected & some and h not in there[point])
        gaps += _joined(site, point, NO_SAMPLE, missing)
    return gaps


def publish_gaps(engine: sa.Engine, site: str, day: date) -> list[Gap]:
    """Replace the day's rows of `timeseries_gaps`, and return them."""
    g, c = timeseries_gaps.c, collected_days.c
    with engine.begin() as connection:
        lock_day(connection, "coverage", site, day)
        gaps = find_gaps(connection, site, day)
        connection.execute(sa.delete(timeseries_gaps).where(g.site_name == site, g.day == day))
        if gaps:
            connection.execute(
                sa.insert(timeseries_gaps),
                [
                    {
                        "site_name": site,
                        "day": day,
                        "point_name": gap.point,
                        "gap_start": gap.start,
                        "gap_end": gap.end,
                        "reason": gap.reason,
                    }
                    for gap in gaps
                ],
            )
        connection.execute(
            sa.update(collected_days)
            .where(c.site_name == site, c.day == day)
            .values(covered_at=sa.func.now())
        )
    return gaps


def uncovered_days(sites: Sequence[str]) -> sa.Select[Any]:
    """Days that a run has collected and nothing has followed from, the longest untried first.

    Not those that a shell has collected, which has no run, and none that were given up by being
    collected last so long ago.
    """
    c = collected_days.c
    return (
        sa.select(c.site_name, c.day)
        .where(
            c.site_name.in_(sites), c.run_id.is_not(None), c.covered_at.is_(None),
            c.collected_at > sa.func.now() - _TRIED_FOR,
        )
        .order_by(c.collected_at)
    )  # fmt: skip


def all_gaps(connection: sa.Connection) -> list[Gap]:
    """Every gap that is known, and the days between a site's first and last that nobody collected.

    A day that was collected after it had been compared is compared now.
    """
    c = collected_days.c
    stale = connection.execute(
        sa.select(c.site_name, c.day).where(
            sa.or_(c.covered_at.is_(None), c.covered_at < c.collected_at)
        )
    ).all()
    gaps = [
        Gap(row.site_name, row.point_name, row.gap_start, row.gap_end, row.reason)
        for row in connection.execute(sa.select(timeseries_gaps))
        if (row.site_name, row.day) not in {(s, d) for s, d in stale}
    ]
    for site, day in stale:
        gaps += find_gaps(connection, site, day)
    for site, day in connection.execute(_MISSING_DAYS):
        gaps += find_gaps(connection, site, day)
    return sorted(set(gaps), key=lambda gap: (gap.site, gap.start, gap.point))


def _joined(site: str, point: str, reason: str, hours: Iterable[datetime]) -> list[Gap]:
    """Hours in order, those in a row as one gap."""
    gaps: list[Gap] = []
    for hour in hours:
        if gaps and gaps[-1].end == hour:
            gaps[-1] = Gap(site, point, gaps[-1].start, hour + HOUR, reason)
        else:
            gaps.append(Gap(site, point, hour, hour + HOUR, reason))
    return gaps
