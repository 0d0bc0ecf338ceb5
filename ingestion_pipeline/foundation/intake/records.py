"""A text file's physical lines → its records, each with its number, its lines and its text.

Every line is in exactly one record. A quote that is never closed costs the line that opens it, and
not the lines behind it.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

from ingestion_pipeline.foundation.mapping.words import Read
from ingestion_pipeline.foundation.storage.file_kinds import (
    DAMAGE,
    Stream,
    WrongFileError,
    head_of,
)
from ingestion_pipeline.foundation.storage.file_signatures import encoding_of, other_kind

_LONGEST_LINE = 1024 * 1024  # characters
_LONGEST_RECORD = 10_000  # physical lines: a product's description is a page of HTML
_MARK = "\ufeff"
_UTF8_MARK = b"\xef\xbb\xbf"
csv.field_size_limit(_LONGEST_LINE)


@dataclass(slots=True)
class Record:
    """A record of a file.

    Attributes:
        number: of its first line, from 1.
        lines: physical lines that it takes.
        text: as it stands in the file.
        problem: why it can't be used; None where it can.
    """

    number: int
    lines: int
    text: str
    cells: list[str]
    problem: str | None = None


def text_records(stream: Stream, read: Read) -> Iterator[Record]:
    """The records of a text file in the encoding that its mark or `read` says.

    Raises:
        WrongFileError: it is no text, or in another encoding.
    """
    lines = _Lines(_decoded(stream, read))
    return _plain(lines, read.delimiter) if read.quote is None else _quoted(lines, read)


def physical_lines(stream: Stream, read: Read) -> Iterator[str]:
    """The lines of a text file, each with its end.

    Raises:
        WrongFileError: it is no text, or in another encoding.
    """
    lines = _Lines(_decoded(stream, read))
    for line in lines:
        lines.record([])
        yield line
    for broken in _broken_end(lines):
        yield f"{broken.problem}\n"


def _decoded(stream: Stream, read: Read) -> IO[str]:
    head = head_of(stream)
    marked = "utf-8-sig" if head.startswith(_UTF8_MARK) else encoding_of(head)
    if marked is None and read.encoding.startswith(("utf-16", "utf-32")):
        raise WrongFileError(
            f"the file does not begin with the mark of {read.encoding} (read.encoding)"
        )
    is_wide = marked is not None and not marked.startswith("utf-8")
    if not is_wide and (said := other_kind(head)):
        raise WrongFileError(f"the file is {said}")
    errors = "strict" if is_wide else "surrogateescape"
    return io.TextIOWrapper(stream, encoding=marked or read.encoding, errors=errors)


class _TooLongError(Exception):
    """A record takes more lines than one may."""


class _Lines:
    """Physical lines; those of the record that is being read can be read again.

    Attributes:
        number: of the line that comes next, from 1.
    """

    def __init__(self, text: IO[str]) -> None:
        self._read = partial(text.readline, _LONGEST_LINE)
        self._again: deque[str] = deque()
        self._kept: list[str] = []
        self.number = 1
        self.damage: str | None = None

    def __iter__(self) -> Iterator[str]:
        """From where reading is; a new one is needed when another came to its end, or failed."""
        again, kept, read = self._again, self._kept, self._read
        while True:
            if again:
                line = again.popleft()
            else:
                try:
                    line = read()
                except DAMAGE as error:
                    self.damage = f"the file is damaged from here on: {error}"
                    return
                except UnicodeDecodeError as error:
                    told = f"the file is not {error.encoding}: {error.reason}"
                    raise WrongFileError(told) from None
                if line[:1] == _MARK:  # it begins a file, and what was put behind another file
                    line = line[1:]
            if not line:
                return
            kept.append(line)
            if len(kept) > _LONGEST_RECORD:
                raise _TooLongError
            yield line

    def record(self, cells: list[str], problem: str | None = None) -> Record:
        """What was read since the last record, as one."""
        kept, number = self._kept, self.number
        lines = len(kept)
        text = kept[0] if lines == 1 else "".join(kept)
        kept.clear()
        self.number = number + lines
        return Record(number, lines, text.removesuffix("\n"), cells, problem)

    def first_alone(self, cells: list[str], problem: str | None) -> Record:
        """The first of the lines that were read, as a record; the others are read again."""
        self._again.extendleft(reversed(self._kept[1:]))
        del self._kept[1:]
        return self.record(cells, problem)

    @property
    def has_read(self) -> int:
        """How many lines were read since the last record."""
        return len(self._kept)

    @property
    def first(self) -> str:
        """The first of them."""
        return self._kept[0].rstrip("\n")


def _plain(lines: _Lines, delimiter: str) -> Iterator[Record]:
    for line in lines:
        too_long = "is longer than 1 MiB" if len(line) >= _LONGEST_LINE else None
        yield lines.record(line.rstrip("\n").split(delimiter), too_long)
    yield from _broken_end(lines)


def _quoted(lines: _Lines, read: Read) -> Iterator[Record]:
    def reader() -> Iterator[list[str]]:
        return csv.reader(
            lines, delimiter=read.delimiter, quotechar=read.quote, strict=True
        )  # fmt: skip

    rows, width = reader(), 0
    while True:
        try:
            cells = next(rows)
        except StopIteration:
            break
        except (csv.Error, _TooLongError) as error:
            yield _damaged(lines, read, error)
            rows = reader()
            continue
        if lines.has_read > 1 and width and len(cells) != width:
            # The quote was closed by another row's: what stands between are rows of their own.
            yield _unclosed(lines, read)
            rows = reader()
            continue
        width = max(width, len(cells))
        yield lines.record(cells)
    yield from _broken_end(lines)


def _damaged(lines: _Lines, read: Read, error: Exception) -> Record:
    if lines.has_read > 1 or "end of data" in str(error):
        return _unclosed(lines, read)
    line = lines.first
    if "field larger" in str(error):
        return lines.record([line[:1000]], "has a cell that is too long")
    # A quote in the middle of a quoted cell: read as it stands, on its own line.
    cells = next(csv.reader([line], delimiter=read.delimiter, quotechar=read.quote), [])
    return lines.record(cells)


def _unclosed(lines: _Lines, read: Read) -> Record:
    cells = lines.first.split(read.delimiter)
    return lines.first_alone(cells, f"a quote opened in line {lines.number} is never closed")


def _broken_end(lines: _Lines) -> Iterator[Record]:
    if lines.damage is not None:
        yield Record(lines.number, 1, "", [], lines.damage)
