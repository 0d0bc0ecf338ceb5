"""A gateway that is killed while a file comes, before, during and after it is durable."""

import json
import os
import subprocess
import sys
from pathlib import Path

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.components.test_mapped_files import MAPPING, write

EVERY = "29"  # KILL_EVERY=1 in the environment tries all lines


def test_a_file_that_is_sent_again_after_a_kill_at_any_line_is_taken_once(
    configured: Settings, tmp_path: Path
) -> None:
    folder = write(tmp_path / "defs", till=MAPPING)
    ended = subprocess.run(
        [sys.executable, "-m", "ingestion_pipeline_tests.gateway.killed_gateway"],
        stdout=subprocess.PIPE, check=True, timeout=1200,
        env={"KILL_EVERY": EVERY, **os.environ, "DEFS_FOLDER": str(folder)},
    )  # fmt: skip
    assert json.loads(ended.stdout)["killed"] > 2
