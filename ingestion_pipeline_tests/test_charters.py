"""What a folder's charter says is there is there: some named files that had long gone."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ingestion_pipeline"
CHARTERS = sorted(PACKAGE.rglob("__init__.py"))


@pytest.mark.parametrize("path", CHARTERS, ids=lambda path: path.parent.name)
def test_every_file_that_a_charter_names_is_there(path: Path) -> None:
    charter = ast.get_docstring(ast.parse(path.read_text())) or ""
    here = {file.name for file in path.parent.iterdir()} | {file.name for file in PACKAGE.iterdir()}
    assert set(re.findall(r"\b\w+\.py\b", charter)) <= here


@pytest.mark.parametrize("wing", ["buildings", "commerce", "kpis", "markets"])
def test_the_way_of_a_datum_is_in_the_charter(wing: str) -> None:
    charter = ast.get_docstring(ast.parse((PACKAGE / wing / "__init__.py").read_text())) or ""
    assert len(re.findall(r"^\w+\.py", charter, re.MULTILINE)) > 8
