"""Grading: points without a quality → their quality, with what has to be published for it.

In the transaction that grades a point its series and its day are marked: the documents and the
summaries that hold it are made anew by whoever comes next; as is the next day, if it moves that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import day_bounds
from ingestion_pipeline.domains.kpis.merge.flags import publishing
from ingestion_pipeline.domains.kpis.merge.quality import jumps, quality
from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.foundation.storage.statements import statements
from ingestion_pipeline.foundation.unusual.local import WINDOW

_SQL = statements(__name__)

# xmin tells whether a point was doubted between being read and being graded. What somebody has
# corrected, or corrected to, contradicts nothing any more.
_SERIES = sa.text(f"""
    SELECT due.tenant_id, due.kpi_id, point.observed_at, point.value, point.received_at,
           point.in_order, point.quality IS NULL AND point.observed_at >= due.start AS ungraded,
           point.xmin::text AS version,
           EXISTS (SELECT 1 FROM kpi_conflicts AS conflict
                   WHERE conflict.tenant_id = due.tenant_id AND conflict.kpi_id = due.kpi_id
                     AND conflict.observed_at = point.observed_at
                     AND conflict.value <> point.value
                     AND NOT EXISTS (SELECT 1 FROM kpi_corrections AS mended
                                     WHERE mended.tenant_id = due.tenant_id
                                       AND mended.kpi_id = due.kpi_id
                                       AND mended.observed_at = point.observed_at
                                       AND mended.old_value = conflict.value)) AS conflicting
    FROM json_to_recordset(CAST(:due AS json)) AS due
            (tenant_id integer, kpi_id text, start timestamptz, stop timestamptz),
         LATERAL (
            (SELECT kpi_points.*, xmin FROM kpi_points
             WHERE tenant_id = due.tenant_id AND kpi_id = due.kpi_id
               AND observed_at < due.start AND in_order
             ORDER BY observed_at DESC LIMIT {WINDOW})
            UNION ALL
            (SELECT kpi_points.*, xmin FROM kpi_points
             WHERE tenant_id = due.tenant_id AND kpi_id = due.kpi_id
               AND observed_at BETWEEN due.start AND due.stop)) AS point
    ORDER BY due.tenant_id, due.kpi_id, point.observed_at
""")  # noqa: S608  (a constant of ours)


@dataclass(frozen=True)
class Graded:
    """What a step of grading did."""

    points: int = 0
    recreated: int = 0

    def __add__(self, other: "Graded") -> "Graded":
        return Graded(self.points + other.points, self.recreated + other.recreated)


def grade_day(connection: sa.Connection, day: date, *, late: timedelta, limit: int) -> Graded:
    """Grade a day's ungraded points, some `limit` of them; none left: 0 points.

    Args:
        connection: within a transaction that holds the publisher's lock.
        day: in UTC.
        late: a reading that came this long after its instant is late.
        limit: whole series are graded until this many points are.
    """
    start, stop = day_bounds(day)
    due: list[dict[str, Any]] = []
    expected = 0
    for row in connection.execute(_SQL["due"], {"start": start, "stop": stop}):
        if expected >= limit:
            break
        expected += row[4]
        due.append(
            {
                "tenant_id": row[0],
                "kpi_id": row[1],
                "start": row[2].isoformat(),
                "stop": row[3].isoformat(),
            }
        )
    if not due:
        return Graded()
    rows = connection.execute(_SERIES, {"due": encode_json(due)}).all()
    grades = _grades(rows, late)
    graded = connection.execute(_SQL["grade"], {"grades": encode_json(grades)}).all()
    series = [{"tenant_id": key[0], "kpi_id": key[1]} for key in {tuple(row) for row in graded}]
    connection.execute(_SQL["mark_series"], {"series": encode_json(series)})
    connection.execute(_SQL["mark_day"], {"day": day})
    connection.execute(_SQL["mark_next_days"], {"day": day, "series": encode_json(series)})
    return Graded(points=len(graded))


def quality_of_point(
    connection: sa.Connection,
    *,
    tenant_id: int,
    kpi_id: str,
    observed_at: datetime,
    late: timedelta,
) -> str | None:
    """The quality that an ungraded point is going to have; None when there is no such point."""
    instant = observed_at.isoformat()
    due = [{"tenant_id": tenant_id, "kpi_id": kpi_id, "start": instant, "stop": instant}]
    rows = connection.execute(_SERIES, {"due": encode_json(due)}).all()
    grades = _grades(rows, late)
    return str(grades[-1]["quality"]) if grades else None


def regrade_day(connection: sa.Connection, day: date) -> Graded:
    """Make a day's points from the inbox where they are missing, and forget all their grades."""
    start, stop = day_bounds(day)
    bounds = {"start": start, "stop": stop}
    recreated = connection.execute(_SQL["recreate"], bounds).rowcount
    connection.execute(_SQL["forget_grades"], bounds)
    return Graded(recreated=recreated)


def _grades(rows: Sequence[Any], late: timedelta) -> list[dict[str, Any]]:
    """The grades of the ungraded among rows of `_SERIES`."""
    grades: list[dict[str, Any]] = []
    first = 0
    while first < len(rows):
        key = (rows[first].tenant_id, rows[first].kpi_id)
        last = first
        while last < len(rows) and (rows[last].tenant_id, rows[last].kpi_id) == key:
            last += 1
        grades += _grades_of_series(rows[first:last], late)
        first = last
    return grades


def _grades_of_series(rows: Sequence[Any], late: timedelta) -> list[dict[str, Any]]:
    import numpy as np

    start = next((index for index, row in enumerate(rows) if row.ungraded), len(rows))
    found = jumps(
        np.array([row.value for row in rows], dtype=float),
        np.array([row.in_order for row in rows], dtype=bool),
        start=start,
    )
    return [
        {
            "tenant_id": row.tenant_id,
            "kpi_id": row.kpi_id,
            "observed_at": row.observed_at.isoformat(),
            "quality": quality(
                untimely=row.received_at - row.observed_at > late or not row.in_order,
                jump=bool(jump),
                conflicting=row.conflicting,
            ),
            "version": row.version,
        }
        for row, jump in zip(rows[start:], found, strict=True)
        if row.ungraded
    ]


def merge_points(
    engine: sa.Engine, day: date, *, late: timedelta, limit: int, again: bool = False
) -> Graded:
    """Grade what is ungraded of a day; `again`: make missing points, and grade all anew."""
    total = Graded()
    if again:
        with publishing(engine) as connection:
            total += regrade_day(connection, day)
    while True:
        with publishing(engine) as connection:
            step = grade_day(connection, day, late=late, limit=limit)
        total += step
        if not step.points:
            return total
