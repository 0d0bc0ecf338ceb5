"""The sheets of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods) as rows of cells.

python-calamine reads them, in a process of its own (`process.py`). KDP's workbooks declare
the size of every sheet as `A1`, so readers that trust it see one cell; calamine takes the cells
that are there. It gives a cell with an error out as an empty one, so these are looked up before.
"""

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, Sheet

MOST_BYTES = 64 * 1024 * 1024  # of the file itself
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"
_PATIENCE = 600  # seconds, however busy the machine is; its CPU time is limited


@dataclass(frozen=True)
class Workbook:
    """A workbook.

    Attributes:
        epoch_1904: whether its day numbers count from 1904.
        created: when it was made, as it says itself; None: it does not.
    """

    sheets: list[Sheet] = field(repr=False)
    epoch_1904: bool = False
    created: datetime | None = None


def is_workbook(content: bytes) -> bool:
    """Whether a file is a workbook, whatever its name is."""
    return content.startswith((_ZIP, _OLD_EXCEL))


def read_workbook(content: bytes) -> Workbook:
    """All sheets of a workbook in their order.

    Raises:
        ContractError: it is no workbook, a damaged one, or one that needs more than it may.
    """
    if len(content) > MOST_BYTES:
        raise ContractError(f"file: a workbook of more than {MOST_BYTES} bytes is not read")
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.process"],
        input=content, capture_output=True, timeout=_PATIENCE, check=False,
    )  # fmt: skip
    documents = _documents(done.stdout)
    last = documents[-1] if documents else {}
    if "refused" in last:
        raise ContractError(str(last["refused"]))
    if done.returncode != 0 or "end" not in last:
        raise ContractError(
            "file: parsing the workbook needs more memory or time than a report may "
            f"(its process ended with {done.returncode})"
        )
    return _workbook(documents)


def _documents(output: bytes) -> list[dict[str, Any]]:
    """The lines of an answer; the last may be cut where the process was ended."""
    lines = output.splitlines(keepends=True)
    return [msgspec.json.decode(line) for line in lines if line.endswith(b"\n")]


def _workbook(documents: list[dict[str, Any]]) -> Workbook:
    sheets: list[Sheet] = []
    for document in documents[1:-1]:
        if "sheet" in document:
            sheets.append(Sheet(document["sheet"], []))
        else:
            cells = [_cell(told) for told in document["cells"]]
            sheets[-1].rows.append(Row(document["row"], cells))
    created = documents[0]["created"]
    return Workbook(
        sheets, documents[0]["epoch_1904"], datetime.fromisoformat(created) if created else None
    )


def _cell(told: str) -> Cell:
    kind, value = told[0], told[1:]
    if kind == "n":
        return Decimal(value)
    if kind == "d":
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value
