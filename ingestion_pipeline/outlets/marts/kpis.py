"""KPIs by UTC hour and by the tenant's own day, and what was usual for a day.

A mean is never infinite: values are scaled by a power of two before they are added, and rounding
takes a mean never past what it lies between.

What is usual for a day's mean follows from the days before alone (`foundation/unusual`), which look
back `LOOK_BACK_DAYS`. So when a day's mean changes the days after it, as many, are judged again;
a day that only gets another reading, and has none after it, costs nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.foundation.unusual.calendars import DAY, Calendar
from ingestion_pipeline.foundation.unusual.series import series_of
from ingestion_pipeline.foundation.unusual.usual import LOOK_BACK_DAYS, assess
from ingestion_pipeline.outlets.marts.own_days import OWN_DAYS, PARTS, within
from ingestion_pipeline.outlets.marts.refresh import Mart

_STATISTICS = """
    count(*) AS points, min(value) AS minimum, max(value) AS maximum,
    least(greatest(sum(value * 2.0 ^ -40) / count(*) * 2.0 ^ 40, min(value)), max(value)) AS mean
"""
_LAST = "(array_agg(value ORDER BY observed_at DESC))[1] AS last"
_FORGET_HOURS = sa.text(f"""
    DELETE FROM kpi_hourly AS known USING {PARTS}
    WHERE known.tenant_id = part.tenant_id AND known.kpi_id = part.key
      AND known.hour >= CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
      AND known.hour < CAST(part.day + 1 AS timestamp) AT TIME ZONE 'UTC'
""")  # noqa: S608
_HOURS = sa.text(f"""
    INSERT INTO kpi_hourly (tenant_id, kpi_id, hour, points, minimum, maximum, mean, first, last)
    SELECT point.tenant_id, point.kpi_id, date_trunc('hour', observed_at, 'UTC'), {_STATISTICS},
           (array_agg(value ORDER BY observed_at))[1], {_LAST}
    FROM {PARTS} CROSS JOIN LATERAL (
        SELECT * FROM kpi_points
        WHERE tenant_id = part.tenant_id AND kpi_id = part.key
          AND observed_at >= CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
          AND observed_at < CAST(part.day + 1 AS timestamp) AT TIME ZONE 'UTC'
        OFFSET 0) AS point  -- a look-up a part; a join would read all days for each
    GROUP BY 1, 2, 3
""")  # noqa: S608
# What was usual stays where the day does. The rows that come back are of days whose mean is another
# one now, with the day as a number (years before 1 are no `date` of Python's), and whether it was
# there before.
_DAYS = sa.text(f"""
    WITH own AS MATERIALIZED ({OWN_DAYS}),
    fresh AS MATERIALIZED (
        SELECT own.tenant_id, own.key AS kpi_id, own.day, {_STATISTICS}, {_LAST}
        FROM own CROSS JOIN LATERAL (
            SELECT * FROM kpi_points
            WHERE tenant_id = own.tenant_id AND kpi_id = own.key AND {within("observed_at")}
            OFFSET 0) AS point
        GROUP BY 1, 2, 3),
    gone AS (
        DELETE FROM kpi_daily AS known USING own
        WHERE known.tenant_id = own.tenant_id AND known.kpi_id = own.key AND known.day = own.day
          AND (known.tenant_id, known.kpi_id, known.day) NOT IN (
              SELECT tenant_id, kpi_id, day FROM fresh)
        RETURNING known.tenant_id, known.kpi_id, known.day),
    came AS (
        INSERT INTO kpi_daily AS known (tenant_id, kpi_id, day, points, minimum, maximum, mean,
                                        last)
        SELECT * FROM fresh
        ON CONFLICT (tenant_id, kpi_id, day) DO UPDATE SET
            points = excluded.points, minimum = excluded.minimum, maximum = excluded.maximum,
            mean = excluded.mean, last = excluded.last
        RETURNING known.tenant_id, known.kpi_id, known.day, known.mean)
    SELECT tenant_id, kpi_id, day - DATE '1970-01-01' AS day, true AS was_there FROM gone
    UNION ALL
    SELECT tenant_id, kpi_id, day - DATE '1970-01-01', old.day IS NOT NULL
    FROM came LEFT JOIN kpi_daily AS old USING (tenant_id, kpi_id, day)
    WHERE came.mean IS DISTINCT FROM old.mean
