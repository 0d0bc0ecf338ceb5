"""JSON that is not one object a line: an array, or objects over several lines → their texts.

Each element stands for a line and is counted as one; brackets and the white space between are no
lines. An element that is damaged (a text that its line does not close, more than 1 MiB) costs
itself: reading goes on with the next line that begins an object. What stands behind the array is
read as lines again.
"""

import re
from collections.abc import Iterator

from ingestion_pipeline.commerce.contract import MAXIMUM_LINE_BYTES
from ingestion_pipeline.commerce.lines import (
    BYTE_ORDER_MARK,
    OVERLONG,
    Block,
    UnusableLine,
    lines_of,
)

# A brace alone in its line, and a key in the next: a line of `{` may just be damaged.
_LAID_OUT = re.compile(rb'\{[ \t]*[\r\n]\s*"')
_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_SCALAR = re.compile(rb"[^,\]\r\n]*")
# A string (with its closing quote as group 1, unless it ends before), or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\\r\n]|\\[^\r\n])*+("?)|[{}\[\]]')
_NEXT_OBJECT = re.compile(rb"[\r\n][ \t\r\n]*,?[ \t]*(?=\{)")
_UNCLOSED = "has a text that is not closed within its line"


def is_document(head: bytes) -> bool:
    """Whether a file that begins so is an array, or objects over several lines."""
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    return text.startswith(b"[") or _LAID_OUT.match(text) is not None


def elements(chunks: Iterator[bytes]) -> Iterator[Block]:
    """The elements of a document, each as a text of one line."""
    scanner = _Scanner(chunks)
    found: list[bytes] = []
    for element in scanner.elements():
        found.append(element)
        if len(found) >= 5_000:
            yield found
            found = []
    if found:
        yield found
    yield from lines_of(scanner.rest())


class _DamagedError(Exception):
    """An element can't be read on behind `at`."""

    def __init__(self, at: int, rule: str) -> None:
        super().__init__(rule)
        self.at = at
        self.rule = rule


class _Scanner:
    """Takes a document apart, in memory for two elements and a piece of the file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._ended = False
        self._damage: UnusableLine | None = None

    def elements(self) -> Iterator[bytes]:
        while len(self._buffer) < len(BYTE_ORDER_MARK) and self._more():
            pass
        self._buffer = self._buffer.removeprefix(BYTE_ORDER_MARK)
        is_array = self._next() == b"["
        self._at += is_array
        while True:
            first = self._next()
            if first == b"]" and is_array:
                self._at += 1
                return
            if not first:
                if self._damage is not None:
                    yield self._damage
                elif is_array:
                    yield UnusableLine(b"", "the array ends without its closing bracket")
                return
            yield self._element(first)

    def rest(self) -> Iterator[bytes]:
        """What has not been read, but for white space before it."""
        self._next()
        yield self._buffer[self._at :]
        if self._damage is None:
            yield from self._chunks

    def _next(self) -> bytes:
        """The first byte of what comes next, white space and commas passed over."""
        while True:
            found = _BETWEEN.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def _element(self, first: bytes) -> bytes:
        try:
            end = self._end() if first in b"{[" else self._end_of_scalar()
        except _DamagedError as damage:
            unusable = UnusableLine(self._buffer[self._at : damage.at], damage.rule)
            self._at = damage.at
            self._skip_to_next_object()
            return unusable
        element, self._at = self._buffer[self._at : end], end
        # White space to a parser, and within a text they would be a mistake.
        return element.replace(b"\n", b" ").replace(b"\r", b" ")

    def _end(self) -> int:
        """Where the object or array that begins here ends."""
        while True:
            depth = 0
            for token in _TOKEN.finditer(self._buffer, self._at):
                sign = token[0][:1]
                if sign == b'"':
                    if token[1]:
                        continue
                    if token.end() == len(self._buffer) and not self._ended:
                        break
                    raise _DamagedError(token.end(), _UNCLOSED)
                depth += 1 if sign in b"{[" else -1
                if not depth:
                    if token.end() - self._at > MAXIMUM_LINE_BYTES:
                        raise _DamagedError(token.end(), OVERLONG)
                    return token.end()
            if len(self._buffer) - self._at > MAXIMUM_LINE_BYTES:
                raise _DamagedError(len(self._buffer), OVERLONG)
            if not self._more():
                raise _DamagedError(len(self._buffer), "ends in the middle of it")

    def _end_of_scalar(self) -> int:
        while True:
            found = _SCALAR.match(self._buffer, self._at)
            end = found.end() if found else self._at
            if end < len(self._buffer) or not self._more():
                # A bracket that closes nothing is an element of its own, or nobody would pass it.
                return max(end, self._at + 1)
            if len(self._buffer) - self._at > MAXIMUM_LINE_BYTES:
                raise _DamagedError(len(self._buffer), OVERLONG)

    def _skip_to_next_object(self) -> None:
        while True:
            found = _NEXT_OBJECT.search(self._buffer, self._at)
            if found:
                self._at = found.end()
                return
            # A line's end may be the last byte that is here.
            self._at = max(self._at, len(self._buffer) - 1)
            if not self._more():
                self._at = len(self._buffer)
                return

    def _more(self) -> bool:
        """Read on; whether there was anything."""
        chunk = b"" if self._ended else next(self._chunks, b"")
        if isinstance(chunk, UnusableLine):
            self._damage, chunk = chunk, b""
        self._ended = self._ended or not chunk
        if chunk:
            self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
