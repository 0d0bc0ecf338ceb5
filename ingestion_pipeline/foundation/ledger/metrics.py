"""What the caches do and how fast programs answer: noted in memory, written in batches beside them.

Noting never fails and never waits. While the database is away the newest are kept, up to a limit;
a process that is killed loses what it noted within the last second. Whoever notes something says
into which database; its rows of one table are gathered together.
"""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.operations import cache_metrics
from ingestion_pipeline.foundation.ledger.tables.requests import api_requests

logger = logging.getLogger(__name__)

Outcome = Literal["hit", "miss", "stale", "invalidation"]

_EVERY_SECONDS = 1.0
_KEPT = 50_000
_BATCH = 5_000


class Batched:
    """Rows of one table, gathered from any thread and written once a second."""

    def __init__(self, table: sa.Table, engine: Callable[[], sa.Engine]) -> None:
        self._table = table
        self._engine = engine
        self._rows: deque[dict[str, Any]] = deque()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def add(self, row: dict[str, Any]) -> None:
        """Note a row; the oldest is dropped where too many wait."""
        self._rows.append(row)
        if len(self._rows) > _KEPT:
            self.dropped += 1
            self._take(1)
        if self._thread is None:
            self._start()

    def flush(self) -> int:
        """Write what waits and return how many rows; when the database is away they wait on."""
        written = 0
        with self._writing:
            while batch := self._take(_BATCH):
                try:
                    with self._engine().begin() as connection:
                        connection.execute(sa.insert(self._table), batch)
                except Exception as error:  # noqa: BLE001  (losing it never fails anybody)
                    if isinstance(error, sa.exc.DataError | sa.exc.IntegrityError):
                        self.dropped += len(batch)  # it would be refused again
                    else:
                        self._rows.extendleft(reversed(batch))
                    reason = str(error).partition("\n")[0]
                    logger.warning("%s not written: %s", self._table.name, reason)
                    break
                written += len(batch)
        return written

    def _take(self, number: int) -> list[dict[str, Any]]:
        taken: list[dict[str, Any]] = []
        try:
            while len(taken) < number:
                taken.append(self._rows.popleft())
        except IndexError:
            pass
        return taken

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
            pause.wait(_EVERY_SECONDS)
            if self._rows:
                self.flush()


_batched: dict[tuple[sa.Engine, str], Batched] = {}


def _add(engine: sa.Engine, table: sa.Table, row: dict[str, Any]) -> None:
    batched = _batched.get((engine, table.name))
    if batched is None:
        made = Batched(table, lambda: engine)
        batched = _batched.setdefault((engine, table.name), made)  # another thread may be faster
    batched.add(row)


def log_cache_metric(
    engine: sa.Engine,
    *,
    service: str,
    cache_key: str,
    outcome: Outcome,
    tenant_id: int | None = None,
    duration_ms: float | None = None,
) -> None:
    """Note that a cache answered (`hit`), had to ask (`miss`), gave its last value (`stale`) or
    forgot a key (`invalidation`); written to the engine's database soon.
    """
    row = cache_row(
        service=service, cache_key=cache_key, outcome=outcome, tenant_id=tenant_id,
        duration_ms=duration_ms,
    )  # fmt: skip
    _add(engine, cache_metrics, row)


def cache_row(
    *,
    service: str,
    cache_key: str,
    outcome: Outcome,
    tenant_id: int | None = None,
    duration_ms: float | None = None,
    outside: bool = False,
) -> dict[str, Any]:
    """A row of `cache_metrics` of this moment; `outside`: of a program that is not ours."""
    return {
        "recorded_at": datetime.now(UTC),
        "service": service,
        "cache_key": cache_key,
        "outcome": outcome,
        "tenant_id": tenant_id,
        "duration_ms": duration_ms,
        "outside": outside,
    }


def log_api_request(
    engine: sa.Engine,
    *,
    service: str,
    request_id: str,
    route: str,
    status: int,
    duration_ms: float,
    method: str = "GET",
    tenant_id: int | None = None,
    retries: int = 0,
    cache_hit: bool | None = None,
) -> None:
    """Note a request that a program other than the gateway has answered; written soon.

    Args:
        engine: of the database that it is written to.
        service: which program: `prediction`.
        retries: how often it had to ask others again for it.
    """
    row = request_row(
        service=service, request_id=request_id, route=route, status=status,
        duration_ms=duration_ms, method=method, tenant_id=tenant_id, retries=retries,
        cache_hit=cache_hit,
    )  # fmt: skip
    _add(engine, api_requests, row)


def log_retry(engine: sa.Engine, *, service: str, method: str) -> None:
    """Note that an upstream is asked again; at once, as that is rare. Losing it fails nobody."""
    row = request_row(
        service=service, request_id="", route="(asked again)", status=0, duration_ms=0.0,
        method=method, retries=1,
    )  # fmt: skip
    try:
        with engine.begin() as connection:
            connection.execute(sa.insert(api_requests).values(row))
    except sa.exc.SQLAlchemyError as error:
        logger.warning("a retry is not noted: %s", str(error).partition("\n")[0])


def request_row(
    *, service: str, request_id: str, route: str, status: int, duration_ms: float, **others: Any
) -> dict[str, Any]:
    """A row of `api_requests` of this moment."""
    return {
        "requested_at": datetime.now(UTC),
        "method": "GET",
        "request_bytes": 0,
        "response_bytes": 0,
        "tenant_id": None,
        "retries": 0,
        "cache_hit": None,
        "service": service,
        "request_id": request_id,
        "route": route,
        "status": status,
        "duration_ms": duration_ms,
        **others,
    }


def write_cache_metrics(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `cache_row` at once, for who wants them in a transaction of their own."""
    if rows:
        connection.execute(sa.insert(cache_metrics), list(rows))


def write_api_requests(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of `request_row` at once."""
    if rows:
        connection.execute(sa.insert(api_requests), list(rows))


def flush() -> int:
    """Write all that was noted in this process; at the end of a run, or in a test."""
    return sum(each.flush() for each in list(_batched.values()))
