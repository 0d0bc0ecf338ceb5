"""Events that were sent to us, and what became of them: one row each in `ingestion_events`.

    received ──validated──▶ validated ──applied──▶ applied
        └───────────────────────┴───────failed───▶ failed

An event is one (tenant, event type, SHA-256 of the body), and one (tenant, webhook id) where the
sender gives one; the same again is the first one's row. Functions take an open connection, so that
a step is recorded in the transaction that does it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events

_columns = ingestion_events.c
OPEN = ("received", "validated")


@dataclass(frozen=True)
class Recorded:
    """An event in the ledger.

    Attributes:
        duplicate: it was there before.
    """

    ingestion_id: str
    job_id: int | None
    status: str
    duplicate: bool


def payload_sha256(payload: Mapping[str, Any]) -> str:
    """The hash of a payload whose bytes are not known any more: of its keys in order."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def record(
    connection: sa.Connection,
    *,
    tenant_id: int,
    event_type: str,
    payload: Mapping[str, Any],
    sha256: str | None = None,
    source: str | None = None,
    market_slug: str | None = None,
    webhook_id: str | None = None,
    job_id: int | None = None,
    request_id: str | None = None,
) -> Recorded:
    """Record an event as received, or find the row of the same one.

    Args:
        sha256: of the body as it came, in hexadecimal; by default of the payload.
    """
    sha256 = sha256 or payload_sha256(payload)
    values = {
        "tenant_id": tenant_id,
        "event_type": event_type,
        "payload": payload,
        "payload_sha256": sha256,
        "source": source,
        "market_slug": market_slug,
        "webhook_id": webhook_id,
        "job_id": job_id,
        "request_id": request_id,
    }
    result = [_columns.ingestion_id, _columns.job_id, _columns.status]
    # Waits for a transaction that records the same one, and then finds its row.
    new = connection.execute(
        insert(ingestion_events).values(values).on_conflict_do_nothing().returning(*result)
    ).one_or_none()
    if new is not None:
        return Recorded(new.ingestion_id, new.job_id, new.status, duplicate=False)
    same = sa.and_(_columns.event_type == event_type, _columns.payload_sha256 == sha256)
    if webhook_id is not None:
        same = sa.or_(_columns.webhook_id == webhook_id, same)
    first = connection.execute(
        sa.select(*result)
        .where(_columns.tenant_id == tenant_id, same)
        .order_by(_columns.received_at)
        .limit(1)
    ).one()
    return Recorded(first.ingestion_id, first.job_id, first.status, duplicate=True)


def set_job(connection: sa.Connection, ingestion_id: str, job_id: int) -> None:
    """Say which job applies an event."""
    connection.execute(
        sa.update(ingestion_events)
        .where(_columns.ingestion_id == ingestion_id)
        .values(job_id=job_id)
    )


def validated(connection: sa.Connection, ingestion_id: str) -> None:
    """The event keeps the contract."""
    _step(connection, ingestion_id, status="validated", validated_at=sa.func.now())


def applied(
    connection: sa.Connection,
    ingestion_id: str,
    *,
    processed_records: int = 0,
    processing_time_ms: float | None = None,
    cache_invalidated: Sequence[str] = (),
    rejected: Sequence[Mapping[str, Any]] = (),
) -> None:
    """The event's data is in the tables, in this very transaction."""
    _step(
        connection,
        ingestion_id,
        status="applied",
        applied_at=sa.func.now(),
        validated_at=sa.func.coalesce(_columns.validated_at, sa.func.now()),
        processed_records=processed_records,
        processing_time_ms=processing_time_ms,
        cache_invalidated=list(cache_invalidated),
        rejected=list(rejected),
        error=None,
    )


def failed(
    connection: sa.Connection,
    ingestion_id: str,
    error: str,
    *,
    processing_time_ms: float | None = None,
    rejected: Sequence[Mapping[str, Any]] = (),
) -> None:
    """The event came to nothing, and no further attempt follows; an applied one stays applied."""
    _step(
        connection,
        ingestion_id,
        status="failed",
        error=error.replace("\x00", "\\x00")[:4000],
        processing_time_ms=processing_time_ms,
        rejected=list(rejected),
    )


def read(connection: sa.Connection, *, tenant_id: int, ingestion_id: str) -> dict[str, Any] | None:
    """All of an event but its payload; None when there is none, or it is somebody else's."""
    shown = [column for column in _columns if column.name not in ("payload", "tenant_id")]
    found = connection.execute(
        sa.select(*shown).where(
            _columns.tenant_id == tenant_id, _columns.ingestion_id == ingestion_id
        )
    ).one_or_none()
    return None if found is None else dict(found._mapping)


def _step(connection: sa.Connection, ingestion_id: str, **values: Any) -> None:
    connection.execute(
        sa.update(ingestion_events)
        .where(_columns.ingestion_id == ingestion_id, _columns.status != "applied")
        .values(**values)
    )