""")  # noqa: S608
_SERIES = sa.text("""
    SELECT tenant_id, kpi_id, known.day - DATE '1970-01-01', known.mean, usual_low, usual_middle,
           usual_high
    FROM json_to_recordset(CAST(:series AS json)) AS due
        (tenant_id integer, kpi_id text, first integer, last integer, is_new boolean)
    JOIN kpi_daily AS known USING (tenant_id, kpi_id)
    WHERE known.day >= DATE '1970-01-01' + due.first - :back
      AND known.day <= DATE '1970-01-01' + due.last + :back
      AND (is_new OR EXISTS (
          SELECT FROM kpi_daily AS later
          WHERE later.tenant_id = due.tenant_id AND later.kpi_id = due.kpi_id
            AND later.day > DATE '1970-01-01' + due.first))
    ORDER BY 1, 2, known.day
""")
_SET = sa.text("""
    UPDATE kpi_daily AS known
    SET usual_low = said.low, usual_middle = said.middle, usual_high = said.high
    FROM json_to_recordset(CAST(:said AS json)) AS said
        (tenant_id integer, kpi_id text, day integer, low double precision,
         middle double precision, high double precision)
    WHERE known.tenant_id = said.tenant_id AND known.kpi_id = said.kpi_id
      AND known.day = DATE '1970-01-01' + said.day
""")
_NOON = DAY // 2


def make(connection: sa.Connection, parts: str) -> int:
    """Work some UTC days of KPIs out; returns how many hours and days were written."""
    of_parts = {"parts": parts}
    connection.execute(_FORGET_HOURS, of_parts)
    rows = connection.execute(_HOURS, of_parts).rowcount
    changed = connection.execute(_DAYS, of_parts).all()
    _judge(connection, changed)
    return rows


def _judge(connection: sa.Connection, changed: Iterable[Any]) -> None:
    """Say anew what was usual, of days that are new and of those after one that has changed."""
    due: dict[tuple[int, str], dict[str, Any]] = {}
    for tenant_id, kpi_id, day, was_there in changed:
        own = due.setdefault((tenant_id, kpi_id), {"first": day, "last": day, "is_new": False})
        own["first"], own["last"] = min(own["first"], day), max(own["last"], day)
        own["is_new"] |= not was_there
    if not due:
        return
    series = [{"tenant_id": key[0], "kpi_id": key[1], **own} for key, own in due.items()]
    of_each: dict[tuple[int, str], list[Any]] = defaultdict(list)
    found = connection.execute(_SERIES, {"series": encode_json(series), "back": LOOK_BACK_DAYS})
    for tenant_id, kpi_id, *row in found:
        of_each[tenant_id, kpi_id].append(row)
    said = [
        {"tenant_id": key[0], "kpi_id": key[1], **each}
        for key, rows in of_each.items()
        for each in _said_anew(rows, first=due[key]["first"])
    ]
    if said:
        connection.execute(_SET, {"said": encode_json(said)})


def _said_anew(rows: Sequence[Any], *, first: int) -> Iterable[Mapping[str, Any]]:
    """Days from the first on of which something else was usual than is said.

    Args:
        rows: (day, mean, low, middle, high), in order of days.
        first: day.
    """
    usual = usual_of([row[0] for row in rows], [row[1] for row in rows])
    for day, _, *told in rows:
        now = usual.get(day, (None, None, None))
        if day >= first and tuple(told) != now:
            yield {"day": day, "low": now[0], "middle": now[1], "high": now[2]}


def usual_of(
    days: Sequence[int], means: Sequence[float]
) -> dict[int, tuple[float | None, float | None, float | None]]:
    """What was usual for each day's mean: (low, middle, high); None where nobody can say yet.

    Args:
        days: as numbers, since 1970; ascending.
        means: of each.
    """
    instants = np.array(days, dtype=np.int64) * DAY + _NOON
    series = series_of(instants, np.array(means), every=1)
    usual = assess(series, Calendar()).usual
    return {
        int(instant - _NOON) // DAY: _told(low, middle, high)
        for instant, low, middle, high in zip(
            series.instants.tolist(), usual.low.tolist(), usual.middle.tolist(),
            usual.high.tolist(), strict=True,
        )
    }  # fmt: skip


def _told(*band: float) -> Any:
    """All of a band, or nothing of it."""
    return band if all(map(math.isfinite, band)) else (None, None, None)


KPIS = Mart(
    name="kpis",
    source="kpi_points",
    most=300,
    everything="""
        SELECT tenant_id, kpi_id AS key, CAST(observed_at AT TIME ZONE 'UTC' AS date) AS day
        FROM kpi_points
        UNION SELECT tenant_id, kpi_id, CAST(hour AT TIME ZONE 'UTC' AS date) FROM kpi_hourly
        UNION SELECT tenant_id, kpi_id, day FROM kpi_daily
    """,
    make=make,
)
