"""The bulk command of the replaced service, with its flags as they were printed."""

import json
from pathlib import Path

from typer.testing import CliRunner

from ingestion_pipeline.cli import app


def test_the_printed_flags_of_bulk_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "customers_1.ndjson").write_text("{}\n")
    printed = ["bulk", "--data-dir", str(tmp_path), "--api-url", "http://127.0.0.1:9"]
    printed += ["--tenant-id", "acme", "--dry-run"]
    done = CliRunner().invoke(app, [*printed, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["files"] == [{"file": "customers_1.ndjson", "type": "customers", "bytes": 3}]
    assert CliRunner().invoke(app, printed).exit_code == 0
