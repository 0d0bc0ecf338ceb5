"""The circuit breaker in a real database, from many threads as from many processes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import CircuitOpenError
from ingestion_pipeline.foundation.upstreams.breaker import Breaker
from ingestion_pipeline.foundation.upstreams.circuit import Rules
from ingestion_pipeline_tests.foundation.upstreams.aging import time_passes

COOLDOWN = 60
PROBE_LEASE = 300
CALLERS = 12


@pytest.fixture
def connections(database_url: str) -> Iterator[sa.Engine]:
    """An engine with a connection for every caller."""
    made = sa.create_engine(database_url, pool_size=CALLERS)
    yield made
    made.dispose()


def breaker(
    engine: sa.Engine, *, failures: int = 3, name: str = "ace", window: timedelta | None = None
) -> Breaker:
    rules = Rules(failures, timedelta(seconds=COOLDOWN), timedelta(seconds=PROBE_LEASE), window)
    return Breaker(engine, name, rules)


def break_open(known: Breaker) -> None:
    for _ in range(known.rules.failures):
        known.failed(known.admit(), "HTTP 503")


def admitted_of_many(known: Breaker) -> list[int]:
    """The permits that callers get who all come at once."""
    together = Barrier(CALLERS)

    def call(_: int) -> int | None:
        together.wait()
        try:
            return known.admit()
        except CircuitOpenError:
            return None

    with ThreadPoolExecutor(CALLERS) as pool:
        return [permit for permit in pool.map(call, range(CALLERS)) if permit is not None]


def test_it_opens_after_failures_in_a_row_and_says_when_to_come_back(engine: sa.Engine) -> None:
    known = breaker(engine)
    break_open(known)
    before = datetime.now(UTC)
    with pytest.raises(CircuitOpenError, match=r"3 requests have failed.* HTTP 503") as refused:
        known.check()
    assert before < refused.value.retry_at <= before + timedelta(seconds=COOLDOWN + 10)
    with pytest.raises(CircuitOpenError):
        breaker(engine).admit()
    breaker(engine, name="fred").admit()


def test_failures_within_the_window_open_it_though_others_succeed(engine: sa.Engine) -> None:
    known = breaker(engine, window=timedelta(seconds=120))
    for _ in range(3):
        known.failed(known.admit(), "HTTP 503")
        time_passes(engine, seconds=61)  # the first is forgotten when the third comes
        known.succeeded(known.admit())
    known.failed(known.admit(), "HTTP 503")
    known.succeeded(known.admit())
    known.failed(known.admit(), "HTTP 503")
    with pytest.raises(CircuitOpenError):
        known.check()


def test_everybody_is_admitted_while_it_is_closed(connections: sa.Engine) -> None:
    assert len(admitted_of_many(breaker(connections))) == CALLERS


def test_one_caller_of_many_gets_the_probe(connections: sa.Engine) -> None:
    known = breaker(connections)
    for _ in range(3):
        break_open(known)
        assert admitted_of_many(known) == []
        time_passes(known.engine, seconds=COOLDOWN)
        known.check()
        (permit,) = admitted_of_many(known)
        assert admitted_of_many(known) == []
        known.succeeded(permit)
        assert len(admitted_of_many(known)) == CALLERS


def test_a_probe_that_fails_opens_it_for_another_cooldown(engine: sa.Engine) -> None:
    known = breaker(engine)
    break_open(known)
    time_passes(known.engine, seconds=COOLDOWN)
    known.failed(known.admit(), "HTTP 500")
    with pytest.raises(CircuitOpenError):
        known.admit()
    time_passes(known.engine, seconds=COOLDOWN)
    known.admit()


def test_the_probe_of_a_caller_that_died_goes_to_one_other(connections: sa.Engine) -> None:
    known = breaker(connections)
    break_open(known)
    time_passes(known.engine, seconds=COOLDOWN)
    dead = known.admit()
    time_passes(known.engine, seconds=PROBE_LEASE)
    (permit,) = admitted_of_many(known)
    known.succeeded(dead)  # it was only slow; its word no longer counts
    with pytest.raises(CircuitOpenError):
        known.check()
    known.succeeded(permit)
    known.check()


def test_failures_of_many_at_once_are_all_counted(connections: sa.Engine) -> None:
    known = breaker(connections, failures=CALLERS)
    permits = admitted_of_many(known)
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda permit: known.failed(permit, "timed out"), permits))
    with pytest.raises(CircuitOpenError):
        known.admit()
