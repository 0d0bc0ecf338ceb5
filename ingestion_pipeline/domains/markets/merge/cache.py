"""Documents by key, in the table `key_value`: stored, outdated, invalidated.

Always in the database, whatever KEY_VALUE_URL says: only there can an event invalidate its keys in
the very transaction that applies it.

To invalidate is to write an empty entry, not to delete one. Every write has a version of its own,
and what was read from the tables is stored only if the entry is still the one that was there
before reading. So a reader that was overtaken by an event stores nothing, and a read that begins
after "applied" finds the empty entry, or what somebody read after it.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.places import Document, Place
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue, key_value

logger = logging.getLogger(__name__)

SERVICES = ("fundamentals", "comps", "macro")
# An entry outlives its time to live: it is served, marked stale, while a new one is made.
_KEPT = timedelta(days=7)
_CLOCK_SKEW = 60.0


@dataclass(frozen=True)
class Cached:
    """What the cache says of a place.

    Attributes:
        version: to be handed to `store`; None: there is no entry.
        document: None where there is none, or it was invalidated.
        age: seconds since it was stored.
    """

    version: int | None = None
    document: Document | None = None
    age: float = 0.0


def lifetime(service: str, configuration: Settings) -> timedelta:
    """How long a document is fresh."""
    lifetimes = {
        "macro": configuration.cache_ttl_macro,
        "fundamentals": configuration.cache_ttl_fundamentals,
        "comps": configuration.cache_ttl_comps,
    }
    return lifetimes[service]


def look_up(connection: sa.Connection, places: Sequence[Place]) -> list[Cached]:
    """What the cache says of each place, in one query."""
    wanted = {(place.namespace, place.key) for place in places}
    columns = (key_value.c.namespace, key_value.c.key)
    alive = sa.or_(
        key_value.c.expires_at.is_(None),
        key_value.c.expires_at > sa.func.statement_timestamp(),
    )
    query = sa.select(*columns, key_value.c.value, key_value.c.version).where(
        sa.tuple_(*columns).in_(wanted), alive
    )
    found = {(row[0], row[1]): _cached(row[2], row[3]) for row in connection.execute(query)}
    return [found.get((place.namespace, place.key), Cached()) for place in places]


def store(connection: sa.Connection, place: Place, before: Cached, document: Document) -> bool:
    """Store what was read after `before` was looked up; False: somebody was faster."""
    value = {"stored_at": time.time(), "document": document}
    version = PostgreSQLKeyValue(connection, place.namespace).compare_and_set(
        place.key, value, expected=before.version, ttl=_KEPT
    )
    return version is not None


def invalidate(connection: sa.Connection, places: Iterable[Place]) -> list[str]:
    """Let nobody be given these documents once the transaction is committed; their keys.

    A cache that is not there has nothing to give: that fails nobody.
    """
    # In one order, so that two transactions never wait for each other.
    ordered = sorted(set(places), key=lambda place: (place.namespace, place.key))
    try:
        with connection.begin_nested():
            for place in ordered:
                store_ = PostgreSQLKeyValue(connection, place.namespace)
                store_.put(place.key, {"stored_at": time.time(), "document": None}, ttl=_KEPT)
    except sa.exc.ProgrammingError as error:
        logger.warning("there is no cache to invalidate: %s", str(error).partition("\n")[0])
        return []
    return [place.key for place in ordered]


def stored_at(cached: Cached) -> datetime:
    """When it was stored."""
    return datetime.fromtimestamp(time.time() - cached.age, UTC)


def _cached(value: Any, version: int) -> Cached:
    if not isinstance(value, dict) or not isinstance(value.get("document"), dict):
        return Cached(version)
    moment = value.get("stored_at")
    if not isinstance(moment, int | float):
        return Cached(version)
    age = time.time() - moment
    # Of a clock that is ahead: it would be fresh for as long as the clock is wrong.
    if age < -_CLOCK_SKEW:
        return Cached(version)
    return Cached(version, value["document"], max(age, 0.0))
