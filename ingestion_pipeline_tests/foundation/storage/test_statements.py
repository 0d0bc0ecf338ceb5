"""Statements beside their module: each is used, none is missed, and comments stay in the file."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

import ingestion_pipeline
from ingestion_pipeline.foundation.storage.statements import statements

PACKAGE = Path(ingestion_pipeline.__file__).parent
BESIDE = sorted(PACKAGE.rglob("*.sql"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.sql` file of a module `beside_it.work`."""
    package = tmp_path / "beside_it"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "beside_it", raising=False)
    return package / "work.sql"


def test_there_are_such_files() -> None:
    assert BESIDE


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_a_module_asks_for_exactly_the_statements_of_its_file(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    module, found = importlib.import_module(name), statements(name)
    asked = set(re.findall(r'_SQL\["(\w+)"\]', path.with_suffix(".py").read_text()))
    asked |= getattr(module, "_PARTS", {}).keys()  # of receipts: one by one, in a loop
    assert asked == found.keys()
    assert module._SQL.keys() == found.keys()
    for statement in found.values():
        assert statement.text
        assert "--" not in statement.text


def test_comments_and_what_is_above_the_first_name_are_left_out(written: Path) -> None:
    written.write_text("-- About it.\n\n-- name: one\n-- Why.\nSELECT 1\n  -- And why.\n  AS a\n")
    [(name, statement)] = statements("beside_it.work").items()
    assert (name, statement.text) == ("one", "SELECT 1\n  AS a")
    assert isinstance(statement, sa.TextClause)


def test_two_of_a_name_are_refused(written: Path) -> None:
    written.write_text("-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")
    with pytest.raises(ValueError, match=r"work\.sql has a name twice"):
        statements("beside_it.work")
