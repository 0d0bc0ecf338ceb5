"""A worker's batch: what becomes of one job costs that job only; a zombie changes nothing."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as table
from ingestion_pipeline.foundation.ledger.worker import Ended, Work, Worker, do_each

WORKER = Worker("w", None, timedelta(minutes=1), timedelta(seconds=10))


def claimed(engine: sa.Engine, number: int = 1, *, max_attempts: int = 3) -> list[Claim]:
    with engine.begin() as connection:
        for _ in range(number):
            jobs.enqueue(connection, kind="k", payload={}, max_attempts=max_attempts)
        return WORKER.claim(connection, "k", limit=number)


def taken_over(engine: sa.Engine, claim: Claim) -> None:
    """The lease lapses, and somebody else claims the job."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.job_id == claim.job_id)
            .values(lease_expires_at=sa.func.now() - timedelta(seconds=1))
        )
    with engine.begin() as connection:
        jobs.claim(connection, kind="k", worker="other", lease=WORKER.lease)


def job(engine: sa.Engine, claim: Claim) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(table).where(table.c.job_id == claim.job_id)).one()


def done(engine: sa.Engine, claims: list[Claim], work: Work[int]) -> list[Ended[int]]:
    return list(do_each(engine, claims, work, lease=WORKER.lease, backoff=WORKER.backoff))


def note(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
    values = {"id": claim.job_id, "note": f'{{"noted": "{status}"}}'}
    connection.execute(
        sa.text("UPDATE jobs SET payload = CAST(:note AS jsonb) WHERE job_id = :id"), values
    )


def name(claim: Claim) -> str:
    return f"job {claim.job_id}"


def test_one_that_fails_and_one_that_is_lost_do_not_stop_the_others(engine: sa.Engine) -> None:
    claims = claimed(engine, 4)
    defect, refused, lost, _ = claims

    def do(claim: Claim) -> int:
        if claim is defect:
            raise ZeroDivisionError("a defect of ours")
        if claim is refused:
            raise ContractError("value: must be a number")
        if claim is lost:
            taken_over(engine, claim)
        with engine.begin() as connection:
            jobs.complete(connection, claim)
        return 7

    work = Work(do=do, failed=note, name=name, is_senders=lambda claim, _: claim is refused)
    ended = done(engine, claims, work)
    assert [each.status for each in ended] == ["retrying", "failed", "lost", "done"]
    assert [each.result for each in ended] == [None, None, None, 7]
    assert [type(each.error) for each in ended[:3]] == [
        ZeroDivisionError, ContractError, StaleAttemptError,
    ]  # fmt: skip
    rows = [job(engine, claim) for claim in claims]
    assert [row.status for row in rows] == ["retrying", "failed", "processing", "completed"]
    assert [row.payload.get("noted") for row in rows] == ["retrying", "failed", None, None]
    assert [row.senders_fault for row in rows] == [False, True, False, False]
    assert (rows[2].worker, rows[2].attempt) == ("other", 2)


def test_a_zombie_that_fails_writes_nothing_down(engine: sa.Engine) -> None:
    [claim] = claimed(engine)

    def do(claim: Claim) -> int:
        taken_over(engine, claim)
        raise OSError("disk gone")

    [ended] = done(engine, [claim], Work(do=do, failed=note, name=name))
    assert ended.status == "lost"
    assert isinstance(ended.error, StaleAttemptError)
    row = job(engine, claim)
    assert (row.status, row.worker, row.attempt, row.payload) == ("processing", "other", 2, {})


def test_the_last_attempt_that_fails_is_failed_for_good(engine: sa.Engine) -> None:
    [claim] = claimed(engine, max_attempts=1)

    def do(claim: Claim) -> int:
        raise OSError("disk gone")

    [ended] = done(engine, [claim], Work(do=do, failed=note, name=name))
    assert (ended.status, job(engine, claim).payload) == ("failed", {"noted": "failed"})


def test_what_cannot_be_noted_leaves_the_attempt_open_for_another(engine: sa.Engine) -> None:
    [claim] = claimed(engine)

    def do(claim: Claim) -> int:
        raise OSError("disk gone")

    def away(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
        raise sa.exc.OperationalError("UPDATE", {}, OSError("the server is away"))

    with pytest.raises(sa.exc.OperationalError):
        done(engine, [claim], Work(do=do, failed=away, name=name))
    assert job(engine, claim).status == "processing"  # until its lease lapses
