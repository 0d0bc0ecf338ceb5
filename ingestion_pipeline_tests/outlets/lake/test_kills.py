"""Whoever is killed, and wherever: nothing is lost, doubled, half visible, or left behind.

`LAKE_KILLS=120` tries as many; a handful is tried each time.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_kills_lose_nothing_double_nothing_and_show_nothing_half(
    database_url: str, tmp_path: Path
) -> None:
    kills = int(os.environ.get("LAKE_KILLS", "12"))
    module = "ingestion_pipeline_tests.outlets.lake.killed_lake"
    done = subprocess.run(
        [sys.executable, "-m", module, database_url, str(tmp_path), str(kills), "17"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-6000:]
    told = json.loads(done.stdout.splitlines()[-1])
    print(told)  # noqa: T201 (the figures, with -s)
    assert told["commit"] >= kills // 4
    assert told["reads"] > 0
    assert told["orders"] == 80
    assert told["kpi_points"] > 0
    assert told["bytes of data files"] <= 2 * told["bytes of live data"]
