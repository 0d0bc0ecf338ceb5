"""A dropped file is taken once it is left alone: landed, recorded, then taken out of its folder.

Whoever is killed in between, or comes second, takes it out only; what has landed and is not
recorded is invisible. One for which its tenant has no room stays where it is.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.storage.dropped import (
    DroppedFile,
    is_unchanged,
    open_dropped,
    take_out,
)
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, chunks_of, landing_name

logger = logging.getLogger(__name__)

Recorded = TypeVar("Recorded")


@dataclass
class Dropped:
    """What a scan did.

    Attributes:
        recorded: ids of what is loaded because of it.
        known: files that had come before and were taken out only, a sentence each.
        left: why files stay in the folder, a sentence each.
        unfinished: files that have changed within DROP_SETTLE.
    """

    recorded: list[int] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unfinished: int = 0


def key_of(dropped: DroppedFile) -> str:
    """What a dropped file is not taken twice by: its path, its size and when it was written."""
    return f"drop:{dropped.path}:{dropped.version}"


class Scan(Protocol):
    """What counts files that are not taken yet."""

    unfinished: int


def due(
    found: Iterable[tuple[str, DroppedFile]], scan: Scan, *, settle: timedelta, until: datetime
) -> Iterator[tuple[str, DroppedFile]]:
    """Files that have been left alone for `settle`, until time is up; others are counted."""
    for folder, dropped in found:
        now = datetime.now(UTC)
        if now >= until:
            return
        if now - dropped.changed < settle:
            scan.unfinished += 1
        else:
            yield folder, dropped


def take(
    engine: sa.Engine,
    files: Any,
    dropped: DroppedFile,
    *,
    landing: Landing,
    tenant_id: int,
    keeps: int,
    record: Callable[[sa.Connection, Landed], tuple[Recorded, bool]],
    known: Callable[[sa.Connection], Recorded | None] = lambda _: None,
) -> Recorded | None:
    """Take a dropped file; what `record` says of it, or None: it is still being written.

    Args:
        engine: of a migrated database.
        files: the file system that it lies on.
        dropped: the file.
        landing: where it is kept.
        tenant_id: whose it is.
        keeps: bytes of files, of a tenant that has no limit of its own.
        record: records it, and says whether the landed file is needed.
        known: says what it is recorded as, where it was by who could not take it out any more.

    Raises:
        QuotaError: its tenant has no room for it; it stays.
        FileNotFoundError: it is gone: another was faster.
        IngestionError: it can't be read, or whatever `record` refuses it with; it stays, too.
    """
    with engine.connect() as connection:
        recorded = known(connection)
        room = quota.room_of(connection, tenant_id, default=keeps)
    if recorded is None:
        if dropped.size > room.left:
            raise room.error()
        landed = _landed(files, dropped, landing)
        if landed is None:
            return None
        try:
            with engine.begin() as connection:
                quota.take(connection, tenant_id, landed.size, default=keeps)
                recorded, is_needed = record(connection, landed)
        except IngestionError:  # it was rolled back
            landing.remove(landed.location)
            raise
        if not is_needed:
            landing.remove(landed.location)
    take_out(files, dropped)
    return recorded


def _landed(files: Any, dropped: DroppedFile, landing: Landing) -> Landed | None:
    """A dropped file, landed; None: it was written meanwhile, or it is another now."""
    with open_dropped(files, dropped.path, root=dropped.root) as file:
        landed = landing.write(landing_name(dropped.tenant, dropped.name), chunks_of(file))
    try:
        if landed.size == dropped.size and is_unchanged(files, dropped):
            return landed
    except FileNotFoundError:
        pass
    logger.info("%s is still being written", dropped.path)
    landing.remove(landed.location)
    return None
