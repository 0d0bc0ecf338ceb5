"""Every environment variable is in settings.py and in README's table, and nowhere else."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from ingestion_pipeline.settings import Settings

ROOT = Path(__file__).parents[1]


def test_readme_lists_exactly_the_variables_of_settings() -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Configuration")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE))
    assert listed == {name.upper() for name in Settings.model_fields}


def test_nothing_else_reads_the_environment() -> None:
    readers = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "ingestion_pipeline").glob("**/*.py")
        if re.search(r"os\.(getenv|environ)|EnvVar", file.read_text())
    ]
    # backup.py and embedded.py hand an environment on to a child; demo.py sets its own.
    assert sorted(readers) == [
        "ingestion_pipeline/demo.py",
        "ingestion_pipeline/settings.py",
        "ingestion_pipeline/storage/backup.py",
        "ingestion_pipeline/storage/embedded.py",
    ]


def test_durations_are_seconds_or_iso_8601(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORPHAN_GRACE", "90")
    assert Settings().orphan_grace == timedelta(seconds=90)
    monkeypatch.setenv("ORPHAN_GRACE", "PT24H")
    assert Settings().orphan_grace == timedelta(hours=24)


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    assert Settings().database_url is None


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@localhost/x")
    monkeypatch.setenv("KEY_VALUE_URL", "redis://:hunter2@localhost")
    assert "hunter2" not in repr(Settings())
