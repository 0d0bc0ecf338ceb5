"""The queue: leases, attempts, fencing, backoff. Every rule on a real database."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, StaleAttemptError, TransientError
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.leases import kept_alive
from ingestion_pipeline.foundation.ledger.tables.jobs import job_attempts
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as table

LEASE = timedelta(minutes=2)
BACKOFF = timedelta(seconds=10)


def _enqueue(engine: sa.Engine, *, max_attempts: int = 3, **values: Any) -> int:
    with engine.begin() as connection:
        return jobs.enqueue(
            connection, **({"kind": "load", "payload": {}} | values), max_attempts=max_attempts
        )


def _claim(engine: sa.Engine, worker: str = "w", limit: int = 1, **values: Any) -> list[Claim]:
    arguments: dict[str, Any] = {"kind": "load", "lease": LEASE} | values
    with engine.begin() as connection:
        return jobs.claim(connection, worker=worker, limit=limit, **arguments)


def _job(engine: sa.Engine, job_id: int) -> Any:
    with engine.connect() as connection:
        return connection.execute(sa.select(table).where(table.c.job_id == job_id)).one()


def _attempts(engine: sa.Engine, job_id: int) -> list[tuple[int, str | None]]:
    with engine.connect() as connection:
        found = connection.execute(
            sa.select(job_attempts.c.attempt, job_attempts.c.outcome)
            .where(job_attempts.c.job_id == job_id)
            .order_by(job_attempts.c.attempt)
        )
        return [(row.attempt, row.outcome) for row in found]


def _let_leases_lapse(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.update(table)
            .where(table.c.status == "processing")
            .values(lease_expires_at=sa.func.now() - timedelta(seconds=1))
        )


def _make_due(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(table).values(available_at=sa.func.now()))


def test_the_highest_priority_goes_first_and_then_the_oldest(engine: sa.Engine) -> None:
    low, first, second = (_enqueue(engine, priority=p) for p in (-1, 5, 5))
    normal = _enqueue(engine)
    order = [_claim(engine)[0].job_id for _ in range(4)]
    assert order == [first, second, normal, low]


def test_a_claim_carries_what_the_job_is_about(engine: sa.Engine, tenant_id: int) -> None:
    job_id = _enqueue(engine, payload={"upload_id": 7}, tenant_id=tenant_id)
    [claim] = _claim(engine, worker="me", run_id="run-1")
    assert claim == Claim(job_id, 1, "load", tenant_id, {"upload_id": 7})
    job = _job(engine, job_id)
    assert (job.status, job.attempt, job.worker, job.run_id) == ("processing", 1, "me", "run-1")
    assert _attempts(engine, job_id) == [(1, None)]


def test_workers_take_their_own_kind_only_and_no_more_than_the_limit(engine: sa.Engine) -> None:
    for _ in range(5):
        _enqueue(engine)
    _enqueue(engine, kind="other")
    assert len(_claim(engine, limit=3)) == 3
    assert len(_claim(engine, limit=10)) == 2
    assert _claim(engine) == []
    assert len(_claim(engine, kind="other")) == 1


def test_a_job_that_is_not_due_stays_where_it_is(engine: sa.Engine) -> None:
    job_id = _enqueue(engine)
    with engine.begin() as connection:
        later = sa.func.now() + timedelta(hours=1)
        connection.execute(sa.update(table).values(available_at=later))
    assert _claim(engine) == []
    _make_due(engine)
    assert [claim.job_id for claim in _claim(engine)] == [job_id]


def test_twenty_workers_never_get_the_same_job(database_url: str) -> None:
    engine = sa.create_engine(database_url, pool_size=20)
    with engine.begin() as connection:
        for _ in range(300):
            jobs.enqueue(connection, kind="load", payload={}, max_attempts=3)
    start = threading.Barrier(20)

    def work(worker: int) -> list[int]:
        start.wait()
        mine: list[int] = []
        while claims := _claim(engine, worker=str(worker), limit=1 + worker % 4):
            mine += [claim.job_id for claim in claims]
        return mine

    with ThreadPoolExecutor(20) as pool:
        taken = Counter(job for jobs_of_one in pool.map(work, range(20)) for job in jobs_of_one)
    assert len(taken) == 300
    assert set(taken.values()) == {1}
    engine.dispose()


def test_nobody_waits_for_a_job_that_another_is_just_taking(engine: sa.Engine) -> None:
    first, second = _enqueue(engine), _enqueue(engine)
    with engine.begin() as connection:
        [mine] = jobs.claim(connection, kind="load", worker="slow", lease=LEASE)
        [theirs] = _claim(engine)
    assert (mine.job_id, theirs.job_id) == (first, second)


def test_a_lapsed_lease_makes_the_job_anybodys_with_the_next_attempt_number(
    engine: sa.Engine,
) -> None:
    job_id = _enqueue(engine)
    _claim(engine, worker="gone")
    assert _claim(engine) == []
    _let_leases_lapse(engine)
    [claim] = _claim(engine, worker="next")
    assert (claim.job_id, claim.attempt) == (job_id, 2)
    assert _attempts(engine, job_id) == [(1, "lapsed"), (2, None)]


def _complete(connection: sa.Connection, claim: Claim) -> None:
    jobs.complete(connection, claim, {"done": True})


def _fail(connection: sa.Connection, claim: Claim) -> None:
    jobs.fail(connection, claim, TransientError("x"), backoff=BACKOFF)


@pytest.mark.parametrize("write_back", [_complete, _fail, jobs.hold])
@pytest.mark.parametrize("ended", [False, True], ids=["reclaimed", "reclaimed and ended"])
def test_a_worker_that_lost_its_job_changes_nothing(
    engine: sa.Engine, write_back: Callable[[sa.Connection, Claim], None], ended: bool
) -> None:
    job_id = _enqueue(engine)
    [stale] = _claim(engine, worker="zombie")
    _let_leases_lapse(engine)
    [current] = _claim(engine, worker="next")
    if ended:
        with engine.begin() as connection:
            jobs.complete(connection, current)
    before = _job(engine, job_id), _attempts(engine, job_id)
    with pytest.raises(StaleAttemptError, match="attempt 1"), engine.begin() as connection:
        write_back(connection, stale)
    assert (_job(engine, job_id), _attempts(engine, job_id)) == before


def test_a_lapsed_lease_that_nobody_took_can_still_be_completed(engine: sa.Engine) -> None:
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    _let_leases_lapse(engine)
    with engine.begin() as connection:
        jobs.complete(connection, claim, {"rows": 3})
    assert (_job(engine, job_id).status, _job(engine, job_id).result) == ("completed", {"rows": 3})


def test_each_failure_doubles_the_wait(engine: sa.Engine) -> None:
    job_id = _enqueue(engine, max_attempts=6)
    waits = []
    for _ in range(5):
        [claim] = _claim(engine)
        with engine.begin() as connection:
            assert jobs.fail(connection, claim, TransientError("x"), backoff=BACKOFF) == "retrying"
        with engine.connect() as connection:
            wait = sa.select(table.c.available_at - table.c.updated_at)
            waits.append(connection.scalar(wait) / BACKOFF)  # type: ignore[operator]
        assert _claim(engine) == [], "not before it is due"
        _make_due(engine)
    for doublings, wait in enumerate(waits):
        assert 0.8 * 2**doublings <= wait <= 1.2 * 2**doublings
    assert _job(engine, job_id).error == "TransientError: x"


def test_a_permanent_error_is_not_tried_again(engine: sa.Engine) -> None:
    """A 405 was once retried 5,363 times."""
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    with engine.begin() as connection:
        status = jobs.fail(connection, claim, ContractError("sku: too long"), backoff=BACKOFF)
    assert status == "failed"
    _make_due(engine)
    assert _claim(engine) == []
    assert _job(engine, job_id).error == "ContractError: sku: too long"
    assert _attempts(engine, job_id) == [(1, "failed")]


def test_a_defect_of_ours_is_tried_again(engine: sa.Engine) -> None:
    _enqueue(engine)
    [claim] = _claim(engine)
    with engine.begin() as connection:
        assert jobs.fail(connection, claim, ZeroDivisionError(), backoff=BACKOFF) == "retrying"


def test_the_last_attempt_that_fails_ends_the_job_as_failed(engine: sa.Engine) -> None:
    job_id = _enqueue(engine, max_attempts=2)
    for expected in ("retrying", "failed"):
        [claim] = _claim(engine)
        with engine.begin() as connection:
            assert jobs.fail(connection, claim, TransientError("x"), backoff=BACKOFF) == expected
        _make_due(engine)
    assert _claim(engine) == []
    assert _attempts(engine, job_id) == [(1, "failed"), (2, "failed")]


def test_a_worker_that_vanishes_on_the_last_attempt_leaves_a_dead_job(engine: sa.Engine) -> None:
    job_id = _enqueue(engine, max_attempts=2)
    for _ in range(2):
        assert len(_claim(engine)) == 1
        _let_leases_lapse(engine)
    other = _enqueue(engine)
    assert [claim.job_id for claim in _claim(engine, limit=5)] == [other]
    assert _job(engine, job_id).status == "dead"
    assert _attempts(engine, job_id) == [(1, "lapsed"), (2, "lapsed")]


def test_what_a_dead_run_held_is_given_back_at_once_and_attempts_stay_counted(
    engine: sa.Engine,
) -> None:
    mine = [_enqueue(engine), _enqueue(engine), _enqueue(engine, max_attempts=1)]
    _claim(engine, limit=3, run_id="dead-run")
    other = _enqueue(engine)
    _claim(engine, run_id="living-run")
    with engine.begin() as connection:
        assert jobs.release_run(connection, "dead-run", reason="run failed") == 3
        assert jobs.release_run(connection, "dead-run", reason="run failed") == 0
    assert [_job(engine, job).status for job in mine] == ["retrying", "retrying", "dead"]
    assert _job(engine, other).status == "processing"
    assert [(c.job_id, c.attempt) for c in _claim(engine, limit=9)] == [(mine[0], 2), (mine[1], 2)]
    assert _attempts(engine, mine[0])[0] == (1, "released")


def test_requeued_jobs_go_on_counting_so_that_old_workers_stay_fenced_off(
    engine: sa.Engine,
) -> None:
    job_id = _enqueue(engine, max_attempts=1)
    [first] = _claim(engine)
    with engine.begin() as connection:
        assert not jobs.requeue(connection, job_id, attempts=2), "it is being worked on"
        jobs.fail(connection, first, TransientError("x"), backoff=BACKOFF)
    with engine.begin() as connection:
        assert jobs.requeue(connection, job_id, attempts=2)
    [second] = _claim(engine)
    assert second.attempt == 2
    with pytest.raises(StaleAttemptError), engine.begin() as connection:
        jobs.complete(connection, first)
    with engine.begin() as connection:
        assert jobs.fail(connection, second, TransientError("x"), backoff=BACKOFF) == "retrying"


def test_a_job_whose_work_is_done_is_settled_whoever_claimed_it(engine: sa.Engine) -> None:
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    with engine.begin() as connection:
        jobs.settle(connection, job_id, {"inserted": 1})
    assert _job(engine, job_id).status == "completed"
    assert _attempts(engine, job_id) == [(1, "completed")]
    with pytest.raises(StaleAttemptError), engine.begin() as connection:
        jobs.fail(connection, claim, TransientError("too late"), backoff=BACKOFF)


def test_a_completion_that_is_rolled_back_did_not_happen(engine: sa.Engine) -> None:
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    with engine.connect() as connection:
        jobs.complete(connection, claim)
        connection.rollback()
    assert _job(engine, job_id).status == "processing"
    assert _attempts(engine, job_id) == [(1, None)]


def test_a_long_work_keeps_its_lease_and_loses_it_when_it_ends(engine: sa.Engine) -> None:
    _enqueue(engine)
    lease = timedelta(milliseconds=300)
    claims = _claim(engine, lease=lease)
    with kept_alive(engine, claims, lease):
        for _ in range(6):
            time.sleep(0.15)
            assert _claim(engine) == []
    time.sleep(0.4)
    assert len(_claim(engine)) == 1


def test_only_leases_that_are_still_ours_are_renewed(engine: sa.Engine) -> None:
    for _ in range(2):
        _enqueue(engine)
    claims = _claim(engine, limit=2)
    with engine.begin() as connection:
        jobs.complete(connection, claims[0])
    with engine.begin() as connection:
        assert jobs.renew(connection, claims, LEASE) == 1
        assert jobs.renew(connection, [], LEASE) == 0


def test_an_unreachable_database_does_not_end_the_renewals(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _enqueue(engine)
    claims = _claim(engine)
    renewals = []

    def renew(*_: object) -> int:
        renewals.append(1)
        raise sa.exc.OperationalError("UPDATE", {}, Exception("server closed the connection"))

    monkeypatch.setattr(jobs, "renew", renew)
    with kept_alive(engine, claims, timedelta(milliseconds=60)):
        time.sleep(0.3)
    assert len(renewals) >= 2


def test_an_error_message_of_any_length_fits(engine: sa.Engine) -> None:
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    with engine.begin() as connection:
        jobs.fail(connection, claim, TransientError("x" * 100_000), backoff=BACKOFF)
    assert len(_job(engine, job_id).error) == 4000


def test_an_error_message_with_nul_bytes_still_fails_the_job(engine: sa.Engine) -> None:
    """PostgreSQL takes no NUL: such a message made the failure itself fail, and the job hang."""
    job_id = _enqueue(engine)
    [claim] = _claim(engine)
    with engine.begin() as connection:
        jobs.fail(connection, claim, ContractError("header: found a\x00b"), backoff=BACKOFF)
    assert _job(engine, job_id).status == "failed"
