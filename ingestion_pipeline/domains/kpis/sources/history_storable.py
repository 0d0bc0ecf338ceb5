"""A stream of JSON in which what no text can hold is told, before a parser makes something of it.

The parser makes `?` of half a surrogate pair (`"\\ud800"`), or breaks off there, and so it does at
bytes that are no UTF-8. Both become NUL, as an escape: the reading that has it is refused by its
field, as one that has NUL, and the others go on.
"""

import codecs
import re
from typing import Protocol

from ingestion_pipeline.foundation.storage.file_kinds import DAMAGE

_LONGEST = 12  # characters of an escape: a surrogate pair
_HEX2 = "[0-9a-fA-F]{2}"
_LOW = rf"\\u[dD][c-fC-F]{_HEX2}"
_HALF = re.compile(rf"\\u[dD][89abAB]{_HEX2}|{_LOW}")
# Escapes one behind the other, so that of `\\\\ud800` none begins in the middle; a byte that is no
# UTF-8 behind a backslash stays what it is, an escape that no JSON has.
_ESCAPES = re.compile(
    rf"(?P<kept>\\u[dD][89abAB]{_HEX2}{_LOW}|\\(?!u[dD][89a-fA-F]{_HEX2})(?s:.))"
    rf"|\\u[dD][89a-fA-F]{_HEX2}|[\udc80-\udcff]"
)
_NUL = r"\u0000"


class _Readable(Protocol):
    def read(self, size: int = -1) -> bytes: ...


class Storable:
    """What a stream holds, in UTF-8, NUL in place of what no text can hold."""

    def __init__(self, stream: _Readable) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = ""
        self._ended = False
        self._damage: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes, some more than asked for perhaps; none at the end.

        Raises:
            what reading the stream raises, once all that precedes the damage is read.
        """
        while size and not self._ended:
            text = self._held + self._next(size)
            end = _end(text, ended=self._ended)
            text, self._held = text[:end], text[end:]
            if text:
                return _told(text)
        if self._damage is not None and size:
            raise self._damage
        return b""

    def _next(self, size: int) -> str:
        content = b""
        try:
            content = self._stream.read(size)
        except DAMAGE as damage:
            self._damage = damage
        self._ended = not content
        return self._decoder.decode(content, final=self._ended)


def _end(text: str, *, ended: bool) -> int:
    """Where a text can be cut: behind the last escape of which nothing can be missing."""
    last = len(text) - _LONGEST
    at = text.rfind("\\", max(0, last))
    if ended or at < 0:
        return len(text)
    while (before := text.rfind("\\", max(0, at - _LONGEST), at)) >= 0:
        at = before
    for escape in _ESCAPES.finditer(text, at):
        if escape.start() > last:
            break
        at = escape.end()
    return at


def _told(text: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError:
        pass
    else:
        if _HALF.search(text) is None:
            return content
    return _ESCAPES.sub(_kept, text).encode("utf-8", "replace")


def _kept(found: re.Match[str]) -> str:
    return found["kept"] or _NUL
