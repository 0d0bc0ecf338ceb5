"""`sources check`: every file is read, of each fault it says where; 1 where there is one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.cli.local.stand_ins import sandbox
from ingestion_pipeline.foundation.environment import environment_of, settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.foundation.described.test_folder import series, site, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of sources of this test."""
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


def test_all_are_sound(folder: Path) -> None:
    write(folder, plant=site("plant-1"), rates=series("DGS10"))
    done = CliRunner().invoke(app, ["sources", "check"])
    assert (done.exit_code, done.output.strip()) == (0, "2 files are sound")


def test_two_files_of_one_type_are_both_read(folder: Path) -> None:
    write(folder, a=site("x").replace("'x'", "no"), b=site("y").replace("site:", "sit:"))
    done = CliRunner().invoke(app, ["sources", "check"])
    assert done.exit_code == 1
    lines = [line.removeprefix(f"{folder}/") for line in done.output.splitlines()]
    assert [line.split(": ")[:2] for line in lines] == [
        ["a/defs.yaml:2", "attributes.site"],
        ["b/defs.yaml:2", "attributes.site"],
        ["b/defs.yaml:2", "attributes.sit"],
    ]


def test_faults_for_programs(folder: Path) -> None:
    write(folder, a="type: 7\n", mine="type: nothing.Such\n")
    done = CliRunner().invoke(app, ["sources", "check", "--json"])
    found = json.loads(done.stdout)
    assert (done.exit_code, found["files"]) == (1, 2)
    assert [(each["line"], each["field"]) for each in found["faults"]] == [(1, "type"), (1, "")]


def test_a_child_finds_the_same_folder_wherever_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment_of(Settings(defs_folder="here"))["DEFS_FOLDER"] == f"{tmp_path}/here"
    assert Settings(defs_folder="here").described_in == tmp_path / "here"


def test_the_stand_in_has_the_sites_that_are_to_be_collected(tmp_path: Path) -> None:
    configuration = Settings(defs_folder=write(tmp_path, plant=site("plant-1")), sites="old")
    service = sandbox(configuration, port=1, points=1, interval_seconds=60)
    assert service.command[-2:] == ["--site=old", "--site=plant-1"]
