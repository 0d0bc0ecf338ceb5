"""`ingestion-pipeline rejected` of mapped files: which column was refused, and what to do."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.cli.test_intake_loading import export, mapping, run

__all__ = ["export", "mapping"]  # fixtures


def rejected(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rejected", *map(str, arguments)])
    return done.exit_code, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def upload(engine: sa.Engine, configured: Settings, mapping: Path, export: Path) -> int:
    """A mapped file of which a row was refused."""
    code, _, told = run("load", mapping, export, "--tenant", "acme")
    assert code == 0
    assert "export.csv: line 3: event_type (column 'Kind') is none of sold" in " ".join(
        told.split()
    )
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT upload_id FROM uploads").scalar_one())


def test_a_mapped_file_is_listed_with_its_column_and_what_to_do(upload: int) -> None:
    """`rejected replay` takes no rows of mapped files, and nothing said what does."""
    code, said = rejected("list")
    assert code == 0
    assert f"{upload} acme export.csv: 1 rejected, 1 kept and not replayed" in said
    assert "line 3: event_type (column 'Kind') is none of sold, returned, no" in said
    assert "correct the file and send it again (intake load kiosk/sales FILE)" in said
    assert f"intake load --again {upload}" in said
    [row] = json.loads(CliRunner().invoke(app, ["rejected", "list", "--json"]).stdout)
    assert row["next"].startswith("correct the file")


def test_who_would_export_its_rows_sees_them_and_is_told_what_to_do(
    upload: int, tmp_path: Path
) -> None:
    file = tmp_path / "refused.ndjson"
    done = CliRunner().invoke(app, ["rejected", "export", str(upload), str(file)])
    assert (done.exit_code, file.exists()) == (1, False)
    assert "line 3: event_type (column 'Kind') is none of sold" in " ".join(done.stderr.split())
    assert "correct the file and send it again" in str(done.exception)


def test_its_rows_are_not_replayed(upload: int, tmp_path: Path) -> None:
    """Replaying them said that they were known already, as if they were loaded."""
    file = tmp_path / "refused.ndjson"
    file.write_text(json.dumps({"upload_id": upload, "line_number": 3, "row": "2026"}) + "\n")
    done = CliRunner().invoke(app, ["rejected", "replay", str(file)])
    assert (done.exit_code, "its rows are those of a mapped file" in str(done.exception)) == (
        1, True,
    )  # fmt: skip
