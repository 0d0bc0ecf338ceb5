"""A file of any format that a mapping names → its table: text, a workbook, JSON lines or an array.

What a file is, its first bytes say, and the mapping says which of them it reads.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

from ingestion_pipeline.foundation.intake.delimiters import delimiter_of
from ingestion_pipeline.foundation.intake.records import Record, physical_lines, text_records
from ingestion_pipeline.foundation.intake.tables import Table, not_ours, require_columns, table_of
from ingestion_pipeline.foundation.mapping.months import month_name
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.foundation.repeated_keys import RepeatedKeyError, unique_keys
from ingestion_pipeline.foundation.storage.file_kinds import (
    Limits,
    Stream,
    WrongFileError,
    head_of,
    unpacked,
)
from ingestion_pipeline.foundation.workbooks.cells import Cell, shown
from ingestion_pipeline.foundation.workbooks.sheets import MOST_BYTES, is_workbook, read_workbook

_WORKBOOKS = frozenset({"xlsx", "xls", "ods"})
_LOOKED_AT = 1000  # objects whose keys say which columns a file has
_ARRAY_BYTES = 64 * 1024 * 1024
_TIMES = ("%H", "%I")


def open_table(
    file: IO[bytes], mapped: Mapped, file_name: str, limits: Limits | None = None
) -> Table:
    """The table of a file.

    Args:
        file_name: for errors.
        limits: of what a packed file may come to.

    Raises:
        WrongFileError: it is none of the mapping's formats, or no line is the header.
        MappingError: columns that the mapping names are not there.
        ContractError: a workbook is damaged, or beyond bounds.
    """
    stream = unpacked(file, limits)
    head = head_of(stream)
    formats = mapped.read.formats
    if is_workbook(head):
        if not _WORKBOOKS & set(formats):
            raise WrongFileError(f"the file is a workbook, and {mapped.file.name} reads "
                                 f"{' and '.join(formats)} (read.format)")  # fmt: skip
        return table_of(_sheet(stream.read(MOST_BYTES + 1), mapped), mapped, file_name)
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if "ndjson" in formats and begins == b"{":
        return _objects(_lines(stream, mapped), mapped, file_name)
    if "json" in formats and begins in (b"[", b"{"):
        return _objects(_elements(stream, mapped, file_name), mapped, file_name)
    if "csv" in formats:
        read = replace(mapped.read, delimiter=delimiter_of(head, mapped))
        return table_of(text_records(stream, read), replace(mapped, read=read), file_name)
    raise WrongFileError(f"{file_name} is none of {', '.join(formats)} (read.format)")


def _sheet(content: bytes, mapped: Mapped) -> Iterator[Record]:
    workbook = read_workbook(content)
    wanted = mapped.read.sheet
    sheets = [each for each in workbook.sheets if wanted is None or each.name == wanted]
    if not sheets:
        names = ", ".join(repr(each.name) for each in workbook.sheets)
        raise WrongFileError(f"the workbook has no sheet {wanted!r} (read.sheet); it has {names}")
    if len(sheets) > 1 and wanted is None:
        names = ", ".join(repr(each.name) for each in sheets)
        raise WrongFileError(f"the workbook has {names}: read.sheet must say which")
    after = 1
    for row in sheets[0].rows:
        for blank in range(after, row.number):  # a row of which nothing is stored
            yield Record(blank, 1, "", [])
        after = row.number + 1
        cells = [_written(cell, mapped) for cell in row.cells]
        yield Record(row.number, 1, "\t".join(cells), cells, row.problem)


def _written(cell: Cell, mapped: Mapped) -> str:
    """A cell as the mapping says that its source writes it: a workbook knows dates and numbers."""
    if isinstance(cell, Decimal):
        return shown(cell).replace(".", mapped.numbers.decimal)
    if not isinstance(cell, datetime) or not mapped.dates:
        return shown(cell)
    if (cell.hour, cell.minute, cell.second) == (0, 0, 0):
        return _dated(cell, mapped.dates[0], mapped)
    with_time = [each for each in mapped.dates if any(part in each for part in _TIMES)]
    return _dated(cell, with_time[0], mapped) if with_time else shown(cell)


def _dated(cell: datetime, written: str, mapped: Mapped) -> str:
    """A date as the source writes it, months in its language. Where only months are written, a day
    within one is a text that a spreadsheet took for a day of this year: `APR-25`.
    """
    if "%d" not in written and cell.day != 1:
        return shown(cell)
    name = month_name(mapped.months[0], cell.month)
    return cell.strftime(written.replace("%B", name).replace("%b", name))


def _lines(stream: Stream, mapped: Mapped) -> Iterator[tuple[Record, Any]]:
    for number, line in enumerate(physical_lines(stream, mapped.read), start=1):
        text = line.rstrip("\n")
        record = Record(number, 1, text, [])
        if not text.strip():
            yield record, {}
            continue
        yield record, _parsed(text, record)


def _elements(stream: Stream, mapped: Mapped, file_name: str) -> Iterator[tuple[Record, Any]]:
    """The elements of an array, or of the one that `read.records` names; each counts as a line."""
    content = stream.read(_ARRAY_BYTES + 1)
    if len(content) > _ARRAY_BYTES:
        raise WrongFileError(f"{file_name} is an array of more than {_ARRAY_BYTES:,} bytes")
    try:
        found = _load(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WrongFileError(f"{file_name} is no JSON: {error}") from None
    for part in (mapped.read.records or "").split("."):
        if part:
            if not isinstance(found, dict) or part not in found:
                raise WrongFileError(f"{file_name} has no {mapped.read.records!r} (read.records)")
            found = found[part]
    if not isinstance(found, list):
        raise WrongFileError(f"{file_name} holds no array; read.records says where it is")
    for number, each in enumerate(found, start=1):
        yield Record(number, 1, json.dumps(each, ensure_ascii=False), []), each


def _parsed(text: str, record: Record) -> Any:
    try:
        return _load(text)
    except RepeatedKeyError as error:
        record.problem = str(error)
    except (ValueError, RecursionError) as error:
        record.problem = f"is no JSON: {error}"
    return {}


def _load(text: str) -> Any:
    """JSON whose numbers stay the texts that they are."""
    return json.loads(
        text, parse_float=str, parse_int=str, parse_constant=_no_number,
        object_pairs_hook=unique_keys,
    )  # fmt: skip


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _objects(rows: Iterator[tuple[Record, Any]], mapped: Mapped, file_name: str) -> Table:
    """Objects as rows: what is nested is named by its way, `customer.email`; a list is its JSON."""
    flat = ((record, flattened(record, value)) for record, value in rows)
    first = list(islice(flat, _LOOKED_AT))
    names = list(dict.fromkeys(name for _, cells in first for name in cells))
    ours = {theirs: our for our, all_theirs in mapped.names.items() for theirs in all_theirs}
    known = list(dict.fromkeys(ours.get(name) or not_ours(name, mapped) for name in names))
    require_columns(mapped, known, file_name)
    header = list(mapped.uses)

    def records() -> Iterator[Record]:
        for record, cells in chain(first, flat):
            renamed = _renamed(record, cells, mapped, ours) if ours else cells
            record.cells = [renamed.get(name, "") for name in header]
            if record.problem is None and record.text.strip() and not any(record.cells):
                record.problem = "has none of the columns that the mapping names"
            yield record

    return Table(
        header, records(), [name for name in known if name not in mapped.uses],
        [name for name in mapped.uses if name not in known],
        called={ours[name]: name for name in reversed(names) if name in ours},
    )  # fmt: skip


def _renamed(
    record: Record, cells: dict[str, str], mapped: Mapped, ours: dict[str, str]
) -> dict[str, str]:
    """An object's texts by our names; notes in the record where two are the same of ours."""
    renamed: dict[str, str] = {}
    for name, cell in cells.items():
        our = ours.get(name) or not_ours(name, mapped)
        if cell and renamed.get(our):
            record.problem = record.problem or f"has two values of columns.{our}"
        elif cell or our not in renamed:
            renamed[our] = cell
    return renamed


def flattened(record: Record, value: Any) -> dict[str, str]:
    """An object's texts by their ways, `customer.email`; notes in the record where it is none."""
    if not isinstance(value, dict):
        record.problem = record.problem or "must be a JSON object"
        return {}
    cells: dict[str, str] = {}
    waiting = [("", value)]
    while waiting:
        way, here = waiting.pop()
        for name, each in here.items():
            path = f"{way}.{name}" if way else name
            if isinstance(each, dict):
                waiting.append((path, each))
            else:
                cells[path] = _cell(each)
    return cells


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
