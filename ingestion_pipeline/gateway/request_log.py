"""`api_requests`: one row a request, written in batches beside the requests, never in their way.

Losing it never fails a request (foundation/ledger/batched.py).
"""

import asyncio
import contextlib
import logging
from datetime import datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ingestion_pipeline.foundation.ledger.batched import EVERY_SECONDS, Backlog

logger = logging.getLogger(__name__)

_INSERT = sa.text("""
    INSERT INTO api_requests (requested_at, request_id, tenant_id, method, route, status,
                              duration_ms, request_bytes, response_bytes, cache_hit)
    SELECT requested_at, request_id, tenant_id, method, route, status,
           duration_ms, request_bytes, response_bytes, cache_hit
    FROM json_populate_recordset(NULL::api_requests, CAST(:rows AS json))
""")


class Entry(NamedTuple):
    """One request, as the table has it; sizes in bytes."""

    requested_at: datetime
    request_id: str
    tenant_id: int | None
    method: str
    route: str
    status: int
    duration_ms: float
    request_bytes: int
    response_bytes: int
    cache_hit: bool | None = None


class RequestLog:
    """Gathers entries, and writes them once a second."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._backlog: Backlog[Entry] = Backlog()
        self._writer: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.add = self._backlog.add  # beside every request: no call more than it takes

    @property
    def dropped(self) -> int:
        """How many entries were given up, because too many waited."""
        return self._backlog.dropped

    def start(self) -> None:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write_until_stopped())

    async def stop(self) -> None:
        """Write what is left, if the database is there."""
        self._stopping.set()
        if self._writer is not None:
            await self._writer

    async def _write_until_stopped(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), EVERY_SECONDS)
            await self._write()

    async def _write(self) -> None:
        while batch := self._backlog.take():
            rows = msgspec.json.encode([entry._asdict() for entry in batch]).decode()
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(_INSERT, {"rows": rows})
            except (sa.exc.SQLAlchemyError, OSError) as error:
                logger.warning("request log not written, trying again: %s", error)
                self._backlog.put_back(batch)
                return
