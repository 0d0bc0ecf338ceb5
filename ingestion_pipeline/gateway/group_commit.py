"""Group commit: all requests that wait at the same time share one transaction.

A commit costs one flush to disk, however much is in it. While one transaction is under way the
next requests gather; they go together when it is done. So a lone request waits for nobody, and
hundreds at once need a few transactions.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.storage.deadlocks import MOST_TIMES, is_deadlock

_LARGEST_BATCH = 500
_MOST_WAITING = 20_000
# Where several came at once, the answers to them bring more at once: wait for those, or the next
# transaction would be for the first two or three, and most of the work is the transaction.
_GATHER_SECONDS = 0.01


Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[sa.Connection, list[Item]], Sequence[Result]]
"""What is done for all items that wait, in one transaction; a result each, in their order."""


class OverloadedError(TransientError):
    """More requests wait than can be answered in time."""


class GroupCommit(Generic[Item, Result]):
    """Runs `work(connection, items)` in one transaction for all items that wait."""

    def __init__(self, engine: AsyncEngine, work: Work[Item, Result]) -> None:
        self._engine = engine
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: Item) -> Result:
        """The result for an item, once its transaction is committed.

        Raises:
            OverloadedError: too many wait already; nothing was written.
            sqlalchemy.exc.DBAPIError: the transaction failed; nothing was written, or, where the
                connection broke at the commit, possibly all of it.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise OverloadedError("too many requests are waiting")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        while self._waiting:
            batch = self._waiting[:_LARGEST_BATCH]
            del self._waiting[:_LARGEST_BATCH]
            await self._commit(batch)
            if len(batch) > 1:
                await asyncio.sleep(_GATHER_SECONDS)
        self._task = None

    async def _commit(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._written([item for item, _ in batch])
        # Whatever it is belongs to those who wait, not to the loop.
        except Exception as error:  # noqa: BLE001
            if len(batch) > 1 and not is_outage(error):
                for one in batch:  # so that an item which can't be stored fails alone
                    await self._commit([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():  # its request may have been canceled meanwhile
                future.set_result(result)

    async def _written(self, items: list[Item]) -> Sequence[Result]:
        """Once more, where it stood in a circle with a file that is being loaded."""
        for time in range(MOST_TIMES):
            try:
                async with self._engine.begin() as connection:
                    return await connection.run_sync(self._work, items)
            except sa.exc.DBAPIError as error:
                if time == MOST_TIMES - 1 or not is_deadlock(error):
                    raise
        raise AssertionError("the last time returned or raised")  # pragma: no cover


def is_outage(error: BaseException) -> bool:
    """Whether the database could not be reached, as against: it refused what it was given."""
    outages = (
        TransientError, OSError,
        sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError,
    )  # fmt: skip
    return isinstance(error, outages)
