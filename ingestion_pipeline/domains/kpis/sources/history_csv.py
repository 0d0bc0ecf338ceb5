"""CSV of readings: columns that we know by any spelling, all others beside the value in `data`.

A record is a line: a quote that is never closed costs no other. The delimiter is the one under
which the header names the columns. A header that comes again, with a file that was appended, holds
from there on, and so does its delimiter.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingestion_pipeline.domains.kpis.sources.history_entries import Entry
from ingestion_pipeline.domains.kpis.sources.history_lines import Lines
from ingestion_pipeline.foundation.errors import ContractError

_COLUMNS = {
    "traceid": "traceId", "trace": "traceId", "kpiid": "kpiId", "kpi": "kpiId",
    "timestamp": "timestamp", "time": "timestamp", "date": "timestamp", "datetime": "timestamp",
    "kpitype": "kpiType", "type": "kpiType", "value": "value",
}  # fmt: skip
_KNOWN = frozenset(_COLUMNS.values())
_NEEDED = {"timestamp", "value"}
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class _Header:
    names: list[str]
    delimiter: str


def readings_of(lines: Lines) -> Iterator[Entry]:
    """The readings of a CSV file.

    Raises:
        ContractError: it has no header with what every reading needs.
    """
    header: _Header | None = None
    for number, line in lines.numbered():
        place = f"line {number}"
        if line is None:
            yield Entry(place, None, fault="must be at most 64 MiB long")
            continue
        if header is None:
            header = _header(line)
            continue
        try:
            cells = _cells(line.decode(), header.delimiter)
        except (UnicodeDecodeError, csv.Error, ValueError) as error:
            yield Entry(place, None, fault=f"must be a CSV record in UTF-8: {error}")
            continue
        again = _header_again(line) if b"alue" in line or b"ALUE" in line else None
        if again is not None:
            header = again
        elif any(cell.strip() for cell in cells):
            yield _entry(place, header.names, cells)
    if header is None:
        raise ContractError("the file has no header")


def _cells(text: str, delimiter: str) -> list[str]:
    [cells] = csv.reader([text], delimiter=delimiter, strict=True)
    return cells


def _names(line: bytes, delimiter: str) -> list[str]:
    cells = _cells(line.decode(), delimiter)
    return [_COLUMNS.get(re.sub(r"[^a-z]", "", name.lower()), name.strip()) for name in cells]


def _best(line: bytes) -> _Header:
    headers = [_Header(_names(line, delimiter), delimiter) for delimiter in _DELIMITERS]
    return max(headers, key=lambda header: len(_KNOWN & set(header.names)))


def _header(line: bytes) -> _Header:
    try:
        header = _best(line)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise ContractError(f"header: must be CSV in UTF-8: {error}") from None
    names = header.names
    if repeated := {name for name in names if name and names.count(name) > 1}:
        raise ContractError(f"header: {', '.join(sorted(repeated))[:200]} is there twice")
    if missing := _NEEDED - set(names):
        raise ContractError(
            f"header: needs the columns {', '.join(sorted(missing))}; found "
            f"{', '.join(names)[:200]}. It is neither JSON nor such CSV"
        )
    return header


def _header_again(line: bytes) -> _Header | None:
    try:
        return _header(line)
    except ContractError:
        return None


def _entry(place: str, names: list[str], cells: list[str]) -> Entry:
    if len(cells) > len(names):
        return Entry(place, None, fault=f"must have at most {len(names)} values, got {len(cells)}")
    if any(names[len(cells) :]):  # it may be the beginning of a line that was cut off
        return Entry(place, None, fault=f"must have {len(names)} values, got {len(cells)}")
    if any(cell for name, cell in zip(names, cells, strict=False) if not name):
        return Entry(place, None, fault="must have no value in a column without a name")
    return Entry(place, _reading(dict(zip(names, cells, strict=False))))


def _reading(values: dict[str, str]) -> dict[str, Any]:
    known = {name: values[name] for name in _KNOWN if values.get(name)}
    others = {name: cell for name, cell in values.items() if cell and name not in _KNOWN}
    return {
        **{name: cell for name, cell in known.items() if name != "value"},
        "data": {"value": known.get("value", ""), **others},
    }
