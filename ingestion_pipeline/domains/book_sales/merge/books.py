"""How a platform's books come into the tables: a row here for one that has a way of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import Parsed
from ingestion_pipeline.domains.book_sales.land import gumroad_sync
from ingestion_pipeline.domains.book_sales.merge import events, gumroad
from ingestion_pipeline.domains.book_sales.merge.events import Origin
from ingestion_pipeline.domains.book_sales.sources.gumroad.api import Ask
from ingestion_pipeline.domains.book_sales.sources.registry import canonical
from ingestion_pipeline.foundation.ledger.uploads import Counts


class Fetch(Protocol):
    """Asks an API; what is to be noted when its events are stored comes with them."""

    def __call__(
        self,
        engine: sa.Engine,
        ask: Ask,
        *,
        tenant_id: int,
        payload: dict[str, Any],
    ) -> tuple[Parsed, Callable[[sa.Connection], None]]:
        """The events of an API."""
        ...


class Load(Protocol):
    """Stores what was parsed; under the lock of `load.lock`, in the caller's transaction."""

    def __call__(
        self, connection: sa.Connection, origin: Origin, parsed: Parsed, *, keeps: int
    ) -> Counts:
        """What became of its rows."""
        ...


@dataclass(frozen=True)
class Books:
    """How a platform's books are kept.

    Attributes:
        fetch: asks its API; None where there are reports.
        load: stores what was parsed or fetched; for most, events as they are.
    """

    fetch: Fetch | None = None
    load: Load = events.merge_events


BOOKS = {"gumroad": Books(fetch=gumroad_sync.fetch, load=gumroad.load)}


def books_of(platform: str) -> Books:
    """How the books of a platform are kept; most are as events are."""
    return BOOKS.get(canonical(platform), Books())
