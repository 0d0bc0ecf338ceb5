"""Text reports as rows: whatever the encoding, the end of lines and the delimiter are.

What a file is, its first bytes say, not its name. Every physical line of a text is accounted for:
a quote that is never closed costs the line that opens it, not the lines behind.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage import file_kinds
from ingestion_pipeline.foundation.storage.file_kinds import DAMAGE, Limits, WrongFileError
from ingestion_pipeline.foundation.storage.file_signatures import other_kind, packing_of
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row
from ingestion_pipeline.foundation.workbooks.sheets import is_workbook

_LIMITS = Limits(unpacked_bytes=256 * 1024 * 1024, ratio=200)
_LONGEST_ROW = 100  # physical lines of one row: a title may hold some ends of lines
_LARGEST_CELL = 128 * 1024
EMPTY = "is empty, as after a transfer that failed"
_DELIMITERS = (",", ";", "\t", "|")
# What some spreadsheets write, and all read, above a header.
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=([,;\t|])\"?\s*", re.IGNORECASE)
_UTF_32 = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


@dataclass(frozen=True)
class Text:
    """A text report.

    Attributes:
        lines: how many physical lines it has.
        preamble: lines above that are no rows: `sep=;`.
    """

    rows: list[Row] = field(repr=False)
    delimiter: str
    lines: int
    preamble: int = 0


def unpacked(content: bytes) -> bytes:
    """A file without the gzip or zstd around it, whose first bytes say whether there is one.

    Raises:
        ContractError: there is nothing in it, it is damaged, or far too large.
    """
    if packing := packing_of(content[:4]):
        try:
            content = file_kinds.unpacked(io.BytesIO(content), _LIMITS).read()
        except DAMAGE as error:
            raise ContractError(f"file: its {packing} is damaged ({error})") from None
        except WrongFileError as error:
            raise ContractError(f"file: {error}") from None
    if not content.strip():
        raise ContractError(f"file: {EMPTY}")
    return content


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 or UTF-32 with its mark, else Windows-1252.

    Raises:
        ContractError: it is no text, or HTML.
    """
    if is_workbook(content):
        raise ContractError("file: is a workbook, where this platform sends text")
    if content.startswith((b"\xff\xfe", b"\xfe\xff", *_UTF_32)):
        encoding = "utf-32" if content.startswith(_UTF_32) else "utf-16"
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            raise ContractError(f"file: begins as {encoding.upper()} and is not") from None
        content = text[:4096].encode(errors="replace")  # what it is shows in its text
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if said := other_kind(content[:4096]):
        raise ContractError(f"file: is {said}")
    if "\x00" in text:
        raise ContractError("file: is no text")
    # csv knows no lone CR, which is how old spreadsheets end a line.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(content: bytes, *, plain_tabs: bool = False) -> Text:
    """The rows of a text report.

    Its delimiter is what a line `sep=;` at its beginning says, else the commonest of its first
    lines.

    Args:
        plain_tabs: where tabs are between cells, quotes are characters like others.

    Raises:
        ContractError: it is no text, or nothing is in it but its mark and ends of lines.
    """
    text = decoded(unpacked(content))
    if not text.strip():
        raise ContractError(f"file: {EMPTY}")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    said = _SEPARATOR_LINE.fullmatch(lines[0])
    first = 1 if said else 0
    found = said[1] if said else _delimiter(lines[:3])
    if found != "\t" or not plain_tabs:
        return Text(list(_quoted_rows(lines, found, first)), found, len(lines), first)
    rows = [
        Row(number, list(line.split(found)))
        for number, line in enumerate(lines[first:], start=first + 1)
    ]
    return Text(rows, found, len(lines), first)


def _quoted_rows(lines: list[str], delimiter: str, first: int) -> Iterator[Row]:
    at, width = first, 0
    while at < len(lines):
        row = _row(lines, at, delimiter)
        if row.lines > 1 and width and len(row.cells) != width:
            # The quote was closed by another row's: what stands between are rows of their own.
            row = _unclosed(lines, at, delimiter)
        elif row.problem is None:
            width = max(width, len(row.cells)) if at < first + 3 else width
        yield row
        at += row.lines


def _row(lines: list[str], at: int, delimiter: str) -> Row:
    following = (f"{line}\n" for line in islice(lines, at, at + _LONGEST_ROW))
    reader = csv.reader(following, delimiter=delimiter, strict=True)
    try:
        cells: list[Cell] = list(next(reader, []))
    except csv.Error as error:
        if "end of data" in str(error):
            return _unclosed(lines, at, delimiter)
        if len(lines[at]) > _LARGEST_CELL:
            return Row(at + 1, [lines[at][:1000]], problem="is too long for a row")
        # A quote in the middle of a quoted cell: read as it stands, on its own line.
        return Row(at + 1, list(next(csv.reader([lines[at]], delimiter=delimiter))))
    if cells and isinstance(cells[-1], str):
        cells[-1] = cells[-1].removesuffix("\n")
    return Row(at + 1, cells, lines=max(1, reader.line_num))


def _unclosed(lines: list[str], at: int, delimiter: str) -> Row:
    cells: list[Cell] = list(lines[at].split(delimiter))
    return Row(at + 1, cells, problem=f"a quote opened in line {at + 1} is never closed")


def _delimiter(lines: Sequence[str]) -> str:
    return max(_DELIMITERS, key=lambda one: max((line.count(one) for line in lines), default=0))
