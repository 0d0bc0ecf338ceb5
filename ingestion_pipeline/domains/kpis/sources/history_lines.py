"""A stream of bytes that can be looked into, and its lines.

A line ends with LF, CR LF or CR. Marks at its beginning (of files that were joined, of RFC 7464's
records) are no part of it.
"""

from collections.abc import Iterator

from ingestion_pipeline.foundation.storage.file_kinds import DAMAGE, Stream

MOST_LINE_BYTES = 64 * 1024 * 1024  # a value of the original's store has 25 MiB at most
MARK = b"\xef\xbb\xbf"
_PIECE_BYTES = 1024 * 1024
_BEGINNINGS = MARK + b"\x1e"


class Lines:
    """What reading raises is raised once what precedes the damage has been read."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, so many if there are, which stay to be read."""
        try:
            while len(self._held) < size and (piece := self._stream.read1(_PIECE_BYTES)):
                self._held += piece
        except DAMAGE:
            pass  # whoever reads is told
        return self._held

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        if not self._held:
            return self._stream.read1(_PIECE_BYTES if size < 0 else size)
        end = len(self._held) if size < 0 else size
        taken, self._held = self._held[:end], self._held[end:]
        return taken

    def numbered(self) -> Iterator[tuple[int, bytes | None]]:
        """The lines that are not blank, with their numbers; None for one that is too long."""
        for number, line in enumerate(self._lines(), 1):
            if line is None or line.strip():
                yield number, line

    def _lines(self) -> Iterator[bytes | None]:
        rest, too_long = b"", False
        while piece := self.read(_PIECE_BYTES):
            lines = (rest + piece).splitlines(keepends=True)
            # A CR in the end may be half of an end.
            rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
            for line in lines:
                yield None if too_long else _content(line)
                too_long = False
            if len(rest) > MOST_LINE_BYTES:
                rest, too_long = rest[-1:], True  # which may be a CR
        if rest or too_long:
            yield None if too_long else _content(rest)


def _content(line: bytes) -> bytes:
    return line.rstrip(b"\r\n").lstrip(_BEGINNINGS)
