"""How long landed files are kept: those that are loaded, or failed, for LANDED_RETENTION_DAYS."""

import logging
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from ingestion_pipeline.foundation.errors import LandedFileError
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.landing import Landing

logger = logging.getLogger(__name__)

_BATCH = 500


def remove_old(engine: sa.Engine, landing: Landing, *, keep: timedelta) -> int:
    """Remove landed files of uploads that were recorded that long ago; returns how many.

    The upload stays, with its counts and refused lines. A file that something still has to read
    (an upload of another reading of it included) stays, too. Cut off midway, the next call goes on.
    """
    other = aliased(uploads)
    needed = (
        sa.select(sa.literal(1))
        .where(other.c.location == uploads.c.location, other.c.status.in_(("recorded", "staged")))
        .exists()
    )
    due = (
        sa.select(uploads.c.upload_id, uploads.c.location)
        .where(
            sa.or_(
                uploads.c.source.in_(("http", "drop")),
                # What a mapping reads lands, however it came; elsewhere `api` names no file.
                sa.and_(uploads.c.domain == "intake", uploads.c.source.in_(("cli", "api"))),
            ),
            uploads.c.removed_at.is_(None),
            uploads.c.status.in_(("loaded", "failed")),
            uploads.c.recorded_at < sa.func.now() - keep,
            ~needed,
        )
        .order_by(uploads.c.upload_id)
        .limit(_BATCH)
    )
    removed = 0
    while True:
        with engine.connect() as connection:
            batch = connection.execute(due).all()
        if not batch:
            return removed
        for row in batch:
            try:
                landing.remove(row.location)
            except LandedFileError as error:  # of another LANDING_URL: not ours to remove
                logger.warning("upload %s: %s", row.upload_id, error)
        with engine.begin() as connection:
            gone = uploads.c.upload_id.in_([row.upload_id for row in batch])
            connection.execute(sa.update(uploads).where(gone).values(removed_at=sa.func.now()))
        removed += len(batch)
