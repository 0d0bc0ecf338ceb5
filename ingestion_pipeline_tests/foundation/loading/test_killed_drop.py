"""A scan of the drop folder that is killed before any of its lines: each file is taken once."""

import json
import os
import subprocess
import sys

import pytest

from ingestion_pipeline.foundation.settings import Settings

EVERY = "17"  # KILL_EVERY=1 in the environment tries them all


@pytest.mark.parametrize("wing", ["commerce", "book_sales", "mapped"])
def test_a_scan_that_is_killed_between_any_two_lines_takes_each_file_once(
    configured: Settings, wing: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline_tests.foundation.loading.killed_drop", wing],
        stdout=subprocess.PIPE, check=True, timeout=600,
        env={"KILL_EVERY": EVERY, **os.environ},
    )  # fmt: skip
    assert json.loads(ended.stdout)["killed"] > 5
