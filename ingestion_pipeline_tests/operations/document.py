"""docs/operations.md as tests use it: its commands, by heading, and how they are run."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.storage import database

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/operations.md").read_text()


def blocks(heading: str, language: str) -> list[str]:
    """The blocks of a language in the section of that heading."""
    [section] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
    found = re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)
    assert found, heading
    return list(found)


def run(script: str, home: Path, *, database_url: str = "", **changes: str) -> str:
    """Run commands as they stand in the document, in an activated environment.

    Ours are run within this process: starting Python for each would take a second each.
    """
    for old, new in changes.items():
        assert old in script
        script = script.replace(old, new)
    environment = {
        "INGESTION_HOME": str(home), "DATABASE_URL": database_url, "PAGER": "cat",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "BACKUPS": str(home.parent / "backups"),
    }  # fmt: skip
    with mock.patch.dict(os.environ, environment):
        settings.cache_clear()
        database.engine.cache_clear()
        try:
            return "".join(_run_line(line) for line in script.splitlines())
        finally:
            database.engine(settings()).dispose()
            settings.cache_clear()
            database.engine.cache_clear()


def _run_line(line: str) -> str:
    words = shlex.split(os.path.expandvars(line), comments=True)
    if words[:1] == ["ingestion-pipeline"] and words[1:3] != ["db", "psql"]:  # psql replaces us
        result = CliRunner().invoke(app, words[1:])
        assert result.exit_code == 0, (line, result.output, result.exception)
        return result.output
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
