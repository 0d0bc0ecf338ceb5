"""Every environment variable is in foundation/settings.py and in README's table, and nowhere
else."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingestion_pipeline.foundation.settings import Settings

ROOT = Path(__file__).parents[2]


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
    # backup.py and embedded.py hand an environment on to a child; cli/local/demo.py sets its own;
    # commands/tables.py prints a notebook's line.
    assert sorted(readers) == [
        "ingestion_pipeline/cli/commands/tables.py",
        "ingestion_pipeline/cli/local/demo.py",
        "ingestion_pipeline/foundation/environment.py",
        "ingestion_pipeline/foundation/storage/backup.py",
        "ingestion_pipeline/foundation/storage/embedded.py",
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


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATEWAY_PORT", "１２"), ("GATEWAY_PORT", "1_000"), ("GATEWAY_PORT", "12.0"),
        ("LOOK_BACK_DAYS", "٣"), ("LANDED_RETENTION_DAYS", "1_0"), ("RATE_LIMIT", "inf"),
        ("RATE_LIMIT", "1_0.5"), ("DROP_SETTLE", "１２"), ("DROP_SETTLE", "1_0"),
        ("KPI_FIRST_DAY", "1609459200"), ("COLLECT_SINCE", "２０２１-01-01"),
    ],
)  # fmt: skip
def test_a_number_that_only_python_reads_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValidationError, match=variable.lower()):
        Settings()


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [("GATEWAY_PORT", " 8001 ", 8001), ("RATE_LIMIT", "1e3", 1000.0), ("RATE_LIMIT", ".5", 0.5),
     ("LANDED_RETENTION_DAYS", "7", 7), ("KPI_FIRST_DAY", "2021-01-01", date(2021, 1, 1))],
)  # fmt: skip
def test_numbers_and_days_are_read(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, read: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(Settings(), variable.lower()) == read
