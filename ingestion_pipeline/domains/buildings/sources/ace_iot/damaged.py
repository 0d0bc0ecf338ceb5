r"""A list in JSON that is damaged somewhere → each element by itself: one record's fault costs
that record and no other.

Only brackets and quotes must be sound. What is between them may be bytes that are not UTF-8,
control characters, half of a surrogate pair, `nan`: the record that has it is told apart.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_STRINGS = re.compile(_STRING, re.DOTALL)
_STRING_OR_COMMA = re.compile(_STRING + rb"|,", re.DOTALL)
_STRING_OR_WORD = re.compile(_STRING + rb"|[-+]?[A-Za-z0-9][A-Za-z0-9.+-]*+", re.DOTALL)
# Up to the next bracket outside of a string, in one step of the expression's engine.
_UP_TO_BRACKET = re.compile(rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+', re.DOTALL)
_FLAT = rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+"
# Most records: an object, in it perhaps one more, and the comma after it.
_RECORD = re.compile(
    rb"\s*+(\{" + _FLAT + rb"(?:\{" + _FLAT + rb"\}" + _FLAT + rb")*+\})\s*+,", re.DOTALL
)
_KEY = re.compile(rb'"([^"\\]*)"\s*:\s*$')
_KEYS = re.compile(rb"(" + _STRING + rb")\s*+:", re.DOTALL)
_NO_NUMBER = re.compile(rb"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_CONTROL = re.compile(rb"[\x00-\x1f]")
_HALF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")


class DamagedError(Exception):
    """Brackets or quotes don't match: there are no records to be told apart."""


def split(
    content: bytes, keys: frozenset[bytes], *, bracket: bytes = b"["
) -> tuple[bytes, list[bytes] | None]:
    """An object's member that is a list → the object with this list empty, and the list's elements.

    Args:
        content: an object, or a list itself.
        keys: the names that the member may have; of several, the last is found.
        bracket: that it begins with; `{`: the elements are an object's members.

    Returns:
        None in place of the elements where there is no such list.

    Raises:
        DamagedError: it ends too early, or a quote or bracket is never closed.
    """
    depth = at = 0
    rest, elements = content, None
    while (end := _next_bracket(content, at)) < len(content):
        found, at = content[end : end + 1], end + 1
        if found == bracket and _is_wanted(content, end, depth, keys):
            elements, close = _elements(content, at)
            rest, at = content[:at] + content[close:], close + 1
        else:
            depth += 1 if found in b"[{" else -1
        if depth < 0:
            raise DamagedError("a bracket closes what none has opened")
    if depth:
        raise DamagedError("it ends too early")
    return rest, elements


def _elements(content: bytes, at: int) -> tuple[list[bytes], int]:
    """The elements from here on, and where the bracket is that closes their list."""
    elements: list[bytes] = []
    begin, depth = at, 0
    while True:
        while depth == 0 and begin == at and (record := _RECORD.match(content, at)):
            elements.append(record[1])
            begin = at = record.end()
        end = _next_bracket(content, at)
        if end == len(content):
            raise DamagedError("it ends too early")
        before = begin
        if depth == 0:
            for comma in _STRING_OR_COMMA.finditer(content, at, end):
                if comma[0] == b",":
                    elements.append(content[begin : comma.start()].strip())
                    begin = comma.end()
        if begin > before and not content[begin:end].strip():
            at = begin
            continue  # the next one may be of the common form again
        at = end + 1
        if content[end] in b"[{":
            depth += 1
        elif depth > 0:
            depth -= 1
        else:
            last = content[begin:end].strip()
            return ([*elements, last] if last or elements else elements), end


def _next_bracket(content: bytes, at: int) -> int:
    found = _UP_TO_BRACKET.match(content, at)
    end = at if found is None else found.end()
    if content[end : end + 1] == b'"':
        raise DamagedError("a quote is never closed")
    return end


def _is_wanted(content: bytes, end: int, depth: int, keys: frozenset[bytes]) -> bool:
    if depth == 0:
        return content[end : end + 1] == b"["
    key = _KEY.search(content[max(0, end - 200) : end]) if depth == 1 else None
    return key is not None and key[1] in keys


def key_there_twice(text: bytes) -> str | None:
    """A key that an object of a JSON text has twice: which of the two is right, nobody knows."""
    keys = _KEYS.findall(text)
    if len(set(keys)) == len(keys) and b"\\" not in b"".join(keys):
        return None  # no key is there twice, in whatever object
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        twice.extend(sorted({name for name in names if names.count(name) > 1}))

    try:
        json.loads(text, object_pairs_hook=look, strict=False)
    except (ValueError, RecursionError):
        return None  # its reader says what is wrong with it
    return twice[0] if twice else None


def read_record(text: bytes, decode: Callable[[bytes], Any]) -> tuple[bytes, Any]:
    """A record decoded strictly, but for numbers that JSON can't write, which become texts.

    Returns:
        what was decoded, and the record.

    Raises:
        ValueError: it can't be read; the message is the reason, without the record's own values.
    """
    try:
        return text, decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = _STRING_OR_WORD.sub(_quoted, text)
    try:
        return text, decode(text)
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except msgspec.DecodeError as error:
        raise ValueError(_why(text, str(error))) from None


def _quoted(found: re.Match[bytes]) -> bytes:
    word = found[0]
    if _NO_NUMBER.fullmatch(word) or (_NUMBER.fullmatch(word) and not math.isfinite(float(word))):
        return b'"%b"' % word
    return word


def _why(text: bytes, said: str) -> str:
    try:
        text.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    if _HALF_A_PAIR.search(text):
        return "has half of a surrogate pair"
    if any(map(_CONTROL.search, _STRINGS.findall(text))):
        return "has a control character that is not escaped"
    plain = re.sub(r" \(byte \d+\)$", "", said.removeprefix("JSON is malformed: "))
    return f"is not JSON: {plain}" if text else "is empty"
