"""Recorded events → tables, caches and states: one transaction each, by whoever claims the job.

    received ──claimed, checked──▶ validated ──written──▶ applied
                     └───────────────────┴──no attempts left──▶ failed

An event is `applied` in the very transaction that writes its rows and invalidates their cached
documents. A worker whose claim went to another one in between changes nothing.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.contract.events import Event, parse_event
from ingestion_pipeline.domains.markets.contract.places import Place
from ingestion_pipeline.domains.markets.land.events import JOB_KINDS, job_kind
from ingestion_pipeline.domains.markets.merge.cache import invalidate
from ingestion_pipeline.foundation.ledger import events, jobs
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.metrics import cache_row, write_cache_metrics
from ingestion_pipeline.foundation.ledger.tables.events import ingestion_events
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.ledger.worker import Work, Worker, do_each

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recorded:
    """An event that is to be applied.

    Attributes:
        sent_at: when the sender says it happened, at the latest when it came.
    """

    ingestion_id: str
    tenant_id: int
    received_at: datetime
    sent_at: datetime
    event: Event
    payload: Mapping[str, Any]

    @property
    def day(self) -> date:
        """The day of the event in its sender's offset; of one from the future: when it came."""
        claimed = self.event.sent_at
        if claimed is None or claimed > self.received_at:
            return self.received_at.astimezone(claimed.tzinfo if claimed else UTC).date()
        return self.event.sent_day or claimed.date()


@dataclass(frozen=True)
class Written:
    """What an event has changed: so many records, and the documents that are old now."""

    records: int
    outdated: tuple[Place, ...] = ()


Write = Callable[[sa.Connection], Written]
# What takes long is done first; what it returns writes, within the transaction.
Handler = Callable[[sa.Engine, Recorded], Write]


@dataclass
class Applied:
    """What a batch came to."""

    ingestion_ids: list[str] = field(default_factory=list)
    records: int = 0
    failures: dict[str, str] = field(default_factory=dict)


def merge_claimed(
    engine: sa.Engine, event_type: str, handler: Handler, *, worker: Worker, limit: int
) -> Applied:
    """Claim up to `limit` events of a type and apply them, in the order in which they came.

    One that fails does not stop the others; its job is tried again, or failed for good.
    """
    with engine.begin() as connection:
        claims = worker.claim(connection, job_kind(event_type), limit=limit)
        fail_with_their_jobs(connection)
    work = Work(
        do=lambda claim: apply_one(engine, claim, handler),
        failed=_failed,
        name=lambda claim: f"event {claim.payload['ingestion_id']}",
    )
    outcome = Applied()
    for ended in do_each(engine, claims, work, lease=worker.lease, backoff=worker.backoff):
        ingestion_id = ended.claim.payload["ingestion_id"]
        if ended.status == "done":
            outcome.records += ended.result or 0
            outcome.ingestion_ids.append(ingestion_id)
        elif ended.status != "lost":
            outcome.failures[ingestion_id] = str(ended.error)
    return outcome


def apply_one(engine: sa.Engine, claim: Claim, handler: Handler) -> int:
    """Apply the event of a claimed job; how many records it wrote.

    Raises:
        StaleAttemptError: another attempt owns the job; nothing was written.
        ContractError: what is recorded is no event of today's contract.
    """
    started = time.perf_counter()
    with engine.begin() as connection:
        recorded = read_recorded(connection, claim.payload["ingestion_id"])
        if recorded is not None:
            events.validated(connection, recorded.ingestion_id)
    if recorded is None:  # it is applied already; its job was requeued by hand
        with engine.begin() as connection:
            jobs.complete(connection, claim)
        return 0
    write = handler(engine, recorded)
    with engine.begin() as connection:
        jobs.hold(connection, claim)
        written = write(connection)
        invalidated = invalidate(connection, written.outdated)
        milliseconds = (time.perf_counter() - started) * 1000
        events.applied(
            connection,
            recorded.ingestion_id,
            processed_records=written.records,
            processing_time_ms=round(milliseconds, 3),
            cache_invalidated=invalidated,
            rejected=[each.as_dict() for each in recorded.event.rejected],
        )
        jobs.complete(connection, claim, {"processed_records": written.records})
    _note_invalidations(engine, written.outdated)
    return written.records


def read_recorded(connection: sa.Connection, ingestion_id: str) -> Recorded | None:
    """An event that is to be applied; None: it is applied.

    Raises:
        ContractError: it is none of today's contract.
    """
    row = connection.execute(
        sa.select(ingestion_events).where(ingestion_events.c.ingestion_id == ingestion_id)
    ).one()
    if row.status == "applied":
        return None
    event = parse_event(row.payload)
    sent_at = min(event.sent_at or row.received_at, row.received_at)
    return Recorded(ingestion_id, row.tenant_id, row.received_at, sent_at, event, row.payload)


def fail_with_their_jobs(connection: sa.Connection) -> int:
    """Fail the events whose jobs are at an end without having been applied; how many."""
    ended = (
        sa.select(jobs_table.c.job_id)
        .where(
            jobs_table.c.job_id == ingestion_events.c.job_id,
            jobs_table.c.kind.in_(JOB_KINDS),
            jobs_table.c.status.in_(("dead", "failed")),
        )
        .exists()
    )
    statement = (
        sa.update(ingestion_events)
        .where(ingestion_events.c.status.in_(events.OPEN), ended)
        .values(status="failed", error="the worker of the last attempt vanished")
    )
    return connection.execute(statement).rowcount


def _failed(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
    if status == "failed":
        said = f"{type(error).__name__}: {error}"
        events.failed(connection, claim.payload["ingestion_id"], said)


def _note_invalidations(engine: sa.Engine, places: Sequence[Place]) -> None:
    """For the metrics, whose loss fails nobody."""
    rows = [
        cache_row(
            service=place.service, cache_key=place.key, outcome="invalidation",
            tenant_id=place.tenant_id,
        )
        for place in places
    ]  # fmt: skip
    try:
        with engine.begin() as connection:
            write_cache_metrics(connection, rows)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        logger.warning("cache metrics not written: %s", str(error).partition("\n")[0])
