"""A file's bytes → blocks of physical lines, in memory that does not grow with file or line.

A line ends with LF, CR LF or CR. What cannot be a row any more (a line over the limit, the torn
end of a damaged archive) becomes an `UnusableLine`, so that it is counted and rejected at its place
and the rest goes on. Every line is in exactly one block: what is made of the blocks adds up.
"""

from collections.abc import Iterator

from ingestion_pipeline.domains.commerce.contract.entities import MAXIMUM_LINE_BYTES
from ingestion_pipeline.foundation.storage.file_kinds import DAMAGE, Stream, is_break

_BLOCK_BYTES = 1024 * 1024
_KEPT_BYTES = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MARKS = (BYTE_ORDER_MARK, b"\x1e")
OVERLONG = "must be at most 1 MiB long"

Block = list[bytes] | int
"""Lines, or so many blank ones: a file of nothing else must not cost as much as rows do."""


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


PREAMBLE = UnusableLine(b"", "is part of no row of its own")
"""Stands for a line that is no row and no mistake: a header, `sep=;`, a row's further lines."""


def blocks_of_lines(stream: Stream, *, with_ends: bool = False) -> Iterator[Block]:
    """The lines of a stream, about 1 MiB at a time, byte-order marks at their beginning removed.

    Args:
        stream: plain bytes.
        with_ends: leave each line the end that it has.
    """
    return lines_of(pieces(stream), with_ends=with_ends)


def lines_of(chunks: Iterator[bytes], *, with_ends: bool = False) -> Iterator[Block]:
    """As `blocks_of_lines`, of pieces of any size."""
    rest = b""  # the unfinished last line …
    overlong = False  # … or only its beginning, where it is over the limit already
    for chunk in _with_whole_ends(chunks):
        if isinstance(chunk, UnusableLine):
            yield [UnusableLine(rest, chunk.rule)]
            return
        if not rest and not overlong and not chunk.strip(b" \t\r\n"):
            ended = chunk[: max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1]
            rest = chunk[len(ended) :]
            if ended:
                yield ended.count(b"\n") + ended.count(b"\r") - ended.count(b"\r\n")
            continue
        lines = _split(chunk, with_ends=with_ends)
        lines[0] = rest if overlong else rest + lines[0]
        if overlong and len(lines) > 1:
            lines[0], overlong = UnusableLine(rest, OVERLONG), False
        rest = lines.pop()
        if len(rest) > MAXIMUM_LINE_BYTES:
            rest, overlong = rest[:_KEPT_BYTES], True
        if lines:
            marked = BYTE_ORDER_MARK in chunk or lines[0].startswith(_MARKS) or b"\x1e" in chunk
            yield _readable(lines, marked=marked)
    if overlong:
        yield [UnusableLine(rest, OVERLONG)]
    elif rest:
        yield _readable([rest], marked=True)


def pieces(stream: Stream) -> Iterator[bytes]:
    """The stream in pieces of about 1 MiB; where it is damaged, an UnusableLine ends it."""
    gathered = bytearray()
    while True:
        try:
            # read1 hands out what precedes the damage; read would lose it with the exception.
            piece = stream.read1(_BLOCK_BYTES)
        except DAMAGE as damage:
            yield bytes(gathered)
            where = "from here on" if is_break(damage) else "from here on, and maybe before"
            yield UnusableLine(b"", f"the file is damaged {where}: {damage}")
            return
        gathered += piece
        if len(gathered) >= _BLOCK_BYTES or not piece:
            yield bytes(gathered)
            gathered.clear()
        if not piece:
            return


def _with_whole_ends(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces that do not end between CR and LF."""
    held = b""
    for chunk in chunks:
        if isinstance(chunk, UnusableLine):
            if held:
                yield held
            yield chunk
            return
        whole = held + chunk
        held = b"\r" if whole.endswith(b"\r") else b""
        if held:
            whole = whole[:-1]
        if whole:
            yield whole
    if held:
        yield held


def _split(chunk: bytes, *, with_ends: bool) -> list[bytes]:
    """The lines of a piece; the last is unfinished, or empty."""
    if not with_ends and chunk.count(b"\r") == chunk.count(b"\r\n"):
        return chunk.split(b"\n")  # the CR of an end is white space to a JSON parser
    lines = chunk.splitlines(keepends=with_ends)
    return [*lines, b""] if chunk.endswith((b"\n", b"\r")) else lines


def _without_marks(line: bytes) -> bytes:
    while line.startswith(_MARKS):
        line = line.removeprefix(BYTE_ORDER_MARK).removeprefix(b"\x1e")
    return line


def _readable(lines: list[bytes], *, marked: bool) -> list[bytes]:
    """The lines without marks at their beginning, too long ones marked as such.

    Files with a mark that are appended to one another have it in the middle; JSON text sequences
    (RFC 7464) begin each record with a record separator.
    """
    if marked:
        lines = [line if isinstance(line, UnusableLine) else _without_marks(line) for line in lines]
    if max(map(len, lines)) <= MAXIMUM_LINE_BYTES:
        return lines
    return [
        UnusableLine(line, OVERLONG) if len(line) > MAXIMUM_LINE_BYTES else line for line in lines
    ]
