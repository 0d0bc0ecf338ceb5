"""A mapping that is named, and is none of ours."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.mappings import _file_of


def said(folder: Path, name: str) -> str:
    document = SimpleNamespace(line=lambda _: 1)
    source: Any = SimpleNamespace(file=folder / "defs.yaml", document=document, kind="MappedFiles")
    fault = _file_of(source, name)
    return cast("Fault", fault).rule


def test_a_file_beside_it_that_lacks_its_ending_was_not_meant(tmp_path: Path) -> None:
    assert said(tmp_path, "bergladen").endswith("or a file beside this one, as 'bergladen.yaml'")
    (tmp_path / "bergladen.yml").touch()
    assert "did you mean the file 'bergladen.yml'?" in said(tmp_path, "bergladen")
