"""docs/operations.md as tests use it: its commands, by heading, and how they are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/operations.md").read_text()


def blocks(heading: str, language: str) -> list[str]:
    """The blocks of a language in the section of that heading."""
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
    found = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
    assert found, heading
    return list(found)


def run(script: str, home: Path, *, database_url: str = "", **changes: str) -> str:
    """Run commands as they stand in the document, in an activated environment."""
    for old, new in changes.items():
        assert old in script
        script = script.replace(old, new)
    environment = {
        **os.environ, "INGESTION_HOME": str(home), "DATABASE_URL": database_url, "PAGER": "cat",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BACKUPS": str(home.parent / "backups"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
