"""What uploads leave behind, taken away once a day: harmless at any time, and when cut off midway.

expired sessions          with the chunks of files that were never finished
unfinished landed files   whose writer was killed a day ago or earlier
unrecorded landed files   whose writer was killed after the last byte, before the row in `uploads`
idempotency keys          older than IDEMPOTENCY_RETENTION
"""

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.land import sessions
from ingestion_pipeline.domains.commerce.land.chunks import FOLDER
from ingestion_pipeline.foundation.ledger import idempotency
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.landing import Landing

logger = logging.getLogger(__name__)

_STALE = timedelta(days=1)
_LOOK_BACK = timedelta(days=31)
_LANDING_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")  # as `landing_name` makes it


@dataclass(frozen=True)
class Swept:
    """What was taken away."""

    sessions: int
    chunk_folders: int
    unfinished_files: int
    unrecorded_files: int
    idempotency_keys: int


def sweep(engine: sa.Engine, landing: Landing, *, idempotency_retention: timedelta) -> Swept:
    """Take away what nobody can use any more."""
    # The gateway's package: not needed to load the definitions.

    with engine.begin() as connection:
        expired = sessions.delete_expired(connection)
    # Listed before asking which sessions there are: a folder is made after its session.
    folders = [name for name in landing.folders(FOLDER) if name.isdecimal()]
    with engine.connect() as connection:
        known = sessions.known(connection, [int(name) for name in folders])
    orphans = [name for name in folders if int(name) not in known]
    for name in orphans:
        landing.remove_folder(f"{FOLDER}/{name}")
    with engine.begin() as connection:
        forgotten = idempotency.forget(connection, older_than=idempotency_retention)
    unfinished, unrecorded = landing.remove_stale(_STALE), _remove_unrecorded(engine, landing)
    return Swept(expired, len(orphans), unfinished, unrecorded, forgotten)


def _remove_unrecorded(engine: sa.Engine, landing: Landing) -> int:
    """Remove files that nobody knows of: they were kept, and their writer died before it said so.

    Whoever sent one was not answered, and sends it again. Only names of our own making are looked
    at, and only of the last month: this runs every night.
    """
    now = datetime.now(UTC)
    # A name's day is the one on which the file began to come: the day before may still be coming.
    days = {(now.date() - timedelta(days=age)).isoformat() for age in range(2, _LOOK_BACK.days)}
    found = [
        (landing_id, f"{tenant}/{day}/{landing_id}")
        for tenant in landing.folders("")
        for day in landing.folders(tenant)
        if day in days
        for landing_id in landing.folders(f"{tenant}/{day}")
        if _LANDING_ID.fullmatch(landing_id)
    ]
    if not found:
        return 0
    recorded = _recorded(engine, since=now - _LOOK_BACK - _STALE)
    removed = 0
    for landing_id, folder in found:
        written = landing.modified(folder)
        if landing_id in recorded or written is None or now - written < _STALE:
            continue
        logger.warning("%s was received and never recorded; it is removed", folder)
        landing.remove_folder(folder)
        removed += 1
    return removed


def _recorded(engine: sa.Engine, *, since: datetime) -> set[str]:
    """The landing ids in the locations of uploads since then, whatever the store's URL was."""
    statement = sa.select(uploads.c.location).where(uploads.c.recorded_at >= since)
    with engine.connect() as connection:
        locations = connection.execution_options(yield_per=1000).scalars(statement)
        return {part for each in locations for part in _LANDING_ID.findall(each)}
