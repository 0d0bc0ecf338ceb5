"""FRED's vintages as rows: what is known of a series now, and what was known on any day.

A vintage holds from `realtime_start` to `realtime_end`, so of each date one is the newest, and its
value may be missing: FRED takes values back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.history import changes
from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY, Day, Vintage
from ingestion_pipeline.domains.markets.publish.documents import Document, plain
from ingestion_pipeline.domains.markets.tables import observations, series
from ingestion_pipeline.foundation.storage import database

_RECENT = 12  # observations of a series that the document shows

_KNOWN = sa.text("""
    SELECT date, realtime_start, realtime_end, value FROM macro_observations
    WHERE series_id = :series_id
""")
# Only the dates of which something else is known now are written.
_STAGE = sa.text("""
    CREATE TEMPORARY TABLE staged_vintages (
        date date, realtime_start date, realtime_end date, value numeric
    ) ON COMMIT DROP
""")
_COPY = "COPY staged_vintages (date, realtime_start, realtime_end, value) FROM STDIN"
_MERGE = sa.text("""
    INSERT INTO macro_observations AS known (series_id, date, realtime_start, realtime_end, value)
    SELECT :series_id, date, realtime_start, realtime_end, value
    FROM staged_vintages ORDER BY date, realtime_start
    ON CONFLICT (series_id, date, realtime_start) DO UPDATE SET
        realtime_end = excluded.realtime_end, value = excluded.value, recorded_at = now()
    WHERE (known.realtime_end, known.value)
        IS DISTINCT FROM (excluded.realtime_end, excluded.value)
""")
# What began on the same day as its correction, or holds on under another row.
_DROP = sa.text("""
    DELETE FROM macro_observations AS known
    WHERE series_id = :series_id AND date IN (SELECT date FROM staged_vintages) AND NOT EXISTS (
        SELECT FROM staged_vintages AS new
        WHERE new.date = known.date AND new.realtime_start = known.realtime_start)
""")
_AS_OF = sa.text("""
    SELECT date, value, realtime_start FROM macro_observations
    WHERE series_id = :series_id AND realtime_start <= :day AND realtime_end >= :day
    ORDER BY date
""")
_NEWEST = sa.text("""
    SELECT date, value, realtime_start,
           (SELECT earlier.value FROM macro_observations AS earlier
            WHERE earlier.series_id = newest.series_id AND earlier.date = newest.date
              AND earlier.value IS NOT NULL
            ORDER BY earlier.realtime_start DESC LIMIT 1) AS last_good
    FROM macro_observations AS newest
    WHERE series_id = :series_id AND realtime_end = :last_day
    ORDER BY date DESC LIMIT :limit
""")


@dataclass(frozen=True)
class Known:
    """A value of a series, as it was known; `since` is the day on which it was released."""

    date: Day
    value: Decimal | None
    since: Day


def merge_vintages(
    connection: sa.Connection, series_id: str, vintages: Sequence[Vintage], *, today: date
) -> int:
    """Add what an answer tells of a series to what is known of it (`contract/history.py`); how many
    vintages are new or changed.

    Raises:
        psycopg errors as SQLAlchemy's; nothing was written.
    """
    known = [Vintage(*row) for row in connection.execute(_KNOWN, {"series_id": series_id})]
    connection.execute(_STAGE)
    with database.driver(connection).cursor() as cursor, cursor.copy(_COPY) as copy:
        for _, rows in changes(known, vintages, today=today):
            for each in rows:
                copy.write_row((each.date, each.realtime_start, each.realtime_end, each.value))
    dropped = connection.execute(_DROP, {"series_id": series_id}).rowcount
    changed = connection.execute(_MERGE, {"series_id": series_id}).rowcount
    connection.exec_driver_sql("DROP TABLE staged_vintages")  # the next series makes its own
    return changed + dropped


def macro_as_of(connection: sa.Connection, series_id: str, day: date) -> list[Known]:
    """What was known of a series on a day, by date; a value may be missing."""
    rows = connection.execute(_AS_OF, {"series_id": series_id, "day": day})
    return [Known(*row) for row in rows]


def as_of_document(connection: sa.Connection, series_ids: Sequence[str], day: date) -> Document:
    """What was known on a day, of each series all observations."""
    found = {name: macro_as_of(connection, name, day) for name in series_ids}
    return {
        "as_of": day.isoformat(),
        "series": {
            name: {"observations": [_observation(each) for each in known]}
            for name, known in found.items()
        },
    }


def macro_document(
    connection: sa.Connection, series_ids: Sequence[str], *, fresh_since: datetime
) -> Document | None:
    """The newest good value of every series; None: nothing is known of any.

    Args:
        connection: to read with.
        series_ids: which.
        fresh_since: a series that FRED has not given since then is stale, and so is one whose last
            answer could not be used.
    """
    states = {
        row.series_id: row
        for row in connection.execute(
            sa.select(series).where(series.c.series_id.in_(list(series_ids)))
        )
    }
    found = {
        name: _series_document(connection, name, states.get(name), fresh_since)
        for name in series_ids
    }
    known = {name: each for name, each in found.items() if each is not None}
    if not known:
        return None
    absent = [name for name in series_ids if name not in known]
    return {
        "as_of": max(each["date"] for each in known.values()),
        "series": known,
        "stale": bool(absent) or any(each["stale"] for each in known.values()),
        "unavailable": absent,
    }


def newest_day(connection: sa.Connection) -> date | None:
    """The newest date that any series has a value of."""
    query = sa.select(sa.func.max(observations.c.date)).where(
        observations.c.realtime_end == LAST_DAY, observations.c.value.is_not(None)
    )
    found: date | None = connection.scalar(query)
    return found


def _series_document(
    connection: sa.Connection, series_id: str, state: Any, fresh_since: datetime
) -> Document | None:
    values = {"series_id": series_id, "last_day": LAST_DAY, "limit": _RECENT}
    rows = connection.execute(_NEWEST, values).all()
    # A date that had a value and has none now keeps its last good one, marked; one that never
    # had any (a holiday) is passed over.
    served = next((row for row in rows if row.last_good is not None), None)
    if served is None:
        return None
    taken_back = served.value is None
    fetched_at = state.fetched_at if state is not None else None
    error = state.error if state is not None else None
    late = fetched_at is None or fetched_at < fresh_since or error is not None
    return {
        "value": plain(served.last_good),
        "date": served.date.isoformat(),
        "released": served.realtime_start.isoformat(),
        "stale": taken_back or late,
        "taken_back": taken_back,
        "fetched_at": None if fetched_at is None else fetched_at.isoformat(),
        "error": error,
        "observations": [
            {"date": row.date.isoformat(), "value": plain(row.value)} for row in reversed(rows)
        ],
    }


def _observation(known: Known) -> Document:
    return {
        "date": known.date.isoformat(),
        "value": plain(known.value),
        "released": known.since.isoformat(),
    }
