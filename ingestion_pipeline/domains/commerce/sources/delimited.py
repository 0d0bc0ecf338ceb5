"""CSV files: each record becomes the JSON line that it stands for, so that one parser serves all.

The delimiter is the one under which the header names the columns; the data has no say in it. A row
has a value for each of them. A header that comes again, with a file that was appended, holds from
there on. Every physical line stays a line: of a record that spans several (a quoted newline) the
first stands for the row, the others, like headers, are preamble. A quote that is never closed costs
its own line and not those behind it.
"""

import csv
from collections.abc import Iterator

import msgspec

from ingestion_pipeline.domains.commerce.contract.entities import (
    MAXIMUM_LINE_BYTES,
    UUID_PATTERN,
    Entity,
    Kind,
)
from ingestion_pipeline.domains.commerce.sources.csv_headers import (
    SEPARATOR_LINE,
    Header,
    beginning_of_headers,
    best_header,
    is_header,
)
from ingestion_pipeline.domains.commerce.sources.lines import PREAMBLE, Block, UnusableLine
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError

# What CSV can only write as text and JSON has a form of its own for.
_BARE: frozenset[Kind] = frozenset({"integer", "boolean", "object"})
_END = "unexpected end of data"  # the csv module's own words
_MOST_LINES = 1_000  # of a record; also of what is read in vain behind an unclosed quote
# Lines that may be read once more because a quote before them is never closed: so many, and four
# times those of the file. Beyond that a quote has to be closed within its line.
_MOST_AGAIN, _AGAIN_EACH = 1_000_000, 4
csv.field_size_limit(MAXIMUM_LINE_BYTES)


def csv_as_json(blocks: Iterator[Block], entity: Entity) -> Iterator[Block]:
    """Blocks of CSV lines with their ends → blocks of JSON lines, as many, in their order.

    Raises:
        WrongFileError: there is no header, it lacks a column that every row needs, or has one
            twice.
    """
    lines = _Lines(blocks)
    yield from _records(lines, _header(lines, entity), entity)


