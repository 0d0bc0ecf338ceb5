"""The beginning and the end of a file that nobody has mapped: what it is, and its rows as texts.

    file ── its first bytes ── workbook, JSON, or text ── records ── header, rows, what is below

What is found is told as the words of a mapping say it (`read:`), with what remains to be confirmed.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.endings import footer_of, stop_of
from ingestion_pipeline.foundation.intake.formats import flattened
from ingestion_pipeline.foundation.intake.records import Record, text_records
from ingestion_pipeline.foundation.intake.tables import Table, read_footer, wrong_width
from ingestion_pipeline.foundation.mapping.numerals import number_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.words import Numbers, Read
from ingestion_pipeline.foundation.storage.file_kinds import Limits, head_of, opened, unpacked
from ingestion_pipeline.foundation.workbooks.cells import shown
from ingestion_pipeline.foundation.workbooks.sheets import is_workbook, read_workbook

LOOKED_AT = 2_000  # rows from the beginning
_SEARCHED = 500_000  # rows until the end of the file has to come, to be looked at
_LAST = 12  # rows of the end, among which a footer is looked for
_SNIFFED_BYTES, _SNIFFED_LINES = 256 * 1024, 50
_DOCUMENT_BYTES = 64 * 1024 * 1024
_NO_ASCII = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_ENCODINGS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "mac_roman", "cp850")
_WORDS, _SHOWN = 500, 4  # looked at, and readings shown, of a text that is not UTF-8
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass
class Sample:
    """A file, as far as it was looked at.

    Attributes:
        read: what to say under `read:`, line by line.
        header: names of its columns; one that is there twice has its number behind it.
        above: lines above the header.
        rows: of the beginning, without a footer.
        footer: lines below the rows, as far as they were found.
        stop: the pattern of the footer's first line, as `stop:` has it; empty: there is none.
        said: what the footer says, as a check reads it.
        is_whole: whether the rows are all that the file has.
        unread: what is to be said of rows that could not be read; empty: nothing.
    """

    read: list[str]
    header: list[str]
    above: int
    rows: list[list[str]]
    footer: list[str] = field(default_factory=list)
    stop: str = ""
    said: dict[str, str] = field(default_factory=dict)
    is_whole: bool = True
    unread: str = ""


def sample_of(path: Path, limits: Limits | None = None, encoding: str | None = None) -> Sample:
    """What a file is, and its first rows.

    Args:
        encoding: of a text without a mark; else UTF-8, or what is likely where it is not that.

    Raises:
        ContractError: it is no table that can be looked at.
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        head = head_of(unpacked(file, limits))
        file.seek(0)
        if is_workbook(head):
            return _workbook(unpacked(file, limits).read())
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
            return _json(path, unpacked(file, limits))
        return _text(file, limits, encoding)


def _workbook(content: bytes) -> Sample:
    sheets = read_workbook(content).sheets
    sheet = max(sheets, key=lambda each: len(each.rows))
    others = [repr(each.name) for each in sheets if each is not sheet]
    beside = f"   # confirm: there are {', '.join(others)} too" if others else ""
    rows = [list(map(shown, row.cells)) for row in sheet.rows]
    records = [Record(row.number, 1, "\t".join(cells), cells)
               for row, cells in zip(sheet.rows, rows, strict=True)]  # fmt: skip
    return _table(["format: xlsx", f"sheet: {json.dumps(sheet.name)}{beside}"], records)


def _json(path: Path, stream: IO[bytes]) -> Sample:
    """Objects, a line each, or those of the longest array of a document."""
    content = stream.read(_DOCUMENT_BYTES)
    lines = [line for line in content.splitlines()[:LOOKED_AT] if line.strip()]
    objects = [each for each in map(_parsed, lines) if isinstance(each, dict)]
    if len(objects) == len(lines) and len(lines) > 1:
        return _of_objects(["format: ndjson"], objects)
    document = _parsed(content)
    arrays = dict(_arrays(document))
    if not arrays:
        raise ContractError(f"{path.name} holds no array of objects, or is larger than "
                            f"{_DOCUMENT_BYTES:,} bytes")  # fmt: skip
    way = max(arrays, key=lambda each: len(arrays[each]))
    others = ", ".join(repr(each) for each in arrays if each != way)
    beside = f"   # confirm: there are {others}, too" if others else ""
    told = ["format: json", *([f"records: {json.dumps(way)}{beside}"] if way else [])]
    return _of_objects(told, arrays[way][:LOOKED_AT])


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"), parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None


