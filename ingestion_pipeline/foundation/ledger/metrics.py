"""What the caches do and how fast programs answer: noted in memory, written in batches beside them.

Whoever notes something says into which database; its rows of one table are gathered together
(batched.py).
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.batched import Batched
from ingestion_pipeline.foundation.ledger.tables.operations import cache_metrics
from ingestion_pipeline.foundation.ledger.tables.requests import api_requests

logger = logging.getLogger(__name__)

Outcome = Literal["hit", "miss", "stale", "invalidation"]

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
