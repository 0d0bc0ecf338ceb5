"""`kill -9` at any page, and two collectors at once: the same rows as if nothing had happened."""

import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest

from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, rows, truth
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

KILLS = 3
PATIENCE = 300  # seconds, for a machine that has other work


def start(sandbox: RunningSandbox, **environment: str) -> "subprocess.Popen[bytes]":
    """One window of 29 pages."""
    known = {
        "ACE_IOT_API_BASE_URL": sandbox.live_url, "ACE_IOT_API_KEY": KEY, "ACE_PAGE_SIZE": "1000",
        "COLLECT_WINDOW": "PT24H", "ACE_REQUESTS_PER_MINUTE": "99999",
    }  # fmt: skip
    return subprocess.Popen(
        [
            sys.executable, "-m", "ingestion_pipeline.cli", "collect", "--site", SITE,
            "--day", str(DAY), "--json",
        ],
        env={**os.environ, **known, **environment}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def pages(sandbox: RunningSandbox) -> int:
    return sum(n for path, n in sandbox.counts().items() if path.endswith("paginated"))


def kill_at(sandbox: RunningSandbox, process: "subprocess.Popen[bytes]", page: int) -> bool:
    """Kill it once that many pages were asked for; whether it was still alive."""
    before = pages(sandbox)
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and pages(sandbox) - before < page:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


@pytest.mark.slow
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_killed_at_random_pages_it_goes_on_and_ends_in_the_same_rows(
    configured: Settings, sandbox: RunningSandbox, filled: bool
) -> None:
    engine = database.engine(settings())
    if filled:
        assert start(sandbox).wait(PATIENCE) == 0
        with engine.begin() as connection:  # something to insert, and something to update
            connection.exec_driver_sql(
                "DELETE FROM timeseries_raw WHERE extract(minute FROM timestamp) = 7"
            )
            connection.exec_driver_sql(
                "UPDATE timeseries_raw SET value = -1 WHERE extract(minute FROM timestamp) = 8"
            )
    expected: list[Any] = truth(sandbox, day_of(DAY))
    whole = 29
    chance = random.Random(29)
    sandbox.forget()
    killed = 0
    with sandbox.fault("slow", "0.03", path="paginated"):  # so that there is time to kill it
        for _ in range(KILLS):
            killed += kill_at(sandbox, start(sandbox), chance.randint(1, 6))
        assert start(sandbox).wait(PATIENCE) == 0
    assert killed == KILLS
    assert rows(engine) == expected
    # Each kill costs at most the page that was being written, and the one fetched ahead.
    assert whole <= pages(sandbox) <= whole + 2 * KILLS


def test_two_collectors_of_one_day_at_once_end_in_the_same_rows(
    configured: Settings, sandbox: RunningSandbox
) -> None:
    processes = [start(sandbox, COLLECT_WINDOW="PT3H") for _ in range(2)]
    assert [process.wait(PATIENCE) for process in processes] == [0, 0]
    assert rows(database.engine(settings())) == truth(sandbox, day_of(DAY))
