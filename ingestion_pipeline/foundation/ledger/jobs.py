"""The job queue: leases, attempts, fencing, backoff.

    pending ──claim──▶ processing ──complete──▶ completed
                          │  ▲
             fail, lapse, │  │ claim
             release      ▼  │
                        retrying        failed   an attempt ended with an error, and no more follow
                                        dead     the worker of the last attempt vanished

A claim carries (job id, attempt). Every write-back repeats both: a worker that lost its lease, and
whose job another one has claimed since, changes nothing (`StaleAttemptError`). Functions take an
open connection, so that a job moves in the same transaction as the data it is about.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import StaleAttemptError, is_permanent
from ingestion_pipeline.foundation.ledger.tables.jobs import job_attempts, jobs

OPEN = ("pending", "processing", "retrying")


@dataclass(frozen=True)
class Claim:
    """One attempt at one job."""

    job_id: int
    attempt: int
    kind: str
    tenant_id: int | None
    payload: dict[str, Any] = field(repr=False)


def enqueue(
    connection: sa.Connection,
    *,
    kind: str,
    payload: dict[str, Any],
    max_attempts: int,
    tenant_id: int | None = None,
    priority: int = 0,
    after: timedelta = timedelta(0),
) -> int:
    """Record a job for later, due `after` that; returns its id."""
    statement = (
        sa.insert(jobs)
        .values(
            kind=kind,
            payload=payload,
            tenant_id=tenant_id,
            priority=priority,
            max_attempts=max_attempts,
            available_at=sa.func.now() + after,
        )
        .returning(jobs.c.job_id)
    )
    return int(connection.execute(statement).scalar_one())


def claimable(kind: str) -> sa.ColumnElement[bool]:
    """Jobs that a worker may take now: due, or abandoned by a worker whose lease has lapsed."""
    now = sa.func.now()
    return sa.and_(
        jobs.c.kind == kind,
        jobs.c.status.in_(OPEN),  # spelled out so that the partial index is used
        sa.or_(
            sa.and_(jobs.c.status.in_(("pending", "retrying")), jobs.c.available_at <= now),
            sa.and_(jobs.c.status == "processing", jobs.c.lease_expires_at <= now),
        ),
    )


def claim(
    connection: sa.Connection,
    *,
    kind: str,
    worker: str,
    lease: timedelta,
    limit: int = 1,
    run_id: str | None = None,
    only: Sequence[int] | None = None,
) -> list[Claim]:
    """Take up to `limit` jobs, highest priority first, then oldest; no job goes to two workers.

    `only` names the jobs that may be taken; None: all of the kind.
    """
    due = (
        sa.select(jobs.c.job_id, jobs.c.status, jobs.c.attempt, jobs.c.max_attempts)
        .where(claimable(kind), sa.true() if only is None else jobs.c.job_id.in_(only))
        .order_by(jobs.c.priority.desc(), jobs.c.job_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = connection.execute(due).all()
    _close_attempts(
        connection, [row.job_id for row in taken], outcome="lapsed", error="lease lapsed"
    )
    exhausted = [row.job_id for row in taken if row.attempt >= row.max_attempts]
    _bury(connection, exhausted, error="the worker of the last attempt vanished")
    statement = (
        sa.update(jobs)
        .where(jobs.c.job_id.in_([row.job_id for row in taken if row.job_id not in exhausted]))
        .values(
            status="processing",
            attempt=jobs.c.attempt + 1,
            worker=worker,
            run_id=run_id,
            lease_expires_at=sa.func.now() + lease,
            updated_at=sa.func.now(),
        )
        .returning(jobs.c.job_id, jobs.c.attempt, jobs.c.kind, jobs.c.tenant_id, jobs.c.payload)
    )
    claims = sorted((Claim(*row) for row in connection.execute(statement)), key=lambda c: c.job_id)
    if claims:
        connection.execute(
            sa.insert(job_attempts),
            [
                {"job_id": c.job_id, "attempt": c.attempt, "worker": worker, "run_id": run_id}
                for c in claims
            ],
        )
    return claims


def hold(connection: sa.Connection, claim: Claim) -> None:
    """Lock the job for the rest of the transaction, if this attempt still owns it.

    Raises:
        StaleAttemptError: it does not; roll back.
    """
    owned = connection.scalar(sa.select(jobs.c.job_id).where(*_owned_by(claim)).with_for_update())
    if owned is None:
        raise _stale(claim)


def renew(connection: sa.Connection, claims: Sequence[Claim], lease: timedelta) -> int:
    """Extend the leases of claims that are still ours; returns how many are."""
    if not claims:
        return 0
    statement = (
        sa.update(jobs)
        .where(
            sa.tuple_(jobs.c.job_id, jobs.c.attempt).in_([(c.job_id, c.attempt) for c in claims]),
            jobs.c.status == "processing",
        )
        .values(lease_expires_at=sa.func.now() + lease)
    )
    return connection.execute(statement).rowcount


def complete(connection: sa.Connection, claim: Claim, result: dict[str, Any] | None = None) -> None:
    """End a job well.

    Raises:
        StaleAttemptError: another attempt owns it; nothing was written.
    """
    _finish(connection, claim, outcome="completed", status="completed", result=result, error=None)


def settle(connection: sa.Connection, job_id: int, result: dict[str, Any] | None = None) -> None:
    """End a job well because its work is done in this very transaction, whoever did it."""
    connection.execute(
        sa.update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.status != "completed")
        .values(
            status="completed",
            senders_fault=False,
            error=None,
            result=result,
            lease_expires_at=None,
            updated_at=sa.func.now(),
        )
    )
    _close_attempts(connection, [job_id], outcome="completed", error=None)


def fail(
    connection: sa.Connection,
    claim: Claim,
    error: BaseException,
    *,
    backoff: timedelta,
    senders: bool = False,
) -> str:
    """End an attempt with an error; returns the job's new status, `retrying` or `failed`.

    The next attempt is due after `backoff`, doubled for every attempt so far, ± 20 %.

    Args:
        connection: whose transaction it is in.
        claim: the attempt.
        error: what ended it.
        backoff: before the second attempt.
        senders: what was sent is at fault and nothing of ours, so that the job, once failed, is in
            no failure rate of ours.

    Raises:
        StaleAttemptError: another attempt owns it; nothing was written.
    """
    message = f"{type(error).__name__}: {error}".replace("\x00", "\\x00")[:4000]
    exhausted = sa.select(jobs.c.attempt >= jobs.c.max_attempts).where(*_owned_by(claim))
    last = connection.scalar(exhausted)
    status = "failed" if last or is_permanent(error) else "retrying"
    delay = backoff * 2 ** (claim.attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
    _finish(
        connection, claim, outcome="failed", status=status, error=message,
        # A job that has ended was scheduled for when it was: no more is told of it.
        available_at=sa.func.now() + delay if status == "retrying" else jobs.c.available_at,
        senders_fault=senders and status == "failed",
    )  # fmt: skip
    return status


def runs_at_work(connection: sa.Connection) -> list[str]:
    """The Dagster runs that hold jobs, dead or alive."""
    held = sa.and_(jobs.c.status == "processing", jobs.c.run_id.is_not(None))
    return list(connection.scalars(sa.select(jobs.c.run_id).where(held).distinct()))


def release_run(connection: sa.Connection, run_id: str, *, reason: str) -> int:
    """Give back what a dead Dagster run had claimed, due at once; returns how many jobs.

    Attempts stay counted, so a job that kills every run it is in ends as `dead`.
    """
    return _release(connection, jobs.c.run_id == run_id, reason=reason)


def release(connection: sa.Connection, job_id: int, *, reason: str) -> int:
    """Give back one job that is being processed, due at once; returns 0 when it is not."""
    return _release(connection, jobs.c.job_id == job_id, reason=reason)


def _release(connection: sa.Connection, which: sa.ColumnElement[bool], *, reason: str) -> int:
    held = connection.execute(
        sa.select(jobs.c.job_id, jobs.c.attempt, jobs.c.max_attempts)
        .where(which, jobs.c.status == "processing")
        .with_for_update()
    ).all()
    _close_attempts(connection, [row.job_id for row in held], outcome="released", error=reason)
    exhausted = [row.job_id for row in held if row.attempt >= row.max_attempts]
    _bury(connection, exhausted, error=reason)
    connection.execute(
        sa.update(jobs)
        .where(jobs.c.job_id.in_([row.job_id for row in held if row.job_id not in exhausted]))
        .values(
            status="retrying",
            available_at=sa.func.now(),
            lease_expires_at=None,
            error=reason,
            updated_at=sa.func.now(),
        )
    )
    return len(held)


def requeue(connection: sa.Connection, job_id: int, *, attempts: int) -> bool:
    """Give a failed or dead job that many attempts more; False when it is neither."""
    statement = (
        sa.update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.status.in_(("failed", "dead")))
        .values(
            status="pending",
            # Attempt numbers go on counting: they fence off workers of the earlier attempts.
            max_attempts=jobs.c.attempt + attempts,
            senders_fault=False,
            available_at=sa.func.now(),
            updated_at=sa.func.now(),
        )
    )
    return connection.execute(statement).rowcount == 1


def reopen(connection: sa.Connection, job_id: int, *, reason: str) -> bool:
    """Have a job done once more that had ended well, because what it did is lost; False when it
    had not.
    """
    statement = (
        sa.update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.status == "completed")
        .values(
            status="retrying",
            max_attempts=sa.func.greatest(jobs.c.max_attempts, jobs.c.attempt + 1),
            available_at=sa.func.now(),
            error=reason,
            updated_at=sa.func.now(),
        )
    )
    return connection.execute(statement).rowcount == 1


def _owned_by(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        jobs.c.job_id == claim.job_id,
        jobs.c.attempt == claim.attempt,
        jobs.c.status == "processing",
    )


def _stale(claim: Claim) -> StaleAttemptError:
    return StaleAttemptError(f"job {claim.job_id}: attempt {claim.attempt} no longer owns it")


def _finish(
    connection: sa.Connection,
    claim: Claim,
    *,
    outcome: str,
    status: str,
    error: str | None,
    result: dict[str, Any] | None = None,
    **values: Any,
) -> None:
    statement = (
        sa.update(jobs)
        .where(*_owned_by(claim))
        .values(
            status=status,
            error=error,
            result=result,
            lease_expires_at=None,
            updated_at=sa.func.now(),
            **values,
        )
    )
    if connection.execute(statement).rowcount == 0:
        raise _stale(claim)
    _close_attempts(connection, [claim.job_id], outcome=outcome, error=error)


def _close_attempts(
    connection: sa.Connection, job_ids: Sequence[int], *, outcome: str, error: str | None
) -> None:
    if job_ids:
        connection.execute(
            sa.update(job_attempts)
            .where(job_attempts.c.job_id.in_(job_ids), job_attempts.c.finished_at.is_(None))
            .values(finished_at=sa.func.now(), outcome=outcome, error=error)
        )


def _bury(connection: sa.Connection, job_ids: Sequence[int], *, error: str) -> None:
    if job_ids:
        connection.execute(
            sa.update(jobs)
            .where(jobs.c.job_id.in_(job_ids))
            .values(status="dead", error=error, lease_expires_at=None, updated_at=sa.func.now())
        )
