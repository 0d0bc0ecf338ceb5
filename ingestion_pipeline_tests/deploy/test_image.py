"""The Dockerfile: linted, its files are there, its commands exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_pipeline_tests.deploy.manifests import (
    DEPLOY,
    INSTANCE,
    ROOT,
    SETTINGS,
    complaint_about,
)

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
LINTER = Path(sys.executable).parent / "hadolint"
OF_THE_IMAGE = {
    "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DAGSTER_HOME",
    "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR",
}  # fmt: skip


def test_the_linter_finds_nothing_and_would() -> None:
    def lint(text: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [LINTER, "-"], input=text, capture_output=True, text=True, timeout=300
        )

    assert lint(DOCKERFILE).stdout == ""
    assert lint(DOCKERFILE).returncode == 0
    assert "DL3002" in lint(DOCKERFILE.replace("USER 10001:10001", "USER root")).stdout


def test_every_file_that_it_copies_is_there_and_reaches_the_builder() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    sent = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    assert "*" in ignore
    assert sorted(copied) == sorted(sent)
    for source in copied:
        assert (ROOT / source).exists(), source


def test_the_ui_is_started_behind_its_guard_whoever_starts_it() -> None:
    """Compose and Dagster's chart name the program `dagster-webserver`."""
    script = re.search(r"RUN printf '(.+)' > /opt/venv/bin/dagster-webserver", DOCKERFILE)
    assert script is not None
    assert script[1] == '#!/bin/sh\\nexec python -m ingestion_pipeline.cli.ui "$@"\\n'
    assert DOCKERFILE.index(script[0]) > DOCKERFILE.rindex("pip install")


def test_it_runs_as_nobody_special_and_says_whether_it_lives() -> None:
    assert re.search(r"^USER (\d+):", DOCKERFILE, re.MULTILINE)[1] != "0"  # type: ignore[index]
    commands = re.findall(r"^\s*CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert len(commands) == 2  # the health check and the default
    for command in commands:
        assert complaint_about(json.loads(command)) is None
    assert "/livez" in commands[0]


def test_its_variables_are_known() -> None:
    names = re.findall(r"^(?:ENV |    )([A-Z_]+)=", DOCKERFILE.split("\nFROM ")[-1], re.MULTILINE)
    assert set(names) - OF_THE_IMAGE <= SETTINGS | INSTANCE
    assert "GATEWAY_HOST" in names


@pytest.mark.parametrize("extra", ["kubernetes", "s3", "celery"])
def test_the_extras_it_can_install_exist(extra: str) -> None:
    assert re.search(rf"^{extra} = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_every_python_package_is_installed_with_the_project() -> None:
    # An editable install hides a folder that is no package: the image would lack it.
    folders = {file.parent for file in (ROOT / "ingestion_pipeline").rglob("*.py")}
    assert all((folder / "__init__.py").exists() for folder in folders)


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert complaint_about(["ingestion-pipeline", "db", "upgrade"]) is None
    assert complaint_about(["ingestion-pipeline", "db", "upgrad"])
    assert complaint_about(["dagster", "api", "grpc", "--prot", "1"])
    assert complaint_about(["sh", "-c", "true"])
