"""What a folder's charter says is there is there: some named files that had long gone."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ingestion_pipeline"
CHARTERS = sorted(PACKAGE.rglob("__init__.py"))
WINGS = ("book_sales", "buildings", "commerce", "kpis", "markets")
ROOMS = sorted(
    path.parent
    for path in (PACKAGE / "domains").glob("*/*/**/__init__.py")
    if path.parent.name not in ("assets", "__pycache__")
)


@pytest.mark.parametrize("path", CHARTERS, ids=lambda path: path.parent.name)
def test_every_file_that_a_charter_names_is_there(path: Path) -> None:
    charter = ast.get_docstring(ast.parse(path.read_text())) or ""
    named = set(re.findall(r"\b[\w/]+\.py\b", charter))
    assert not [name for name in named if not _is_there(path.parent, name)]


def _is_there(folder: Path, name: str) -> bool:
    return (folder / name).exists() or (PACKAGE / name).exists()


@pytest.mark.parametrize("folder", ROOMS, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_rooms_charter_names_each_of_its_files(folder: Path) -> None:
    charter = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    named = set(re.findall(r"^(\w+\.py|\w+/)", charter, re.MULTILINE))
    there = {f.name for f in folder.glob("*.py")} | {
        f"{f.parent.name}/" for f in folder.glob("*/__init__.py")
    }
    assert named == there - {"__init__.py"}


@pytest.mark.parametrize("wing", WINGS)
def test_the_way_of_a_datum_is_in_the_charter(wing: str) -> None:
    folder = PACKAGE / "domains" / wing
    charter = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    rooms = {f"{room.parent.name}/" for room in folder.glob("*/__init__.py")} - {"assets/"}
    assert set(re.findall(r"^(\w+/)", charter, re.MULTILINE)) == rooms
