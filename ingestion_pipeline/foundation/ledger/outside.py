"""Jobs and events of programs that are not ours (the prediction API), kept in the same ledger.

Such a program does its work itself and says how it goes. The kind of its jobs begins with
`outside.`, so that no worker of ours ever claims one. The same is offered over HTTP under
`/api/ledger`. Requests and cache metrics of such programs: `metrics.py`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import events
from ingestion_pipeline.foundation.ledger.metrics import log_api_request, log_cache_metric
from ingestion_pipeline.foundation.ledger.tables.jobs import job_attempts, jobs

__all__ = [
    "create_job", "log_api_request", "log_cache_metric", "log_ingestion_event", "read_job",
    "update_job_status",
]  # fmt: skip

PREFIX = "outside."
WORKER = "outside"
STATUSES = ("pending", "processing", "completed", "failed", "retrying", "dead")
_OUTCOMES = {"completed": "completed", "failed": "failed", "dead": "failed", "retrying": "failed"}


def create_job(
    connection: sa.Connection,
    *,
    tenant_id: int,
    kind: str,
    payload: Mapping[str, Any] | None = None,
    max_attempts: int = 3,
) -> int:
    """Record a job that the caller will do; returns its id. Its status is `pending`."""
    statement = sa.insert(jobs).values(
        tenant_id=tenant_id, kind=PREFIX + kind, payload=dict(payload or {}),
        max_attempts=max_attempts,
    )  # fmt: skip
    return int(connection.execute(statement.returning(jobs.c.job_id)).scalar_one())


def update_job_status(
    connection: sa.Connection,
    *,
    tenant_id: int,
    job_id: int,
    status: str,
    result: Mapping[str, Any] | None = None,
    error: str | None = None,
) -> bool:
    """Say how a job goes; False when there is no such job of the tenant's.

    `processing` begins an attempt, and `completed`, `failed`, `retrying` and `dead` end it. The
    same status again changes nothing.

    Raises:
        ContractError: there is no such status, or the job is completed and stays so.
    """
    if status not in STATUSES:
        raise ContractError(f"status: must be one of {', '.join(STATUSES)}")
    mine = sa.and_(
        jobs.c.job_id == job_id, jobs.c.tenant_id == tenant_id, jobs.c.kind.startswith(PREFIX)
    )
    known = connection.execute(
        sa.select(jobs.c.status, jobs.c.attempt).where(mine).with_for_update()
    ).one_or_none()
    if known is None:
        return False
    if known.status == status:
        return True
    if known.status == "completed":
        raise ContractError("status: the job is completed, and stays so")
    attempt = known.attempt
    if known.status == "processing":
        _end_attempt(connection, job_id, outcome=_OUTCOMES.get(status, "released"), error=error)
    elif status != "pending":
        attempt += 1
        _begin_attempt(connection, job_id, attempt)
        if status != "processing":  # it was begun without a word
            _end_attempt(connection, job_id, outcome=_OUTCOMES[status], error=error)
    connection.execute(
        sa.update(jobs)
        .where(jobs.c.job_id == job_id)
        .values(
            status=status,
            attempt=attempt,
            worker=WORKER,
            error=error,
            result=None if result is None else dict(result),
            updated_at=sa.func.now(),
        )
    )
    return True


def read_job(connection: sa.Connection, *, tenant_id: int, job_id: int) -> dict[str, Any] | None:
    """A job of the tenant's, whoever does it; None when there is none. Without its payload."""
    columns = jobs.c
    found = connection.execute(
        sa.select(
            columns.job_id, columns.kind, columns.status, columns.attempt, columns.max_attempts,
            columns.result, columns.error, columns.created_at, columns.updated_at,
        ).where(columns.job_id == job_id, columns.tenant_id == tenant_id)
    ).one_or_none()  # fmt: skip
    if found is None:
        return None
    job = dict(found._mapping)
    return {
        **job,
        "kind": job["kind"].removeprefix(PREFIX),
        **{name: value.isoformat() for name, value in job.items() if isinstance(value, datetime)},
    }


def log_ingestion_event(
    connection: sa.Connection,
    *,
    tenant_id: int,
    event_type: str,
    payload: Mapping[str, Any],
    source: str | None = None,
    market_slug: str | None = None,
    job_id: int | None = None,
    processed_records: int = 0,
    processing_time_ms: float | None = None,
    error: str | None = None,
    request_id: str | None = None,
) -> events.Recorded:
    """Record an event that the caller has dealt with: as applied, or with `error` as failed.

    The same event again is a duplicate and changes nothing.
    """
    recorded = events.record(
        connection, tenant_id=tenant_id, event_type=event_type, payload=payload, source=source,
        market_slug=market_slug, job_id=job_id, request_id=request_id,
    )  # fmt: skip
    if recorded.duplicate:
        return recorded
    if error is None:
        events.applied(
            connection, recorded.ingestion_id, processed_records=processed_records,
            processing_time_ms=processing_time_ms,
        )  # fmt: skip
    else:
        events.failed(
            connection, recorded.ingestion_id, error, processing_time_ms=processing_time_ms
        )
    status = "applied" if error is None else "failed"
    return events.Recorded(recorded.ingestion_id, job_id, status, duplicate=False)


def _begin_attempt(connection: sa.Connection, job_id: int, attempt: int) -> None:
    connection.execute(
        sa.insert(job_attempts).values(job_id=job_id, attempt=attempt, worker=WORKER)
    )


def _end_attempt(
    connection: sa.Connection, job_id: int, *, outcome: str, error: str | None
) -> None:
    connection.execute(
        sa.update(job_attempts)
        .where(job_attempts.c.job_id == job_id, job_attempts.c.finished_at.is_(None))
        .values(finished_at=sa.func.now(), outcome=outcome, error=error)
    )
