"""The rate limit: in no window more than allowed, whoever calls."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.upstreams.limits import RateLimit, window_of

_CALLS = """
import sys, time
import sqlalchemy as sa
from ingestion_pipeline.foundation.upstreams.limits import RateLimit
limit = RateLimit(sa.create_engine(sys.argv[1]), "ace", 600 + 600)
for _ in range(30):
    limit.wait()
    print(time.time())
"""


def entered(engine: sa.Engine, name: str = "ace") -> list[datetime]:
    with engine.connect() as connection:
        query = sa.text("SELECT recent FROM upstream_limits WHERE name = :name")
        return list(connection.execute(query, {"name": name}).scalar_one())


def test_a_minute_s_worth_goes_at_once_and_the_next_waits_for_the_first(engine: sa.Engine) -> None:
    limit = RateLimit(engine, "ace", 5)
    waits = [limit.enter() for _ in range(12)]
    assert waits[:5] == [0] * 5
    assert all(59 < wait <= 60 for wait in waits[5:10])
    assert all(119 < wait <= 120 for wait in waits[10:])


def test_no_window_holds_more_than_the_limit(engine: sa.Engine) -> None:
    limit = RateLimit(engine, "ace", 3)
    instants = []
    for _ in range(20):
        limit.enter()
        instants.append(entered(engine)[-1])
        assert len(entered(engine)) <= 3
    assert all(later >= earlier for earlier, later in pairwise(instants))
    assert all(
        later - earlier >= timedelta(minutes=1)
        for earlier, later in zip(instants, instants[3:], strict=False)
    )


def test_threads_that_enter_at_once_get_places_of_their_own(engine: sa.Engine) -> None:
    limit = RateLimit(engine, "ace", 8)
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(lambda _: limit.enter(), range(24)))
    assert [round(wait / 60) for wait in waits] == [0] * 8 + [1] * 8 + [2] * 8


def test_processes_share_the_limit(engine: sa.Engine, database_url: str) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _CALLS, database_url], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=300)[0] for process in processes)
    times = sorted(map(float, said.split()))
    assert len(times) == 60
    # 20 a second, so the last ones go out two seconds after the first; each process for itself
    # would need one. (No closer look: a process may wake up late.)
    assert times[-1] - times[0] > 1.5


def test_an_upstream_that_asks_for_a_pause_gets_it_from_everybody(engine: sa.Engine) -> None:
    RateLimit(engine, "ace", 100).pause(timedelta(seconds=7))
    assert 6 < RateLimit(engine, "ace", 100).enter() <= 7
    assert RateLimit(engine, "fred", 100).enter() == 0
    RateLimit(engine, "ace", 100).pause(timedelta(seconds=1))
    assert 6 < RateLimit(engine, "ace", 100).enter() <= 7


def test_nothing_is_locked_while_somebody_waits(engine: sa.Engine) -> None:
    limit = RateLimit(engine, "ace", 61 * 60)
    with ThreadPoolExecutor(1) as pool:
        limit.pause(timedelta(seconds=0.5))
        waiting = pool.submit(limit.wait)
        time.sleep(0.1)
        started = time.monotonic()
        limit.enter()
        assert time.monotonic() - started < 0.3
        assert waiting.result() > 0.3


@pytest.mark.parametrize("a_minute", [1, 59, 100, 600, 601, 1199, 100_000])
def test_no_window_is_longer_than_a_minute_or_allows_more(a_minute: int) -> None:
    requests, window = window_of(a_minute)
    assert requests * (timedelta(minutes=1) / window) <= a_minute
    assert requests >= 1
