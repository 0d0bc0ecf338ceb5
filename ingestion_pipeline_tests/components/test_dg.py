"""`dg` with our components, as a user runs it in a checkout: one walk, as every command is slow."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingestion_pipeline.foundation.described.kinds import HOME

ROOT = Path(__file__).parents[2]


def dg(checkout: Path, *arguments: str) -> str:
    """What `dg` prints, be all well or not."""
    environment = {
        **os.environ, "HOME": str(checkout), "INGESTION_HOME": str(checkout / "home"),
        "COLUMNS": "250", "PYTHONWARNINGS": "ignore",
        # Else each command asks a registry first, and waits for it where there is no way out.
        "DAGSTER_DG_UPDATE_CHECK_ENABLED": "0",
    }  # fmt: skip
    for name in ("DAGSTER_HOME", "DEFS_FOLDER", "SITES", "FRED_SERIES"):
        environment.pop(name, None)
    done = subprocess.run(
        [Path(sys.executable).parent / "dg", *arguments],
        cwd=checkout, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "defs.yaml")
    shutil.copytree(ROOT / "ingestion_pipeline", tmp_path / "ingestion_pipeline", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_source_from_scaffold_to_asset_and_its_mistake_with_its_line(checkout: Path) -> None:
    dg(checkout, "scaffold", "defs", f"{HOME}.AceIotSite", "plant-1")
    dg(checkout, "scaffold", "defs", f"{HOME}.FredSeries", "treasury")
    dg(checkout, "scaffold", "defs", f"{HOME}.MappedFiles", "till")
    listed = dg(checkout, "list", "defs")
    for key in (
        "ace_iot/plant-1",
        "fred/treasury",
        "till/sales",
        "commerce/orders",
        "buildings/timeseries_raw",
    ):
        assert key in listed
    file = checkout / "ingestion_pipeline" / "defs" / "treasury" / "defs.yaml"
    file.write_text(file.read_text().replace("- DGS10", "- DGS10\n    - NO"))
    said = dg(checkout, "check", "yaml")
    assert f"{file}:6" in said
    assert "attributes.series" in said