class _Lines:
    """The lines that are at hand, from which reading may go back to an earlier one."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.lines: list[bytes] = []
        self.at = 0
        self.number = 1  # in the file, of the first line that is at hand
        self.blank = 0  # so many blank ones come first
        self.record = 0  # where the record begins that is being read
        self.again = 0  # so many lines have been read in vain

    def here(self) -> bool:
        """Whether there is a line to read, at a record's beginning; drops what is read."""
        while self.at == len(self.lines):
            self.number += self.at
            self.lines, self.at = [], 0
            block = next(self._blocks, None)
            if block is None:
                return False
            if isinstance(block, int):
                self.blank += block
                self.number += block
                return True
            self.lines = block
        return True

    def extend(self) -> bool:
        """Get more lines within a record; whether there are some."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self.lines = self.lines + (block if isinstance(block, list) else [b"\n"] * block)
        return True

    def most_of_record(self) -> int:
        """How many lines the record may have."""
        number = self.number + self.record
        return _MOST_LINES if self.again < _MOST_AGAIN + _AGAIN_EACH * number else 1

    def go_back(self) -> None:
        """Give the record up: go on with the line behind its first."""
        self.again += max(0, self.at - self.record - 1)
        self.at = self.record + 1

    def take_blank(self) -> int:
        blank, self.blank = self.blank, 0
        return blank


def _header(lines: _Lines, entity: Entity) -> Header:
    """The header; what stands before it is left to be read as preamble."""
    hint = ""
    before = 0
    while True:
        if lines.at == len(lines.lines) and not (lines.extend() if lines.lines else lines.here()):
            raise WrongFileError("the file has no header")
        if lines.at == len(lines.lines):
            continue
        line = lines.lines[lines.at]
        if isinstance(line, UnusableLine):
            raise WrongFileError(f"header: the line {line.rule}")
        if separator := SEPARATOR_LINE.fullmatch(line):
            hint = separator[1].decode()
            lines.lines[lines.at] = PREAMBLE
        elif line.strip():
            header = best_header(line, hint, entity)
            header.require(entity)
            lines.lines[lines.at] = PREAMBLE
            lines.at = 0
            return header
        before += 1
        if before > _MOST_LINES:
            raise WrongFileError(f"the first {_MOST_LINES} lines have no header")
        lines.at += 1


def _records(lines: _Lines, header: Header, entity: Entity) -> Iterator[Block]:
    """A line for every line that is read."""
    as_json = _Converter(header, entity)
    begins_as_header = beginning_of_headers(entity)
    made: list[bytes] = []
    reader: Iterator[list[str]] | None = None
    while lines.here():
        if blank := lines.take_blank():
            if made:
                yield made
            yield blank
            made = []
            continue
        start = lines.record = lines.at
        line = lines.lines[start]
        if isinstance(line, UnusableLine) or line.strip() == header.line:
            made.append(line if isinstance(line, UnusableLine) else PREAMBLE)
            lines.at += 1
        elif begins_as_header(line) and is_header(line, entity):
            # Another file was appended: its columns may stand in another order.
            header = best_header(line, "", entity)
            as_json, reader = _Converter(header, entity), None
            made.append(PREAMBLE)
            lines.at += 1
        else:
            if reader is None:
                reader = header.reader(_fed(lines))
            try:
                record = _record(reader, lines, as_json)
                made.append(as_json(record))
            except csv.Error as error:
                made.append(UnusableLine(line.rstrip(b"\r\n"), _rule(error, lines)))
                lines.go_back()
                reader = None
            except _NoRowError as error:
                raw = b"".join(lines.lines[start : lines.at])
                made.append(UnusableLine(raw.rstrip(b"\r\n"), str(error)))
                made += [PREAMBLE] * (lines.at - start - 1)
            else:
                made += [PREAMBLE] * (lines.at - start - 1)
        if len(made) >= 5_000:
            yield made
            made = []
    if made:
        yield made


def _fed(lines: _Lines) -> Iterator[str]:
    """Texts for a CSV reader, which asks for another one in the middle of a record only."""
    size = 0
    while lines.at < len(lines.lines) or lines.extend():
        line = lines.lines[lines.at]
        size = len(line) + (size if lines.at > lines.record else 0)
        most = lines.most_of_record() if lines.at > lines.record else 1
        too_long = size > MAXIMUM_LINE_BYTES or lines.at - lines.record >= most
        if too_long or isinstance(line, UnusableLine):
            return
        lines.at += 1
        yield line.decode("utf-8", "surrogateescape")


def _record(reader: Iterator[list[str]], lines: _Lines, as_json: "_Converter") -> list[str]:
    """The next record; what holds a row within it is none: its quote was opened by mistake."""
    try:
        record = next(reader)
    except csv.Error:
        if _holds_row(lines, as_json):
            raise csv.Error(_END) from None
        raise
    if _holds_row(lines, as_json):
        raise csv.Error(_END)
    return record


def _holds_row(lines: _Lines, as_json: "_Converter") -> bool:
    return any(as_json.is_row(line) for line in lines.lines[lines.record + 1 : lines.at])


def _rule(error: csv.Error, lines: _Lines) -> str:
    if _END in str(error):
        return f"quote opened in line {lines.number + lines.record} is never closed"
    return f"must be a CSV record: {error}"


class _NoRowError(Exception):
    """A record can be no row; the message is the rule."""


class _Converter:
    """A record → the JSON line that it stands for."""

    def __init__(self, header: Header, entity: Entity) -> None:
        self._header = header
        self._kinds = {field.name: field.kind for field in entity.fields}
        ids = [field.name for field in entity.fields if field.kind == "uuid"]
        self._id = header.names.index(ids[0])
        self._unnamed = [place for place, name in enumerate(header.names) if not name]

    def is_row(self, line: bytes) -> bool:
        """Whether a line by itself is a row beyond doubt: every column, and a UUID as its id."""
        try:
            [record] = self._header.reader([line.decode()])
        except (csv.Error, UnicodeDecodeError, ValueError):
            return False
        return len(record) == len(self._header.names) and bool(
            UUID_PATTERN.fullmatch(record[self._id].strip())
        )

    def __call__(self, record: list[str]) -> bytes:
        """The line; blank where no column has a value.

        Raises:
            _NoRowError: it can be no row.
        """
        text = "".join(record)
        if not text.strip():
            return b""
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _NoRowError("must be UTF-8") from None
        names = self._header.names
        if len(record) > len(names):
            raise _NoRowError(f"must have at most {len(names)} values, got {len(record)}")
        if any(names[len(record) :]):  # it may be the beginning of a row that was cut off
            raise _NoRowError(f"must have {len(names)} values, got {len(record)}")
        if self._unnamed and sum(bool(record[n]) for n in self._unnamed if n < len(record)) > 1:
            raise _NoRowError("must not have several values in columns without a name")
        values: dict[str, object] = {}
        for name, value in zip(names, record, strict=False):
            kind = self._kinds.get(name)
            if kind in _BARE:
                values[name] = _bare(value, kind)
            elif value or kind == "text":
                values[name] = value
        return msgspec.json.encode(values)


def _bare(value: str, kind: Kind | None) -> object:
    """The text as the JSON that it is (exact, unread), or as a text, which the rules refuse."""
    if not value:
        return None
    plain = value.strip().lower() if kind == "boolean" else value
    try:
        return msgspec.json.decode(plain, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return value
