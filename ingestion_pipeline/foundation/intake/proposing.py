"""A first mapping for a file that nobody has mapped yet, to be finished by who knows the source.

What the file itself makes certain is written down; what it leaves open is not guessed but said: a
date that can be read in two ways is proposed in neither.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.records import Record, text_records
from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.mapping.words import Numbers, Read
from ingestion_pipeline.foundation.storage.file_kinds import Limits, head_of, opened, unpacked
from ingestion_pipeline.foundation.workbooks.sheets import is_workbook, read_workbook

_LOOKED_AT = 1000  # records
_SNIFFED_BYTES, _SNIFFED_LINES = 256 * 1024, 50
_NEARLY_ALL = 0.75  # of the different values of a column
_LIKELY = 0.75  # how much alike a field's name and a column's are
_DELIMITERS = {",": '","', ";": '";"', "\t": "tab", "|": '"|"'}
_ZONE = ZoneInfo("UTC")
_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S %z", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y",
    "%m/%d/%y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%y %H:%M", "%m/%d/%y %H:%M",
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%Y %H:%M", "%b %d, %Y",
    "%d %b %Y", "%d-%b-%y", "%b-%d-%y", "%b-%y", "%B %Y", "%Y-%m",
)  # fmt: skip
_SIGNS = (Numbers(".", ","), Numbers(",", "."), Numbers(".", ",", symbols=True),
          Numbers(",", ".", symbols=True), Numbers(",", " ", symbols=True))  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A column of a file.

    Attributes:
        values: those that say something.
        dates: formats in which nearly all of them can be read.
        numbers: ways in which they can be read as numbers.
    """

    name: str
    values: Sequence[str]
    dates: tuple[str, ...]
    numbers: tuple[Numbers, ...]


def propose(path: Path, target: Target, limits: Limits | None = None) -> str:
    """A mapping of a file to a type of records, as YAML with what is to be confirmed in comments.

    Raises:
        ContractError: the file is no table that can be looked at.
        OSError: it can't be read.
    """
    read, records = _records(path, limits)
    header, above, rows = _table(records)
    columns = [_found(name, rows, place) for place, name in enumerate(header) if name]
    parts = [
        _beginning(path, read, header, above, len(rows)), _notation(columns),
        _emit(columns, target), _listed(columns),
    ]  # fmt: skip
    return "".join(f"{line}\n" for part in parts for line in part)


def _records(path: Path, limits: Limits | None) -> tuple[list[str], list[Record]]:
    """What to say under `read`, and the first records."""
    with path.open("rb") as file:
        head = head_of(unpacked(file, limits))
        file.seek(0)
        if is_workbook(head):
            sheets = read_workbook(unpacked(file, limits).read()).sheets
            sheet = max(sheets, key=lambda each: len(each.rows))
            rows = [[str(cell) for cell in row.cells] for row in sheet.rows[:_LOOKED_AT]]
            told = ["format: xlsx", f"sheet: {_quoted(sheet.name)}"]
            return told, [Record(number, 1, "", row) for number, row in enumerate(rows, 1)]
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
            raise ContractError(f"{path.name} is JSON, whose columns are ways: customer.email")
        beginning = opened(file, limits).read(_SNIFFED_BYTES).decode("utf-8-sig", "replace")
        delimiter = _delimiter(beginning.splitlines()[:_SNIFFED_LINES])
        file.seek(0)
        told = ["format: csv", f"delimiter: {_DELIMITERS[delimiter]}"]
        encoding = "utf-8"
        if "\ufffd" in beginning[:-4]:
            encoding = "cp1252"
            told.append("encoding: cp1252   # confirm: it is not UTF-8")
        read = Read(delimiter=delimiter, encoding=encoding)
        return told, list(islice(text_records(unpacked(file, limits), read), _LOOKED_AT))


def _delimiter(lines: Sequence[str]) -> str:
    """The sign of which most lines have as many."""

    def likely(sign: str) -> tuple[int, int]:
        numbers = Counter(line.count(sign) for line in lines if sign in line)
        [(number, times)] = numbers.most_common(1) or [(0, 0)]
        return (times, number)

    return max(_DELIMITERS, key=likely)


