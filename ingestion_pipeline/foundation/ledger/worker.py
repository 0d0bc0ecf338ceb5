"""A worker at the queue: claims stay alive, each is done by itself, and what fails is written down.

    claimed ──▶ done      by work that fences its own write-back (`jobs.hold`, `jobs.complete`)
        ├─────▶ lost      another attempt owns the job by now; nothing was written
        ├─────▶ retrying  an error, and attempts are left: due again after the backoff
        └─────▶ failed    an error that trying again can't help, or the last attempt's

Whatever goes wrong with a job, a defect of ours included, costs this job only (errors.py). What
the worker of a dead process had claimed lapses, and is claimed again.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import StaleAttemptError
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.leases import kept_alive

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Worker:
    """Who works, and how long a claim is its own.

    Attributes:
        backoff: before the second attempt at a job; doubled for every further one.
    """

    name: str
    run_id: str | None
    lease: timedelta
    backoff: timedelta

    def claim(
        self,
        connection: sa.Connection,
        kind: str,
        *,
        limit: int,
        only: Sequence[int] | None = None,
    ) -> list[Claim]:
        """Take up to `limit` jobs of a kind (`jobs.claim`)."""
        return jobs.claim(
            connection, kind=kind, worker=self.name, run_id=self.run_id, limit=limit,
            lease=self.lease, only=only,
        )  # fmt: skip


def _of_ours(_claim: Claim, _error: Exception) -> bool:
    return False


@dataclass(frozen=True)
class Work(Generic[Result]):
    """What is done with a claim, and what else is written when that fails.

    Attributes:
        do: does it, and fences what it writes.
        failed: notes an error beside the job, in the transaction in which the attempt ends; it is
            told the job's new status, `retrying` or `failed`.
        name: says for the log which piece of work it is.
        is_senders: whether what was sent is at fault, and nothing of ours.
    """

    do: Callable[[Claim], Result]
    failed: Callable[[sa.Connection, Claim, Exception, str], None]
    name: Callable[[Claim], str]
    is_senders: Callable[[Claim, Exception], bool] = _of_ours


@dataclass(frozen=True)
class Ended(Generic[Result]):
    """What became of an attempt.

    Attributes:
        status: done, lost, retrying or failed.
        error: why it is not done.
    """

    claim: Claim
    status: str
    result: Result | None = None
    error: Exception | None = None


def do_each(
    engine: sa.Engine,
    claims: Sequence[Claim],
    work: Work[Result],
    *,
    lease: timedelta,
    backoff: timedelta,
) -> Iterator[Ended[Result]]:
    """Do claimed jobs one after the other, and keep those alive that wait for their turn.

    Each is told when it has ended: the errors of a batch, with all that they hold on to, would
    else be kept until its end.
    """
    with kept_alive(engine, claims, lease):
        for claim in claims:
            yield _do(engine, claim, work, backoff)


def _do(engine: sa.Engine, claim: Claim, work: Work[Result], backoff: timedelta) -> Ended[Result]:
    try:
        try:
            return Ended(claim, "done", work.do(claim))
        except StaleAttemptError:
            raise
        except Exception as error:  # noqa: BLE001  (it costs this job only)
            logger.warning("%s: %s: %s", work.name(claim), type(error).__name__, error)
            return Ended(claim, _failed(engine, claim, work, error, backoff), error=error)
    except StaleAttemptError as error:
        logger.warning("%s: %s", work.name(claim), error)
        return Ended(claim, "lost", error=error)


def _failed(
    engine: sa.Engine, claim: Claim, work: Work[Result], error: Exception, backoff: timedelta
) -> str:
    senders = work.is_senders(claim, error)
    with engine.begin() as connection:
        status = jobs.fail(connection, claim, error, backoff=backoff, senders=senders)
        work.failed(connection, claim, error, status)
    return status
