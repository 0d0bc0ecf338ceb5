"""What senders order: an import of a platform, checked before it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.book_sales import queue
from ingestion_pipeline.book_sales.load import DOMAIN
from ingestion_pipeline.book_sales.notation import Told
from ingestion_pipeline.book_sales.registry import PLATFORMS, canonical
from ingestion_pipeline.errors import ContractError, FieldError
from ingestion_pipeline.ledger.tables import job_attempts, jobs, uploads
from ingestion_pipeline.settings import Settings

_MOST_PRIORITY = 100
_FIELDS = {"platform", "payload", "priority", "scheduled_for"}
_OF_API = {"access_token", "after", "before"}
_LARGEST_ID = 2**63


@dataclass(frozen=True)
class Order:
    """An import that somebody wants."""

    platform: str
    payload: Mapping[str, Any] = field(repr=False)
    priority: int = 0
    scheduled_for: datetime | None = None


def parse_order(body: Any, *, platform: str | None = None) -> Order:
    """The order in a body; where the path names the platform, the body is the rest.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be an object")
    faults: list[FieldError] = []
    unknown = sorted(set(body) - (_FIELDS - {"platform"} if platform else _FIELDS))
    faults += [FieldError(name[:80], "is unknown") for name in unknown]
    name = platform if platform is not None else body.get("platform")
    name = canonical(name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in PLATFORMS:
        faults.append(FieldError("platform", f"must be one of {', '.join(PLATFORMS)}"))
    payload = body.get("payload")
    if not isinstance(payload, dict):
        faults.append(FieldError("payload", "must be an object"))
    elif isinstance(name, str) and name in PLATFORMS:
        faults += _faults_of_payload(name, payload)
    priority = body.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > 100:
        faults.append(FieldError("priority", f"must be from -{_MOST_PRIORITY} to {_MOST_PRIORITY}"))
    scheduled_for = _instant(body.get("scheduled_for"), faults)
    if faults:
        said = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5])
        raise ContractError(said, faults)
    assert isinstance(name, str)  # noqa: S101
    assert isinstance(payload, dict)  # noqa: S101
    return Order(name, payload, priority, scheduled_for)


def record(
    connection: sa.Connection, configuration: Settings, *, tenant_id: int, order: Order
) -> int:
    """Record an order; returns the job's id.

    Raises:
        ContractError: it names a report that the tenant does not have.
        ConfigurationError: it holds credentials, and there is no key to encrypt them.
    """
    upload_id = order.payload.get("upload_id")
    if upload_id is not None:
        c = uploads.c
        mine = sa.exists().where(
            c.upload_id == upload_id, c.tenant_id == tenant_id, c.domain == DOMAIN,
            c.type == order.platform,
        )  # fmt: skip
        if not connection.scalar(sa.select(mine)):
            rule = f"you have no report {upload_id} of {order.platform}"
            raise ContractError(
                f"payload.upload_id: {rule}", [FieldError("payload.upload_id", rule)]
            )
    return queue.order(
        connection, configuration, tenant_id=tenant_id, platform=order.platform,
        payload=order.payload, priority=order.priority, scheduled_for=order.scheduled_for,
    )  # fmt: skip


def job_document(connection: sa.Connection, tenant_id: int, job_id: int) -> dict[str, Any] | None:
    """An import and its attempts as they are told its owner; without the payload. None: no such."""
    c = jobs.c
    row = connection.execute(
        sa.select(
            c.job_id, c.kind, c.status, c.priority, c.attempt, c.max_attempts, c.available_at,
            c.created_at, c.updated_at, c.result, c.error,
        ).where(c.job_id == job_id, c.tenant_id == tenant_id, c.kind.in_(queue.KINDS))
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    a = job_attempts.c
    attempts = connection.execute(
        sa.select(a.attempt, a.started_at, a.finished_at, a.outcome, a.error, a.run_id)
        .where(a.job_id == job_id)
        .order_by(a.attempt)
    ).all()
    return {
        "status": row.status,
        "message": row.error or f"attempt {row.attempt} of {row.max_attempts}",
        "jobId": row.job_id,
        "platform": queue.KINDS[row.kind],
        "priority": row.priority,
        "scheduledFor": row.available_at.isoformat(),
        "createdAt": row.created_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
        "result": row.result,
        "error": row.error,
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


def _faults_of_payload(name: str, payload: dict[str, Any]) -> list[FieldError]:
    platform = PLATFORMS[name]
    known = _OF_API if platform.fetch else {"upload_id", "decimal", "dates"}
    faults = [
        FieldError(f"payload.{field[:80]}", f"is unknown; known are {', '.join(sorted(known))}")
        for field in sorted(set(payload) - known)
    ]
    if platform.fetch:
        try:
            platform.check(payload)
        except ContractError as error:
            faults += error.errors
        return faults
    try:
        Told(payload.get("decimal"), payload.get("dates"))
    except ContractError as error:
        faults += [FieldError(f"payload.{each.field}", each.message) for each in error.errors]
    upload_id = payload.get("upload_id")
    if isinstance(upload_id, bool) or not isinstance(upload_id, int):
        rule = "must be the number of a report; upload one to /api/ingestion/upload/" + name
        faults.append(FieldError("payload.upload_id", rule))
    elif not 0 < upload_id < _LARGEST_ID:
        faults.append(FieldError("payload.upload_id", "is out of range"))
    return faults


def _instant(value: Any, faults: list[FieldError]) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        faults.append(FieldError("scheduled_for", "must be an ISO 8601 instant"))
        return None
