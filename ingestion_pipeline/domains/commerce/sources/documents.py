"""JSON that is not one object a line: arrays, or objects over several lines → their texts.

Each element stands for a line and is counted as one; brackets and the white space between are no
lines. An element that is damaged (a text or a brace that is never closed, more than 1 MiB) costs
itself: reading goes on where the next object begins. Behind an array may come another one; what
else stands there is read as lines again.
"""

import re
from collections.abc import Iterator

from ingestion_pipeline.domains.commerce.contract.entities import MAXIMUM_LINE_BYTES, Entity
from ingestion_pipeline.domains.commerce.sources.lines import (
    BYTE_ORDER_MARK,
    OVERLONG,
    Block,
    UnusableLine,
    lines_of,
)
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError

# An object's beginning in a line, and a key in the next: a line of `{` may just be damaged.
_LAID_OUT = re.compile(rb'\{(?:[^\r\n]*[,:{\[])?[ \t]*[\r\n]\s*"')
# Scalars may stand before the rows, as a status and a total.
_WRAPPED = re.compile(
    rb'\{(?:\s*"[^"\\]*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-+.\w]+|\{)\s*,?)*?'
    rb'\s*"([^"\\]{1,100})"\s*:\s*\[\s*\{\s*"([^"\\]{1,100})"\s*:'
)
_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_SCALAR = re.compile(rb"[^,\]\r\n]*")
# A string (with its closing quote as group 1, unless it ends before), or a bracket.
_TOKEN = re.compile(rb'"(?:[^"\\\r\n]|\\[^\r\n])*+("?)|[{}\[\]]')
# Within an object a comma is followed by a key.
_NEXT_OBJECT = re.compile(rb"(?:[\r\n][ \t\r\n]*,?|,)[ \t]*(?=\{)")
_BRACKETS = {b"}": b"{", b"]": b"["}
# What may be looked at once more because of elements that are never closed: so many bytes, and
# those of the file. Beyond that reading goes on where the damage was found.
_MOST_AGAIN, _AGAIN_EACH = 8 * 1024 * 1024, 1
_UNCLOSED = "has a text that is not closed within its line"


def is_document(head: bytes) -> bool:
    """Whether a file that begins so is an array, or objects over several lines."""
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    return text.startswith(b"[") or _LAID_OUT.match(text) is not None


def refuse_wrapped(head: bytes, entity: Entity) -> None:
    """Refuse a file that is one object around its rows.

    Raises:
        WrongFileError: it is.
    """
    found = _WRAPPED.match(head)
    if found is None:
        return
    names = {field.name for field in entity.fields}
    around, first = (name.decode(errors="replace") for name in found.groups())
    if around not in names and first in names:
        raise WrongFileError(
            f"the file is one JSON object with its rows under {around!r}: send the list by itself, "
            "or a row a line"
        )


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
    """An element is damaged, which was found at `at`."""

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
        self._read = self._again = 0
        self._damage: UnusableLine | None = None

    def elements(self) -> Iterator[bytes]:
        while len(self._buffer) < len(BYTE_ORDER_MARK) and self._more():
            pass
        self._buffer = self._buffer.removeprefix(BYTE_ORDER_MARK)
        is_array = self._opens_array()
        while True:
            first = self._next()
            if first == b"]" and is_array:
                self._at += 1
                if not self._opens_array():  # of a file that was appended
                    return
                continue
            if not first:
                if self._damage is not None:
                    yield self._damage
                elif is_array:
                    yield UnusableLine(b"", "the array ends without its closing bracket")
                return
            yield self._element(first)

    def _opens_array(self) -> bool:
        opens = self._next() == b"["
        self._at += opens
        return opens

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
            self._again += damage.at - self._at
            lost = self._again > _MOST_AGAIN + _AGAIN_EACH * self._read
            self._at = damage.at if lost else self._at + 1
            self._skip_to_next_object()
            return unusable
        element, self._at = self._buffer[self._at : end], end
        # White space to a parser, and within a text they would be a mistake.
        return element.replace(b"\n", b" ").replace(b"\r", b" ")

    def _end(self) -> int:
        """Where the object or array that begins here ends."""
        while True:
            opened: list[bytes] = []
            for token in _TOKEN.finditer(self._buffer, self._at):
                sign = token[0][:1]
                if sign == b'"':
                    if token[1]:
                        continue
                    if token.end() == len(self._buffer) and not self._ended:
                        break
                    raise _DamagedError(token.end(), _UNCLOSED)
                if sign in b"{[":
                    opened.append(sign)
                    continue
                if opened.pop() != _BRACKETS[sign]:
                    raise _DamagedError(token.start(), "has a bracket that is never closed")
                if not opened:
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
        self._read += len(chunk)
        if chunk:
            self._buffer, self._at = self._buffer[self._at :] + chunk, 0
        return bool(chunk)
