"""Keeping a claim alive while its work takes longer than its lease."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import jobs

logger = logging.getLogger(__name__)


@contextmanager
def kept_alive(engine: sa.Engine, claims: Sequence[jobs.Claim], lease: timedelta) -> Iterator[None]:
    """Renew the leases from a thread, three times a lease, until the block ends.

    When the process dies the thread dies with it, and the leases lapse. A renewal that fails is
    logged and tried again: what counts is the fence at write-back, not the lease.
    """
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(lease.total_seconds() / 3):
            try:
                with engine.begin() as connection:
                    jobs.renew(connection, claims, lease)
            except sa.exc.SQLAlchemyError as error:
                logger.warning("leases not renewed, trying again: %s", error)

    thread = threading.Thread(target=renew, name="lease-renewal", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
