"""What has become of an import, as it is told its owner."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.ledger.tables.jobs import job_attempts, jobs

_STATES = {"dead": "failed"}


def import_document(
    connection: sa.Connection, tenant_id: int, job_id: int
) -> dict[str, Any] | None:
    """An import and its attempts as they are told its owner; without the payload. None: no such."""
    c = jobs.c
    row = connection.execute(
        sa.select(
            c.job_id, c.kind, c.status, c.priority, c.attempt, c.max_attempts, c.available_at,
            c.created_at, c.updated_at, c.result, c.error,
        ).where(c.job_id == job_id, c.tenant_id == tenant_id, queue.is_import(c.kind))
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    a = job_attempts.c
    attempts = connection.execute(
        sa.select(a.attempt, a.started_at, a.finished_at, a.outcome, a.error, a.run_id)
        .where(a.job_id == job_id)
        .order_by(a.attempt)
    ).all()
    named = str(uuid_of(row.job_id))
    return {
        "status": _STATES.get(row.status, row.status),
        "message": row.error or f"attempt {row.attempt} of {row.max_attempts}",
        "id": named,
        "jobId": named,
        "platform": queue.platform_of_kind(row.kind),
        "priority": row.priority,
        "scheduledFor": row.available_at.isoformat(),
        "createdAt": row.created_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
        "executedAt": attempts[0].started_at.isoformat() if attempts else None,
        "result": row.result,
        "error": row.error,
        "errorMessage": row.error,
        "attempts": [
            {
                "attempt": each.attempt,
                "startedAt": each.started_at.isoformat(),
                "finishedAt": each.finished_at.isoformat() if each.finished_at else None,
                "outcome": each.outcome,
                "error": each.error,
                "runId": each.run_id,
            }
            for each in attempts
        ],
    }
