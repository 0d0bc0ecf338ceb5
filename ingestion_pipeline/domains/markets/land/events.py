"""An event → its row and its job, in one transaction; what was sent before → the first answer."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.events import EVENT_TYPES, WARMING, Event
from ingestion_pipeline.foundation.ledger import events, jobs, tenants
from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.storage import locks

DOMAIN = "markets"
_OWN_TENANT = "default"  # in whose name the project orders something itself


@dataclass(frozen=True)
class Received:
    """An event as it came.

    Attributes:
        payload: the decoded body.
        body: its bytes, which tell one event from another.
        webhook_id: of Standard Webhooks: the sender's own name of the event.
    """

    tenant_id: int
    event: Event
    payload: Mapping[str, Any]
    body: bytes
    webhook_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Accepted:
    """What is answered; `known` where it was recorded before."""

    ingestion_id: str
    job_id: int | None
    known: bool = False


def job_kind(event_type: str) -> str:
    """The kind of the jobs that apply events of a type."""
    return f"{DOMAIN}.{event_type}"


JOB_KINDS = tuple(map(job_kind, EVENT_TYPES))


def land_event(connection: sa.Connection, received: Received, *, max_attempts: int) -> Accepted:
    """Record an event and its job, unless its body or its webhook id is known.

    Two of the same at once: the second waits for the first to be committed, and is known then.
    """
    event = received.event
    recorded = events.record(
        connection, tenant_id=received.tenant_id, event_type=event.event_type,
        payload=received.payload, sha256=hashlib.sha256(received.body).hexdigest(),
        source=event.source, market_slug=event.market_slug, webhook_id=received.webhook_id,
        request_id=received.request_id,
    )  # fmt: skip
    if recorded.duplicate:
        return Accepted(recorded.ingestion_id, recorded.job_id, known=True)
    job_id = jobs.enqueue(
        connection, kind=job_kind(event.event_type), tenant_id=received.tenant_id,
        payload={"ingestion_id": recorded.ingestion_id}, max_attempts=max_attempts,
    )  # fmt: skip
    events.set_job(connection, recorded.ingestion_id, job_id)
    return Accepted(recorded.ingestion_id, job_id)


def land_warming(
    connection: sa.Connection,
    *,
    source: str,
    now: datetime,
    max_attempts: int,
    request_id: str | None = None,
) -> Accepted:
    """Record that the caches are to be warmed; known where an order is not carried out yet."""
    locks.hold(connection, locks.ORDERING_WARMING)
    waiting = (
        sa.select(ingestion_events.c.ingestion_id, ingestion_events.c.job_id)
        .join(jobs_table, jobs_table.c.job_id == ingestion_events.c.job_id)
        .where(jobs_table.c.kind == job_kind(WARMING), jobs_table.c.status.in_(jobs.OPEN))
        .limit(1)
    )
    found = connection.execute(waiting).one_or_none()
    if found is not None:
        return Accepted(found.ingestion_id, found.job_id, known=True)
    payload = {
        "event_type": WARMING, "source": source, "data": {},
        "timestamp": now.isoformat(),
    }  # fmt: skip
    event = Event(WARMING, source, None, now)
    body = f"{source} {now.isoformat()} {uuid.uuid4()}".encode()
    tenant_id = tenants.ensure(connection, _OWN_TENANT)
    order = Received(tenant_id, event, payload, body, request_id=request_id)
    return land_event(connection, order, max_attempts=max_attempts)
