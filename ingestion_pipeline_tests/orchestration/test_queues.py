"""Runs for what is queued: one that came to nothing was never followed by another."""

import time
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import jobs
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.orchestration.queues import (
    DUE,
    LONGEST_PAUSE,
    Due,
    Earlier,
    Queue,
    decide,
    due_jobs,
    queue_sensor,
    requests,
)
from ingestion_pipeline.orchestration.resources import RESOURCES

STATUS = dg.DagsterRunStatus
QUEUE = Queue("work", what="letters", tag="letters", kinds=("a", "b"), batch=lambda _: 2)
OF_PARTITIONS = Queue(
    "work", what="letters", tag="letters", kinds=("a", "b", "c"), batch=lambda _: 2,
    partitions={"a": "vowels", "b": "consonants", "c": "consonants"},
)  # fmt: skip


def test_what_is_due_for_the_first_time_is_taken_at_once() -> None:
    assert decide("letters-1", Earlier()) == "letters-1-0"


def test_a_run_that_will_take_what_is_due_is_enough() -> None:
    assert decide("letters-1", Earlier(about_to_take=1)) is None


@given(tried=st.integers(1, 10**6), seconds_since=st.floats(0, 10**6))
def test_jobs_that_runs_have_left_are_tried_again_later_and_later_under_another_key(
    tried: int, seconds_since: float
) -> None:
    run_key = decide("letters-1", Earlier(tried=tried, seconds_since=seconds_since))
    if seconds_since >= LONGEST_PAUSE:
        assert run_key == f"letters-1-{tried}"
    if seconds_since < 10:
        assert run_key is None


@pytest.fixture
def engine(configured: Settings) -> sa.Engine:
    return database.engine(settings())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def enqueue(engine: sa.Engine, *kinds: str) -> list[int]:
    with engine.begin() as connection:
        return [jobs.enqueue(connection, kind=each, payload={}, max_attempts=3) for each in kinds]


def asked(instance: dg.DagsterInstance, queue: Queue = QUEUE) -> list[dg.RunRequest]:
    found = requests(dg.build_sensor_context(instance=instance, resources=RESOURCES), queue)
    return [] if isinstance(found, dg.SkipReason) else found


def add_run(
    instance: dg.DagsterInstance, status: STATUS, tags: dict[str, str], *, job: str = "work"
) -> None:
    run = dg.DagsterRun(job_name=job, run_id=str(uuid4()), status=status, tags=tags)
    instance.add_run(run)


def test_the_sensor_is_named_and_starts_the_job_of_its_queue() -> None:
    sensor = queue_sensor(QUEUE, name="letters", description="Of letters.")
    assert (sensor.name, sensor.job_name, sensor.description) == ("letters", "work", "Of letters.")


def test_nothing_is_asked_for_where_nothing_may_be_claimed(
    engine: sa.Engine, instance: dg.DagsterInstance
) -> None:
    enqueue(engine, "of another queue")
    assert asked(instance) == []
    enqueue(engine, "a")
    with engine.begin() as connection:
        jobs.claim(connection, kind="a", worker="w", lease=timedelta(hours=1))
    assert asked(instance) == []


def test_of_every_kind_as_many_are_seen_as_a_run_takes(engine: sa.Engine) -> None:
    first = enqueue(engine, "a", "a", "a", "b")
    with engine.connect() as connection:
        due = due_jobs(connection, QUEUE.kinds, most=2)
    assert sorted(due, key=lambda each: each.job_id) == [
        Due(first[0], 0, "a"), Due(first[1], 0, "a"), Due(first[3], 0, "b")
    ]  # fmt: skip


@pytest.mark.parametrize("status", [STATUS.FAILURE, STATUS.CANCELED, STATUS.SUCCESS])
def test_jobs_of_a_run_that_died_before_it_claimed_them_were_never_taken(
    engine: sa.Engine, instance: dg.DagsterInstance, status: STATUS, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(engine, "a", "b")
    [first] = asked(instance)
    assert first.tags["letters"] == "2"
    add_run(instance, status, dict(first.tags))
    assert asked(instance) == []  # it has just ended
    later = time.time() + 11
    monkeypatch.setattr(time, "time", lambda: later)
    [second] = asked(instance)
    assert second.run_key != first.run_key
    assert second.tags[DUE] == first.tags[DUE]


@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED])
def test_a_run_that_was_asked_for_is_not_asked_for_again_while_it_is_at_work(
    engine: sa.Engine, instance: dg.DagsterInstance, status: STATUS
) -> None:
    enqueue(engine, "a")
    [first] = asked(instance)
    add_run(instance, status, dict(first.tags))
    assert asked(instance) == []


def test_what_came_while_a_run_is_at_work_has_a_run_beside_it(
    engine: sa.Engine, instance: dg.DagsterInstance
) -> None:
    enqueue(engine, "a")
    [first] = asked(instance)
    add_run(instance, STATUS.STARTED, dict(first.tags))
    enqueue(engine, "b")
    assert len(asked(instance)) == 1
    add_run(instance, STATUS.NOT_STARTED, {})  # begun by hand; it takes all
    assert asked(instance) == []


def test_a_partition_has_a_run_of_its_own_and_one_at_a_time(
    engine: sa.Engine, instance: dg.DagsterInstance
) -> None:
    enqueue(engine, "a", "b", "c")
    found = {each.partition_key: each for each in asked(instance, OF_PARTITIONS)}
    assert {key: each.tags["letters"] for key, each in found.items()} == {
        "vowels": "1", "consonants": "2"
    }  # fmt: skip
    add_run(instance, STATUS.STARTED, {"dagster/partition": "consonants"})
    enqueue(engine, "b")
    [vowels] = asked(instance, OF_PARTITIONS)
    assert vowels.partition_key == "vowels"
