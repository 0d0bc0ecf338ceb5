"""Rows that are noted beside the work and written once a second; losing them fails nobody.

Noting never waits. While the database is away the newest are kept, up to a limit; a process that is
killed loses what it noted within the last second.
"""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0
_KEPT = 50_000
_BATCH = 5_000

Row = TypeVar("Row")


class Backlog(Generic[Row]):
    """What is noted and not written yet; any thread may add.

    Attributes:
        dropped: how many were given up.
    """

    def __init__(self) -> None:
        self._rows: deque[Row] = deque()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: Row) -> None:
        """Note a row; the oldest is dropped where too many wait."""
        self._rows.append(row)
        if len(self._rows) > _KEPT:
            self.dropped += 1
            self.take(1)

    def take(self, most: int = _BATCH) -> list[Row]:
        """The oldest, which do not wait any longer."""
        taken: list[Row] = []
        try:
            while len(taken) < most:
                taken.append(self._rows.popleft())
        except IndexError:  # another thread may have been faster
            pass
        return taken

    def put_back(self, batch: Sequence[Row]) -> None:
        """Let what could not be written wait on, before all others."""
        self._rows.extendleft(reversed(batch))


class Batched:
    """Rows of one table, gathered from any thread and written by one of its own."""

    def __init__(self, table: sa.Table, engine: Callable[[], sa.Engine]) -> None:
        self._table = table
        self._engine = engine
        self.backlog: Backlog[dict[str, Any]] = Backlog()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Note a row."""
        self.backlog.add(row)
        if self._thread is None:
            self._start()

    def flush(self) -> int:
        """Write what waits and return how many rows; when the database is away they wait on."""
        written = 0
        with self._writing:
            while batch := self.backlog.take():
                try:
                    with self._engine().begin() as connection:
                        connection.execute(sa.insert(self._table), batch)
                except Exception as error:  # noqa: BLE001  (losing it never fails anybody)
                    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
                        self.backlog.dropped += len(batch)  # it would be refused again
                    else:
                        self.backlog.put_back(batch)
                    reason = str(error).partition("\n")[0]
                    logger.warning("%s not written: %s", self._table.name, reason)
                    break
                written += len(batch)
        return written

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._write, name=f"{self._table.name}-writer", daemon=True
                )
                self._thread.start()
                atexit.register(self.flush)

    def _write(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(EVERY_SECONDS)
            if self.backlog:
                self.flush()
