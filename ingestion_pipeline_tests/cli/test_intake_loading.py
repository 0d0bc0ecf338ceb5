"""`ingestion-pipeline intake load`, `list` and `rekey`, over a real database."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.components.test_mapped_files import FILE, MAPPING, write


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["intake", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def documents(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    code, shown, _ = run("load", *arguments, "--json")
    files: list[dict[str, Any]] = json.loads(shown)["files"]
    return code, files


def events(engine: sa.Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT platform, external_id, event_type, amount FROM sales_events ORDER BY 1, 2"
        )
        return [tuple(row) for row in rows]


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The mapping in a file of its own."""
    inside = "".join(line.removeprefix("    ") for line in MAPPING.splitlines(keepends=True)[1:])
    file = tmp_path / "till.yaml"
    file.write_text(inside)
    return file


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "export.csv"
    file.write_text(FILE)
    return file


def test_a_file_is_loaded_by_a_mapping_of_a_file_and_again_changes_nothing(
    engine: sa.Engine, configured: Settings, mapping: Path, export: Path
) -> None:
    code, [dry] = documents(mapping, export, "--dry-run")
    assert (code, dry["status"], dry["used"], events(engine)) == (0, "would be loaded", 2, [])
    code, [said] = documents(mapping, export, "--tenant", "acme")
    assert (code, said["status"], said["made"]) == (0, "loaded", {"sales_events": 2})
    assert said["became"]["sales_events"]["inserted"] == 2
    before = events(engine)
    assert len(before) == 2
    code, [again] = documents(mapping, export, "--tenant", "acme", "--strict")
    assert (code, again["status"], again["rejected"]) == (3, "known", 1)
    assert events(engine) == before


def test_a_file_of_another_shape_fails_with_the_sentence_and_the_next_is_loaded(
    configured: Settings, mapping: Path, export: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text(FILE.replace("Paid", "Price"))
    code, [failed, loaded] = documents(mapping, other, export)
    assert (code, failed["status"], loaded["status"]) == (1, "failed", "loaded")
    assert "names the column 'Paid', which other.csv has not" in failed["error"]


def test_a_loaded_file_is_read_again_by_todays_mapping_and_both_hashes_are_told(
    engine: sa.Engine, configured: Settings, mapping: Path, export: Path
) -> None:
    _, [first] = documents(mapping, export)
    mapping.write_text(mapping.read_text().replace("returned: refund", "returned: refund, "
                                                   "stolen: sale"))  # fmt: skip
    code, [again] = documents(mapping, "--again", first["upload_id"])
    assert (code, again["status"], len(events(engine))) == (0, "loaded", 3)
    assert again["mapping_sha256_before"] == first["mapping_sha256"]
    assert again["mapping_sha256"] != first["mapping_sha256"]


def test_other_ids_need_a_word(
    engine: sa.Engine, configured: Settings, mapping: Path, export: Path
) -> None:
    documents(mapping, export, "--tenant", "acme")
    mapping.write_text(mapping.read_text().replace("key: [Day, Article, Kind]", "key: [Day]"))
    export.write_text(f"{FILE}\n")
    code, [refused] = documents(mapping, export, "--tenant", "acme")
    assert (code, refused["status"]) == (1, "failed")
    assert "intake rekey kiosk/sales --tenant acme" in refused["error"]
    code, said, _ = run("rekey", mapping, "--tenant", "acme")
    assert (code, said.strip()) == (0, "kiosk/sales makes other ids from now on of acme")
    assert documents(mapping, export, "--tenant", "acme")[1][0]["status"] == "loaded"
    assert run("rekey", mapping, "--tenant", "nobody")[0] == 1


def test_two_shops_of_a_tenant_are_two_sources(
    engine: sa.Engine, configured: Settings, mapping: Path, export: Path
) -> None:
    documents(mapping, export)
    _, [said] = documents(mapping, export, "--source", "kiosk_2")
    assert (said["status"], len(events(engine))) == ("loaded", 4)


def test_what_is_known_is_listed_with_what_has_come(
    configured: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    export: Path,
) -> None:
    write(tmp_path / "defs", till=MAPPING, wrong="  mapping: none_of_ours\n")
    monkeypatch.setenv("DEFS_FOLDER", str(tmp_path / "defs"))
    settings.cache_clear()
    assert documents("kiosk", export)[1][0]["status"] == "loaded"
    code, shown, _ = run("list", "--json")
    said = json.loads(shown)
    [row] = said["mappings"]
    assert (code, row["mapping"], row["makes"]) == (0, "kiosk/sales", ["sales_events"])
    assert (row["files"], row["used"], row["rejected"]) == (1, 2, 1)
    assert "shopify_orders" in said["shipped"]
    assert "there is no shipped mapping 'none_of_ours'" in said["faults"][0]
    monkeypatch.setattr(console, "_out", console._PlainConsole(highlight=False, width=80))
    code, shown, _ = run("list")
    assert code == 0
    [line] = [each for each in shown.splitlines() if "kiosk/sales" in each]
    assert line.split() == ["kiosk/sales", "sales_events", "1", "2", "1", row["last"][:10]]


def test_a_mapping_that_is_not_there_is_said_with_what_was_meant(export: Path) -> None:
    code, _, told = run("load", "shopify_order", export)
    assert code == 1
    assert "did you mean 'shopify_orders'" in told
    assert run("load")[0] == 2
    assert run("load", "nothing.yaml", export)[0] == 1


def test_refused_rows_of_a_mapped_file_are_not_exported_and_no_file_is_left(
    configured: Settings, mapping: Path, export: Path, tmp_path: Path
) -> None:
    """An empty file was left, which `rejected replay` took with "0 rows taken"."""
    _, [said] = documents(mapping, export)
    rows = tmp_path / "rows.ndjson"
    asked = ["rejected", "export", str(said["upload_id"]), str(rows)]
    refused = CliRunner().invoke(app, asked)
    assert refused.exit_code == 1
    assert "correct the file and send it again" in f"{refused.stderr} {refused.exception}"
    assert [each.name for each in tmp_path.iterdir() if "rows" in each.name] == []
    rows.touch()
    empty = CliRunner().invoke(app, ["rejected", "replay", str(rows)])
    assert empty.exit_code == 1
    assert "is empty" in f"{empty.stderr} {empty.exception}"
