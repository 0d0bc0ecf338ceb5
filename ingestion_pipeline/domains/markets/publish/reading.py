"""The read-through: documents from the cache, else from where they are, loaded once at a time.

    fresh       served
    outdated    served, marked stale, while one loads it anew
    none        loaded, by one for all who wait; macro data is waited for no longer than a moment

Who waits for a load of somebody else must not get what was read before an event that is applied by
now. So a load belongs to the version of the entry that it found: whoever finds a newer one begins
another.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.places import Document, Place
from ingestion_pipeline.domains.markets.merge.cache import Cached
from ingestion_pipeline.foundation.ledger.metrics import Outcome

logger = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds that a reader waits for an upstream
_STALE_LIFETIME = 15.0  # seconds that a document that is stale in itself is served unasked

LookUp = Callable[[Place], Awaitable[Cached]]
Store = Callable[[Place, Cached, Document], Awaitable[bool]]
Load = Callable[[], Awaitable[Document | None]]
Prepare = Callable[[], Awaitable[None]]
Note = Callable[[Place, Outcome, float], None]


class NotReadyError(Exception):
    """Nothing is known yet, and what would know does not answer in time."""


@dataclass(frozen=True)
class Read:
    """A document, and where it was."""

    document: Document | None
    cached: bool
    stale: bool
    age: float = 0.0


class Reader:
    """Reads through a cache; one for an event loop.

    Args:
        look_up: what the cache says of a place.
        store: puts a document there unless it has changed meanwhile.
        note: told of every hit and miss of a document that there is.
        patience: seconds that a reader waits for an upstream.
    """

    def __init__(
        self, *, look_up: LookUp, store: Store, note: Note, patience: float = PATIENCE
    ) -> None:
        self._look_up = look_up
        self._store = store
        self._note = note
        self._patience = patience
        self._unknown = itertools.count(1)
        self._flights: dict[tuple[Any, ...], asyncio.Task[Document | None]] = {}

    async def read(
        self, place: Place, *, lifetime: float, load: Load, prepare: Prepare | None = None
    ) -> Read:
        """The document of a place.

        Args:
            place: in the cache.
            lifetime: seconds that a document is fresh.
            load: makes it of the tables.
            prepare: lets the tables be up to date before, if that does not take too long.

        Raises:
            NotReadyError: nothing is known, and `prepare` takes too long.
        """
        started = time.perf_counter()
        cached = await self._cached(place)
        found = cached.document
        if found is None:
            read = await self._loaded(place, cached, load, prepare)
            outcome: Outcome = "miss"
        elif cached.age < (_STALE_LIFETIME if found.get("stale") else lifetime):
            stale = bool(found.get("stale"))
            read, outcome = Read(found, True, stale, cached.age), "stale" if stale else "hit"
        else:
            self._flight(place, cached, load, prepare)
            read, outcome = Read(found, True, True, cached.age), "stale"
        # A document that is nowhere is no miss: no cache could have had it, and asking for markets
        # that there are none of would move everybody's hit ratio.
        if read.document is not None:
            self._note(place, outcome, (time.perf_counter() - started) * 1000)
        return read

    async def _cached(self, place: Place) -> Cached:
        try:
            return await self._look_up(place)
        except sa.exc.ProgrammingError as error:  # there is no cache: that is no reason to fail
            logger.warning("the cache can't be read: %s", str(error).partition("\n")[0])
            # A version of its own: without one nobody knows whose load is recent enough to share.
            return Cached(version=-next(self._unknown))

    async def _loaded(
        self, place: Place, cached: Cached, load: Load, prepare: Prepare | None
    ) -> Read:
        flight = self._flight(place, cached, load, prepare)
        if prepare is not None:
            await asyncio.wait({flight}, timeout=self._patience)
            if not flight.done():
                known = self._once((place, cached.version, "known"), load)
                document = await asyncio.shield(known)
                if document is None:
                    raise NotReadyError
                return Read(document, False, True)
        document = await asyncio.shield(flight)
        return Read(document, False, bool(document and document.get("stale")))

    def _flight(
        self, place: Place, cached: Cached, load: Load, prepare: Prepare | None
    ) -> asyncio.Task[Document | None]:
        async def load_and_store() -> Document | None:
            before = cached
            if prepare is not None:
                await prepare()
                before = await self._cached(place)  # what it has written invalidates, too
            document = await load()
            if document is not None:
                try:
                    await self._store(place, before, document)
                except sa.exc.SQLAlchemyError as error:
                    reason = str(error).partition("\n")[0]
                    logger.warning("the cache can't be written: %s", reason)
            return document

        return self._once((place, cached.version), load_and_store)

    def _once(self, key: Sequence[Any], work: Load) -> asyncio.Task[Document | None]:
        flight = self._flights.get(tuple(key))
        if flight is None:
            flight = asyncio.ensure_future(_run(work))
            self._flights[tuple(key)] = flight
            flight.add_done_callback(lambda done: self._landed(tuple(key), done))
        return flight

    def _landed(self, key: tuple[Any, ...], flight: asyncio.Task[Document | None]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled() and (error := flight.exception()) is not None:
            logger.warning("%s not loaded: %s", key[0].key, str(error).partition("\n")[0])


async def _run(work: Load) -> Document | None:
    return await work()
