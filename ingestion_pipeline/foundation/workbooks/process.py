"""The process that parses a workbook, under limits of memory and of time that are its own.

A workbook may be made to need gigabytes or hours in whatever library reads it; here it costs this
process, and the import is told so. `sheets.py` starts it: the file comes on standard input, an
answer goes to standard output: lines of JSON, of which the last is `{"end": true}` or
`{"refused": "why"}`. A cell is a text with its kind in front: `s` text, `n` number, `d` date.
"""

import io
import json
import math
import resource
import sys
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.bounds import (
    MOST_BYTES,
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_SHEETS,
    Outline,
    outline,
)
from ingestion_pipeline.foundation.workbooks.epochs import (
    xls_counts_from_1904,
)

MEMORY = 1024 * 1024 * 1024  # bytes of address space
SECONDS = 60  # of CPU

_Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Read a workbook and tell what it holds."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()

    def say(document: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(document, ensure_ascii=True) + "\n")

    try:
        tell(content, say)
        say({"end": True})
    except ContractError as error:
        say({"refused": str(error)})
    except MemoryError:
        say({"refused": f"file: parsing the workbook needs more than {MEMORY} bytes of memory"})
    sys.stdout.flush()


def tell(content: bytes, say: _Say) -> None:
    """Tell a workbook: its outline, then each sheet's name and rows.

    Raises:
        ContractError: it is damaged, needs a password, or is too large.
    """
    import python_calamine as calamine

    packed = content.startswith(b"PK")
    found = outline(content) if packed else Outline(epoch_1904=xls_counts_from_1904(content))
    say(
        {
            "epoch_1904": found.epoch_1904,
            "created": found.created.isoformat() if found.created else None,
        }
    )
    try:
        with calamine.load_workbook(io.BytesIO(content)) as book:
            if len(book.sheet_names) > MOST_SHEETS:
                raise ContractError(f"file: at most {MOST_SHEETS} sheets are read")
            left = _Left()
            for number, name in enumerate(book.sheet_names):
                say({"sheet": name})
                _tell_sheet(
                    book.get_sheet_by_index(number), found.errors.get(number, {}), left, say
                )
    except calamine.PasswordError:
        raise ContractError("file: the workbook needs a password; save it without one") from None
    except calamine.CalamineError as error:
        raise ContractError(f"file: is not a readable workbook ({error})") from None


class _Left:
    """What the rest of a workbook may still hold."""

    def __init__(self) -> None:
        self.cells, self.characters = MOST_CELLS, MOST_BYTES

    def take(self, *, cells: int = 0, characters: int = 0) -> None:
        self.cells -= cells
        self.characters -= characters
        if self.cells < 0 or self.characters < 0:
            raise ContractError(
                f"file: the workbook has more than {MOST_CELLS} cells, empty ones counted, or "
                f"{MOST_BYTES} characters"
            )


def _tell_sheet(sheet: Any, errors: dict[tuple[int, int], str], left: _Left, say: _Say) -> None:
    if sheet.start is None:
        return
    last_row, last_column = sheet.end
    if last_column >= MOST_COLUMNS:
        raise ContractError(f"file: {sheet.name}: at most {MOST_COLUMNS} columns are read")
    left.take(cells=(last_row + 1) * (last_column + 1))
    # Rows are told from the first on, but without the empty columns in front.
    indent = ["s"] * sheet.start[1]
    by_row: dict[int, dict[int, str]] = {}
    for (row, column), error in errors.items():
        by_row.setdefault(row, {})[column] = error
    for number, values in enumerate(sheet.iter_rows()):
        cells = indent + [_told(value) for value in values]
        for column, error in by_row.get(number, {}).items():
            if column < len(cells):
                cells[column] = f"s{error or '#ERROR'}"
        if any(cell != "s" for cell in cells):
            left.take(characters=sum(map(len, cells)))
            say({"row": number + 1, "cells": cells})


def _told(value: object) -> str:
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, bool):
        return f"s{str(value).upper()}"
    if isinstance(value, int | float):
        return f"n{value!r}" if math.isfinite(value) else f"s{value!r}"
    if isinstance(value, datetime):
        return f"d{value.isoformat()}"
    if isinstance(value, date):
        return f"d{value.isoformat()}T00:00:00"
    return f"s{value}"  # a time of day, a duration


if __name__ == "__main__":
    main()
