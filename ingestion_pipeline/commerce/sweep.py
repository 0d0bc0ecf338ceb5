"""What uploads leave behind, taken away once a day: harmless at any time, and when cut off midway.

expired sessions          with the chunks of files that were never finished
unfinished landed files   whose writer was killed a day ago or earlier
idempotency keys          older than IDEMPOTENCY_RETENTION
"""

from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.commerce import sessions
from ingestion_pipeline.commerce.chunks import FOLDER
from ingestion_pipeline.storage.landing import Landing

_STALE = timedelta(days=1)


@dataclass(frozen=True)
class Swept:
    """What was taken away."""

    sessions: int
    chunk_folders: int
    unfinished_files: int
    idempotency_keys: int


def sweep(engine: sa.Engine, landing: Landing, *, idempotency_retention: timedelta) -> Swept:
    """Take away what nobody can use any more."""
    # The gateway's package: not needed to load the definitions.
    from ingestion_pipeline.gateway import idempotency

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
    return Swept(expired, len(orphans), landing.remove_stale(_STALE), forgotten)
