"""Two collectors, one limit: an upstream that counts requests refuses neither."""

import json
import os
import subprocess
import sys

import pytest

from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.buildings.builders import DAY, rows, truth
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox

SANDBOX = {"points": 10, "interval_seconds": 600}
LIMIT = 40
SITES = ("demo-site-1", "demo-site-2")


@pytest.mark.slow  # waits for a minute to pass
def test_processes_that_collect_at_once_keep_one_limit_together(
    configured: Settings, sandbox: RunningSandbox
) -> None:
    with sandbox.fault("limited", str(LIMIT)):
        processes = [start(sandbox, site) for site in SITES]
        said = [json.loads(process.communicate(timeout=300)[0]) for process in processes]
        assert_it_counts(sandbox)
    requests = [each["requests"] for each in said]
    assert requests == [26, 26]  # 24 windows, the points, the weather: each within the limit
    assert sum(requests) > LIMIT  # and together beyond it
    assert [each["retries"] for each in said] == [0, 0]  # so nobody was sent away
    assert max(each["seconds"] for each in said) > 55
    assert rows(database.engine(settings())) == truth(sandbox, day_of(DAY), *SITES)


def assert_it_counts(sandbox: RunningSandbox) -> None:
    """That the sandbox would have refused: else nobody could have been sent away."""
    answers = [sandbox.http.get("/ace/live/api/sites").status_code for _ in range(LIMIT + 1)]
    assert 429 in answers


def start(sandbox: RunningSandbox, site: str) -> "subprocess.Popen[bytes]":
    known = {
        "ACE_IOT_API_BASE_URL": sandbox.live_url, "ACE_IOT_API_KEY": KEY,
        "ACE_REQUESTS_PER_MINUTE": str(LIMIT), "HTTP_BACKOFF": "0.01",
    }  # fmt: skip
    return subprocess.Popen(
        [
            sys.executable, "-m", "ingestion_pipeline.cli", "collect", "--site", site,
            "--day", str(DAY), "--json",
        ],
        env={**os.environ, **known}, stdout=subprocess.PIPE,
    )  # fmt: skip
