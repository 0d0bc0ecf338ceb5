"""Text reports as rows: whatever the encoding, the end of lines and the delimiter are.

What a file is, its first bytes say, not its name. Every physical line of a text is accounted for:
a quote that is never closed costs the line that opens it, not the lines behind.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingestion_pipeline.book_sales.cells import Cell, Row
from ingestion_pipeline.book_sales.workbooks import is_workbook
from ingestion_pipeline.errors import ContractError
from ingestion_pipeline.storage import file_kinds
from ingestion_pipeline.storage.file_kinds import DAMAGE, Limits, WrongFileError
from ingestion_pipeline.storage.file_signatures import other_kind, packing_of

_LIMITS = Limits(unpacked_bytes=256 * 1024 * 1024, ratio=200)
_LONGEST_ROW = 100  # physical lines of one row: a title may hold some ends of lines
_LARGEST_CELL = 128 * 1024


@dataclass(frozen=True)
class Text:
    """A text report.

    Attributes:
        lines: how many physical lines it has.
    """

    rows: list[Row] = field(repr=False)
    delimiter: str
    lines: int


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
        raise ContractError("file: is empty, as after a transfer that failed")
    return content


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, else Windows-1252.

    Raises:
        ContractError: it is no text, or HTML.
    """
    if is_workbook(content):
        raise ContractError("file: is a workbook, where this platform sends text")
    if said := other_kind(content[:4096]):
        raise ContractError(f"file: is {said}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            raise ContractError("file: begins as UTF-16 and is not") from None
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise ContractError("file: is no text")
    # csv knows no lone CR, which is how old spreadsheets end a line.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_text(content: bytes, *, delimiter: str | None = None, quoted: bool = True) -> Text:
    """The rows of a text report; without a delimiter, the commonest of its first lines.

    Raises:
        ContractError: it is no text.
    """
    lines = decoded(unpacked(content)).split("\n")
    if not lines[-1]:
        lines.pop()
    found = delimiter or _delimiter(lines[:3])
    if quoted:
        return Text(list(_quoted_rows(lines, found)), found, len(lines))
    rows = [Row(number, list(line.split(found))) for number, line in enumerate(lines, start=1)]
    return Text(rows, found, len(lines))


def _quoted_rows(lines: list[str], delimiter: str) -> Iterator[Row]:
    at, width = 0, 0
    while at < len(lines):
        row = _row(lines, at, delimiter)
        if row.lines > 1 and width and len(row.cells) != width:
            # The quote was closed by another row's: what stands between are rows of their own.
            row = _unclosed(lines, at, delimiter)
        elif row.problem is None:
            width = max(width, len(row.cells)) if at < 3 else width
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
    return max(
        (",", ";", "\t"), key=lambda one: max((line.count(one) for line in lines), default=0)
    )
