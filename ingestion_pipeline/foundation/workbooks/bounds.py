"""What a workbook may hold, seen before it is parsed: a small file can stand for terabytes.

Every part is unpacked once, in pieces, and forgotten: bytes are counted as they come, because the
directory of a zip file may lie. Of the sheets of an .xlsx the positions of cells are read too, and
which cells hold an error, which the library that reads them afterwards gives out as empty ones.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from xml.etree import ElementTree
from xml.parsers import expat

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.workbooks.epochs import (
    ods_counts_from_1904,
    xlsb_counts_from_1904,
)

MOST_BYTES = 256 * 1024 * 1024  # unpacked, of all parts
MOST_PARTS = 1_000
MOST_RATIO = 200  # unpacked to packed, of parts that are large
MOST_SHEETS = 64
MOST_COLUMNS = 256
MOST_CELLS = 4_000_000  # of all sheets, empty ones among them counted
_SMALL = 1024 * 1024
_PIECE = 64 * 1024
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_CREATED = (
    ("docProps/core.xml", "{http://purl.org/dc/terms/}created"),
    ("meta.xml", "{urn:oasis:names:tc:opendocument:xmlns:meta:1.0}creation-date"),
)


@dataclass
class Outline:
    """What was seen of a workbook.

    Attributes:
        errors: by sheet (its place among the sheets, from 0): cells with an error, by row and
            column from 0.
        epoch_1904: whether its day numbers count from 1904.
        created: when it was made, as it says itself.
    """

    errors: dict[int, dict[tuple[int, int], str]] = field(default_factory=dict)
    epoch_1904: bool = False
    created: datetime | None = None


def outline(content: bytes) -> Outline:
    """What a workbook in a zip file holds.

    Raises:
        ContractError: it is damaged, or holds more than anybody's report does.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_directory(archive)
            found = Outline(created=_created(archive))
            if "xl/workbook.xml" in archive.namelist():
                _read_sheets(archive, found)
            elif "xl/workbook.bin" in archive.namelist():
                part = b"".join(islice(_pieces(archive, "xl/workbook.bin"), _SMALL // _PIECE))
                found.epoch_1904 = xlsb_counts_from_1904(part)
            elif "content.xml" in archive.namelist():
                found.epoch_1904 = ods_counts_from_1904(_pieces(archive, "content.xml"))
            return found
    except (
        zipfile.BadZipFile, zipfile.LargeZipFile, ElementTree.ParseError, expat.ExpatError,
        KeyError, EOFError, NotImplementedError, RuntimeError, ValueError, OSError,
    ) as error:  # fmt: skip
        raise ContractError(f"file: is not a readable workbook ({error})") from None


def _check_directory(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > MOST_PARTS or len({part.filename for part in parts}) < len(parts):
        raise ContractError(f"file: the workbook has more than {MOST_PARTS} parts, or one twice")
    for part in parts:
        if part.file_size > max(_SMALL, MOST_RATIO * part.compress_size):
            raise ContractError(
                f"file: {part.filename} unpacks to {part.file_size} bytes, more than "
                f"{MOST_RATIO} times what it takes packed: no report does"
            )
    total = sum(part.file_size for part in parts)
    if total > MOST_BYTES:
        raise ContractError(
            f"file: the workbook unpacks to {total} bytes; at most {MOST_BYTES} are read"
        )


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A part in pieces; `zipfile` ends with an error where it is not as long as it says."""
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            yield piece


def _small_part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    content = b""
    for piece in _pieces(archive, name):
        content += piece
        if len(content) > _SMALL:
            raise ContractError(f"file: {name} is larger than {_SMALL} bytes")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ContractError(f"file: {name} declares entities, which no spreadsheet does")
    return ElementTree.fromstring(content)  # noqa: S314 - without entities it is harmless


def _created(archive: zipfile.ZipFile) -> datetime | None:
    for name, tag in _CREATED:
        if name in archive.namelist():
            said = _small_part(archive, name).findtext(f".//{tag}")
            try:
                made = datetime.fromisoformat((said or "").strip())
            except ValueError:
                continue  # it is no time, so it says nothing
            return made if made.tzinfo else made.replace(tzinfo=UTC)
    return None


def _read_sheets(archive: zipfile.ZipFile, found: Outline) -> None:
    book = _small_part(archive, "xl/workbook.xml")
    settings = book.find(f"{_MAIN}workbookPr")
    if settings is not None:
        found.epoch_1904 = settings.get("date1904", "0").lower() in ("1", "true", "on")
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _small_part(archive, "xl/_rels/workbook.xml.rels")
    }
    paths = [_path(targets[sheet.get(_RELATION)]) for sheet in book.iter(f"{_MAIN}sheet")]
    if len(paths) > MOST_SHEETS:
        raise ContractError(f"file: has {len(paths)} sheets; at most {MOST_SHEETS} are read")
    if len(set(paths)) < len(paths):
        raise ContractError("file: several of its sheets are one and the same part")
    cells = 0
    for number, path in enumerate(paths):
        seen = _Cells(path)
        for piece in _pieces(archive, path):
            seen.feed(piece)
            if cells + seen.area > MOST_CELLS:
                raise ContractError(
                    f"file: the workbook has more than {MOST_CELLS} cells, empty ones counted"
                )
        cells += seen.area
        found.errors[number] = seen.errors


def _path(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


class _Cells:
    """The positions of a sheet's cells, as its XML goes by."""

    def __init__(self, path: str) -> None:
        self.errors: dict[tuple[int, int], str] = {}
        self._path = path
        self._row, self._column, self._last_row, self._last_column = -1, -1, -1, -1
        self._error: tuple[int, int] | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse

    @property
    def area(self) -> int:
        """Cells of the rectangle from A1 to the last row and column."""
        return (self._last_row + 1) * (self._last_column + 1)

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the sheet's XML."""
        self._parser.Parse(piece, False)

    def _refuse(self, *_: object) -> None:
        raise ContractError(f"file: {self._path} declares entities, which no spreadsheet does")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = name.rpartition(" ")[2]
        if kind == "row":
            self._row = int(attributes.get("r", self._row + 2)) - 1
            self._column = -1
        elif kind == "c":
            self._column = _column(attributes.get("r"), self._column + 1)
            if self._column >= MOST_COLUMNS:
                raise ContractError(
                    f"file: {self._path} has a cell in column {self._column + 1}; at most "
                    f"{MOST_COLUMNS} columns are read"
                )
            self._last_row = max(self._last_row, self._row)
            self._last_column = max(self._last_column, self._column)
            if attributes.get("t") == "e":
                self._error = (self._row, self._column)
                self.errors[self._error] = ""

    def _text(self, text: str) -> None:
        if self._error is not None:
            self.errors[self._error] += text

    def _end(self, name: str) -> None:
        if name.rpartition(" ")[2] == "c":
            self._error = None


def _column(reference: str | None, following: int) -> int:
    """The column of a cell, from 0; a cell without a reference follows the one before."""
    letters = (reference or "").rstrip("0123456789")
    if not letters:
        return following
    if len(letters) > 3 or not (letters.isascii() and letters.isalpha()):
        raise ValueError(f"{letters[:20]!r} is no column")
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
