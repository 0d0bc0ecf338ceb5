"""One `up` for all tests of this folder: starting it takes half a minute.

It runs as somebody has it who installed the wheel: from an empty folder, without the checkout.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion_pipeline_tests.end_to_end.running_up import ROOT, Up

# What a build reads; it is made elsewhere, since it leaves its own files beside them.
_SOURCES = ["pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "workspace.yaml"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel of this checkout was installed, without what it needs."""
    sources = tmp_path_factory.mktemp("sources")
    for name in _SOURCES:
        shutil.copy(ROOT / name, sources / name)
    shutil.copytree(
        ROOT / "ingestion_pipeline", sources / "ingestion_pipeline", symlinks=True,
        ignore=shutil.ignore_patterns("__pycache__"),  # other processes write there
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
        str(sources),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=600)
    return folder


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Up]:
    """What `make run` starts, with the sample loaded; the last test of test_up.py stops it."""
    running = Up(tmp_path_factory.mktemp("up"), installed)
    try:
        running.wait_for_text("Ctrl-C stops everything")
        yield running
    finally:
        running.stop()
