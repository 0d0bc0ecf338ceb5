"""How far a window has come, so that a killed run goes on from there.

A checkpoint counts only after the rows before it are committed. Where the key-value store is in
the database, both are one transaction. Elsewhere it follows the commit; killed between the two,
the next run fetches one page again, which changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Dialect
from ingestion_pipeline.foundation.storage.key_value.contract import KeyValue
from ingestion_pipeline.foundation.storage.key_value.documents import Elsewhere
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue

NAMESPACE = "buildings"
LIFETIME = timedelta(hours=24)


class Progress(msgspec.Struct, frozen=True):
    """What is known of a window while it is collected.

    Attributes:
        bound: what the cursor belongs to; another page size or set of points begins anew.
        page: number of the next page, from 0.
        cursor: of the next page.
        finished: the last page is written; only the merge is missing.
        straight: rows go straight into the table, none was there before.
        staged: rows in the staging table.
        missing: configured points that have had no sample yet.
        total: records that the window has, as its newest page said.
    """

    bound: str
    missing: frozenset[str]
    page: int = 0
    cursor: str | None = None
    finished: bool = False
    straight: bool = True
    staged: int = 0
    dialect: Dialect | None = None
    total: int | None = None
    counts: Counts = Counts()


@dataclass(frozen=True)
class Checkpoints:
    """Checkpoints in the key-value store; `store` None: in the engine's database."""

    engine: sa.Engine
    store: KeyValue | None = None

    @classmethod
    def kept(cls, engine: sa.Engine, elsewhere: Elsewhere | None) -> "Checkpoints":
        """In the stores of another server, where there are such."""
        return cls(engine, elsewhere(NAMESPACE) if elsewhere else None)

    def usable(self) -> KeyValue:
        """The store, outside of any transaction."""
        return self.store or PostgreSQLKeyValue(self.engine, NAMESPACE)

    def load(self, key: str, bound: str) -> Progress | None:
        """The progress under a key, if it is of the same thing."""
        entry = self.usable().get(key)
        if entry is None or entry.value.get("bound") != bound:
            return None
        return msgspec.convert(entry.value, Progress)

    @contextmanager
    def transaction(self, connection: sa.Connection) -> "Iterator[Saving]":
        """A transaction whose checkpoint is saved with it, or right after it."""
        saving = Saving()
        with connection.begin():
            yield saving
            if self.store is None:
                saving.apply(PostgreSQLKeyValue(connection, NAMESPACE))
        if self.store is not None:
            saving.apply(self.store)


class Saving:
    """What is to become of checkpoints once the transaction is sure."""

    def __init__(self) -> None:
        self._changes: list[tuple[str, Any]] = []

    def save(self, key: str, progress: Progress) -> None:
        """Keep this progress."""
        self._changes.append((key, msgspec.to_builtins(progress)))

    def forget(self, key: str) -> None:
        """Keep none."""
        self._changes.append((key, None))

    def apply(self, store: KeyValue) -> None:
        """Do it."""
        for key, value in self._changes:
            if value is None:
                store.delete(key)
            else:
                store.put(key, value, ttl=LIFETIME)