def _table(records: list[Record]) -> tuple[list[str], int, list[list[str]]]:
    """The header, how many records stand above it, and the rows."""
    widths = Counter(len(each.cells) for each in records)
    several = [width for width, times in widths.items() if times > 1] or list(widths)
    if not several:
        raise ContractError("the file has no lines")
    width = max(several)
    number = number_reader(Numbers(".", ",", symbols=True))
    for at, record in enumerate(records):
        cells = [cell.strip() for cell in record.cells]
        named = [cell for cell in cells if cell]
        is_header = len(cells) >= width and len(named) > width / 2
        if is_header and all(isinstance(number(cell), Refusal) for cell in named):
            return cells, at, [each.cells for each in records[at + 1 :] if each.problem is None]
    raise ContractError("no line looks like a header: it would name its columns in words")


def _found(name: str, rows: list[list[str]], place: int) -> Found:
    values = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
    distinct = list(dict.fromkeys(values))
    return Found(
        name,
        distinct,
        tuple(each for each in _FORMATS if _reads(moment_reader((each,), _ZONE), distinct)),
        tuple(each for each in _SIGNS if _reads(number_reader(each), distinct)),
    )


def _reads(read: Callable[[str], object], values: Sequence[str]) -> bool:
    """Whether nearly all values are read: below a table may stand words."""
    understood = sum(not isinstance(read(each), Refusal) for each in values)
    return 0 < understood >= _NEARLY_ALL * len(values)


def _beginning(
    path: Path, read: list[str], header: list[str], above: int, rows: int
) -> Iterator[str]:
    names = _quoted([name for name in header if name][:3])
    yield f"# Proposed from {path.name}, of which {rows} rows were looked at; `confirm` is open."
    yield f"source: {_quoted(path.stem.casefold()[:40])}   # confirm: whose ids; a shop is a source"
    yield f"match: {{header: {names}}}"
    yield "read:"
    yield from (f"  {each}" for each in read)
    if above:
        yield f"  header: {{find: {names}}}   # {above} lines stand above it"


def _notation(columns: Sequence[Found]) -> Iterator[str]:
    """Numbers and dates, where the values leave one way to read them."""
    numeric = [each for each in columns if each.numbers]
    ways = [way for way in _SIGNS if numeric and all(way in each.numbers for each in numeric)]
    if ways:
        way = ways[0]
        symbols = ", symbols: true" if way.symbols else ""
        is_open = len({each.decimal for each in ways}) > 1
        confirm = "   # confirm: no value decides" if is_open else ""
        decimal, group = _quoted(way.decimal), _quoted(way.group)
        yield f"numbers: {{decimal: {decimal}, group: {group}{symbols}}}{confirm}"
    elif numeric:
        yield "# numbers:   confirm: not all columns write them alike"
    dated = [each for each in columns if each.dates]
    certain = list(dict.fromkeys(each.dates[0] for each in dated if len(each.dates) == 1))
    if certain:
        yield f"dates: {_quoted(certain)}"
    for each in dated:
        if len(each.dates) > 1:
            ways_shown = " or ".join(each.dates)
            yield f"# dates:   confirm: {each.name} is {ways_shown}, as in {each.values[0]}"


def _emit(columns: Sequence[Found], target: Target) -> Iterator[str]:
    names = {each.name.casefold(): each.name for each in columns}
    yield "emit:"
    yield f"  {target.name}:"
    yield "    fields:"
    for field in target.fields:
        near = get_close_matches(field.name.replace("_", " "), names, 1, _LIKELY)
        if near:
            yield f"      {field.name}: {_quoted(names[near[0]])}   # confirm"
        elif field.required:
            yield f'      {field.name}: "?"   # {field.kind}, required'
        else:
            yield f"      # {field.name}:   ({field.kind})"


def _listed(columns: Sequence[Found]) -> Iterator[str]:
    yield "# The columns, and what they hold:"
    for each in columns:
        shown = ", ".join(" ".join(value.split())[:30] for value in each.values[:3]) or "nothing"
        yield f"#   {each.name}: {shown}"


def _quoted(value: object) -> str:
    """As YAML has it, quoted; JSON is YAML."""
    return json.dumps(value, ensure_ascii=False)