def _arrays(value: Any, way: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Arrays of objects by their way from the document's top, through objects only."""
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        yield way, value
    for name, each in value.items() if isinstance(value, dict) else ():
        yield from _arrays(each, f"{way}.{name}" if way else name)


def _of_objects(read: list[str], objects: Sequence[dict[str, Any]]) -> Sample:
    rows = [flattened(Record(0, 1, "", []), each) for each in objects]
    header = list(dict.fromkeys(name for row in rows for name in row))
    return Sample(read, header, 0, [[row.get(name, "") for name in header] for row in rows])


def _text(file: IO[bytes], limits: Limits | None, said: str | None) -> Sample:
    content = opened(file, limits).read(_SNIFFED_BYTES)
    beginning = content.decode("utf-8-sig", "replace")
    is_utf8 = "\ufffd" not in beginning[:-4]
    if not is_utf8 and said is not None:
        beginning = content.decode(said, "replace")
    delimiter, beside = _delimiter(beginning.splitlines()[:_SNIFFED_LINES])
    told = ["format: csv", f"delimiter: {_DELIMITERS[delimiter]}{beside}"]
    encoding = "utf-8" if is_utf8 else said or "cp1252"
    if not is_utf8:
        likely = "" if said else f"   # confirm: it is not UTF-8{_readings(content)}"
        told.append(f"encoding: {encoding}{likely}")

    def records(quote: str | None) -> Iterator[Record]:
        file.seek(0)
        read = Read(delimiter=delimiter, encoding=encoding, quote=quote)
        return text_records(unpacked(file, limits), read)

    quoted, plain = (list(islice(records(quote), LOOKED_AT)) for quote in ('"', None))
    fails = any(each.problem for each in quoted)
    if fails and len({len(each.cells) for each in plain if each.text.strip()}) == 1:
        return _table([*told, "quote: none"], records(None), delimiter)
    return _table(told, records('"'), delimiter)


def _readings(content: bytes) -> str:
    """The word of a text that encodings read in the most ways, for whoever knows the language; one
    that tells the west of Europe from its middle, where there is one.
    """
    words = (found[0] for found in islice(_NO_ASCII.finditer(content), _WORDS))
    readings = map(_as_read, words)
    told = max(readings, key=lambda read: ("cp1250" in read.values(), len(read)), default={})
    shown = ", ".join(f"{text} by {name}" for text, name in islice(told.items(), _SHOWN))
    return f"; a word of it is {shown}" if shown else ""


def _as_read(word: bytes) -> dict[str, str]:
    """A word by the encodings that make letters of all of it; of several that agree, the first."""
    found: dict[str, str] = {}
    for name in _ENCODINGS:
        text = word.decode(name, "replace")
        if text.isalpha():
            found.setdefault(text, name)
    return found


def _delimiter(lines: Sequence[str]) -> tuple[str, str]:
    """The sign of which most lines have as many, and what is to be said of it."""
    likely = {sign: _repeated(sign, lines) for sign in _DELIMITERS}
    best = max(_DELIMITERS, key=likely.__getitem__)
    if likely[best] == (0, 0):
        return best, "   # confirm: no line has one; there is one column"
    others = [name for sign, name in _DELIMITERS.items()
              if sign != best and likely[sign][0] >= likely[best][0]]  # fmt: skip
    return best, f"   # confirm: it might be {' or '.join(others)}" if others else ""


def _repeated(sign: str, lines: Sequence[str]) -> tuple[int, int]:
    """How many lines have as many of a sign as most, and how many that are."""
    numbers = Counter(line.count(sign) for line in lines if sign in line)
    [(number, times)] = numbers.most_common(1) or [(0, 0)]
    return (times, number)


def _table(read: list[str], records: Iterable[Record], delimiter: str = "\t") -> Sample:
    """The header, the rows below it, and what is below these.

    Raises:
        ContractError: no line looks like a header.
    """
    source = iter(records)
    first = list(islice(source, LOOKED_AT))
    last = deque(islice(source, _SEARCHED), _LAST)
    at, width = _header(first)
    header = _named(first[at].cells)
    footer = footer_of([*first[at + 1 :], *last][-_LAST:], width)
    below = [each for each in first[at + 1 :] if each not in footer and _says_anything(each)]
    width = len(header)
    for each in below:
        if len(each.cells) != width and each.problem is None:
            each.problem = wrong_width(each.cells, width, delimiter)
    rows = [each for each in below if each.problem is None]
    sample = Sample(read, header, at, [each.cells for each in rows], is_whole=not last)
    sample.footer = [each.text for each in footer if each.text.strip()]
    sample.stop = stop_of(footer, rows)
    around = Table(header, iter(()))
    read_footer(footer, around)
    sample.said = around.footer
    if len(rows) < len(below):
        wrong = next(each for each in below if each.problem is not None)
        sample.unread = (
            f"{len(below) - len(rows)} rows were left out; line {wrong.number} {wrong.problem}"
        )
    sample.read += _wrapped(sample.rows)
    return sample


def _says_anything(record: Record) -> bool:
    return any(cell.strip() for cell in record.cells)


def _header(records: list[Record]) -> tuple[int, int]:
    """Where the header is, and how wide the table is."""
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
            return at, width
    raise ContractError("no line looks like a header: it would name its columns in words")


def _named(cells: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for name in (cell.strip() for cell in cells):
        seen[name] += 1
        names.append(name if seen[name] == 1 or not name else f"{name} #{seen[name]}")
    return names


def _wrapped(rows: list[list[str]]) -> Iterator[str]:
    """What spreadsheets wrap texts in."""
    cells = [cell.strip() for row in rows for cell in row if cell]
    found = [name for name, pattern in (("apostrophe", r"'[+0-9]"), ("formula", r'="'))
             if any(re.match(pattern, cell) for cell in cells)]  # fmt: skip
    if found:
        yield f"unwrap: [{', '.join(found)}]"
