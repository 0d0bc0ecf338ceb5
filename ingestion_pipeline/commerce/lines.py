"""A file's bytes → blocks of lines, in memory that does not grow with the file or with a line.

What cannot be a row any more (a line over the limit, the torn end of a damaged archive) becomes
an `UnusableLine`, so that it is counted and rejected at its place and the rest goes on.
"""

import gzip
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Any

from ingestion_pipeline.commerce.contract import MAXIMUM_LINE_BYTES

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_BLOCK_BYTES = 1024 * 1024
_KEPT_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError)
_OVERLONG = "must be at most 1 MiB long"


class UnusableLine(bytes):
    """The beginning of a line that must not be parsed, with the rule that it broke.

    It ends in a byte that no JSON text may hold, so that no parser takes it for a row.
    """

    rule: str

    def __new__(cls, content: bytes, rule: str) -> "UnusableLine":
        """Mark a line as unusable because of `rule`."""
        line = super().__new__(cls, content[:_KEPT_BYTES] + b"\x00")
        line.rule = rule
        return line

    @property
    def content(self) -> bytes:
        """The bytes of the file, at most 4 KiB."""
        return self[:-1]


def blocks_of_lines(file: IO[bytes], file_name: str) -> Iterator[list[bytes]]:
    """The lines of a file without their newlines, about 1 MiB at a time.

    Args:
        file: the file's own bytes.
        file_name: its ending tells the compression: `.gz`, `.zst`, else none.
    """
    if file_name.lower().endswith(".gz"):
        return _lines(_chunks(gzip.open(file)))
    if file_name.lower().endswith(".zst"):
        return _lines(_chunks(zstd.open(file)))
    return _lines(_chunks(file))


def _chunks(stream: Any) -> Iterator[bytes]:
    """The stream in pieces of about 1 MiB; where it is damaged, an UnusableLine ends it."""
    # read1 hands out what precedes the damage; read would lose it with the exception.
    read = getattr(stream, "read1", stream.read)
    gathered = bytearray()
    at_start = True
    while True:
        try:
            piece = read(_BLOCK_BYTES)
        except _DAMAGE as damage:
            yield bytes(gathered).removeprefix(_BYTE_ORDER_MARK if at_start else b"")
            yield UnusableLine(b"", f"the compressed file is damaged from here on: {damage}")
            return
        gathered += piece
        if len(gathered) >= _BLOCK_BYTES or not piece:
            yield bytes(gathered).removeprefix(_BYTE_ORDER_MARK if at_start else b"")
            at_start = False
            gathered.clear()
        if not piece:
            return


def _lines(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    rest = b""  # the unfinished last line …
    overlong = False  # … or only its beginning, where it is over the limit already
    for chunk in chunks:
        if isinstance(chunk, UnusableLine):
            yield [UnusableLine(rest, chunk.rule)]
            return
        lines = chunk.split(b"\n")
        lines[0] = rest if overlong else rest + lines[0]
        if overlong and len(lines) > 1:
            lines[0], overlong = UnusableLine(rest, _OVERLONG), False
        rest = lines.pop()
        if len(rest) > MAXIMUM_LINE_BYTES:
            rest, overlong = rest[:_KEPT_BYTES], True
        if lines:
            yield _limited(lines)
    if overlong:
        yield [UnusableLine(rest, _OVERLONG)]
    elif rest:
        yield [rest]


def _limited(lines: list[bytes]) -> list[bytes]:
    if max(map(len, lines)) <= MAXIMUM_LINE_BYTES:
        return lines
    return [
        UnusableLine(line, _OVERLONG) if len(line) > MAXIMUM_LINE_BYTES else line for line in lines
    ]
