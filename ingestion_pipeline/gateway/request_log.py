"""`api_requests`: one row a request, written in batches beside the requests, never in their way.

Losing it never fails a request: while the database is away rows are kept, up to a limit, and then
the oldest are dropped and counted.
"""

import asyncio
import contextlib
import logging
from collections import deque
from datetime import datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
_KEPT = 50_000
_BATCH = 5_000
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
        self._entries: deque[Entry] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.dropped = 0

    def add(self, entry: Entry) -> None:
        """Note a request."""
        self._entries.append(entry)
        if len(self._entries) > _KEPT:
            self._entries.popleft()
            self.dropped += 1

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
                await asyncio.wait_for(self._stopping.wait(), _EVERY_SECONDS)
            await self._write()

    async def _write(self) -> None:
        while self._entries:
            batch = [self._entries.popleft() for _ in range(min(_BATCH, len(self._entries)))]
            rows = msgspec.json.encode([entry._asdict() for entry in batch]).decode()
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(_INSERT, {"rows": rows})
            except (sa.exc.SQLAlchemyError, OSError) as error:
                logger.warning("request log not written, trying again: %s", error)
                self._entries.extendleft(reversed(batch))
                return
