"""FRED's vintages as rows: what is known of a series now, and what was known on any day.

A vintage holds from `realtime_start` to `realtime_end`, so of each date one is the newest, and its
value may be missing: FRED takes values back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.places import Document
from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY, Day
from ingestion_pipeline.domains.markets.merge.refresh import PAUSE
from ingestion_pipeline.domains.markets.publish.documents import plain
from ingestion_pipeline.domains.markets.tables import observations, series
from ingestion_pipeline.foundation.settings import Settings

_RECENT = 12  # observations of a series that the document shows

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
    """The newest date that any series of FRED has a value of."""
    query = sa.select(sa.func.max(observations.c.date)).where(
        ~observations.c.series_id.contains("/"),
        observations.c.realtime_end == LAST_DAY,
        observations.c.value.is_not(None),
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


def known_macro(connection: sa.Connection, configuration: Settings) -> Document | None:
    """The macro document as the tables have it."""
    # Twice the lifetime: what is renewed in the background is not stale meanwhile.
    fresh_since = datetime.now(UTC) - 2 * configuration.cache_ttl_macro - PAUSE
    return macro_document(connection, configuration.fred_series_ids, fresh_since=fresh_since)
