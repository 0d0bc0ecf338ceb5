"""JSON that senders wrote, decoded; an object that has a key twice is refused.

Parsers pass over a repeated key and let its last value win (RFC 8259, 4: "unpredictable"), so that
of two values one would be lost without a word. Nor is a whole number rounded to the next double.
"""

import math
import re
from decimal import Decimal
from typing import Any

import msgspec

from ingestion_pipeline.foundation import repeated_keys
from ingestion_pipeline.foundation.errors import ContractError, FieldError

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises where a text is no JSON."""

_LONGEST_SHOWN = 100
_LOOKED_AT = 1024 * 1024  # bytes of a text that is no JSON: looking at many holds others up
_EXACT = 2.0**53  # up to here a double is every whole number
# An escape that is half a surrogate pair: the first without the second, or the second without it.
_HALF = re.compile(
    rb"(?<!\\)((?:\\\\)*)\\u"
    rb"(?:[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..\\u)[dD][c-fC-F]..)",
    re.DOTALL,
)


def number_of(text: str) -> float | int:
    """A number with a point or an exponent: a double, or the whole number that none is.

    2^53 + 1 may be written as 9007199254740993.0 and as 9.007199254740993e15. But 1e25 is how
    programs write a double that is another whole number, and stays one: in its shortest digits, or
    in the 17 of `%.17g`. Beyond all doubles: infinite.
    """
    number = float(text)
    if -_EXACT < number < _EXACT or math.isinf(number):
        return number
    said = Decimal(text)
    if said == Decimal(number) or said != said.to_integral_value():
        return number
    by_programs = "e" in text.lower() and said in (
        Decimal(repr(number)),
        Decimal(f"{number:.16e}"),
    )
    return number if by_programs else int(said)


def _number(text: str) -> float | int:
    number = number_of(text)
    if isinstance(number, float) and math.isinf(number):
        raise msgspec.ValidationError("Number out of range")
    return number


parse = msgspec.json.Decoder(float_hook=_number).decode
"""The value of a JSON text; of a key that is there twice the last value."""
_encode = msgspec.json.Encoder().encode


class RepeatedKeyError(ContractError):
    """A JSON object has a key twice, at whatever depth."""

    def __init__(self, key: str) -> None:
        field, rule = key[:_LONGEST_SHOWN], "is there twice in one JSON object"
        super().__init__(f"{field}: {rule}", [FieldError(field, rule)])


def decode(content: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no JSON.
        RepeatedKeyError: an object in it has a key twice.
    """
    value = parse(content)
    if may_repeat_keys(content, value):
        try:
            repeated_keys.require_unrepeated(content)
        except repeated_keys.RepeatedKeyError as repeated:
            raise RepeatedKeyError(repeated.key) from None
    return value


def may_repeat_keys(content: bytes, value: Any) -> bool:
    """Whether some key of a JSON text may have been passed over: rarely true without need.

    Each key has a colon, and each string keeps its own: as many are written again as were read,
    unless one had been written as an escape.
    """
    return content.count(b":") != _encode(value).count(b":") or b"\\u003" in content


def why_no_json(content: bytes, error: Exception) -> str:
    """What is wrong with a text that is no JSON; the parser takes half a pair for an early end."""
    if _HALF.search(content, 0, _LOOKED_AT) is not None:
        return r"it holds half a surrogate pair, such as \ud800, which no text is"
    return str(error)


def without_halves(content: bytes, *, instead: bytes = rb"\u0000") -> bytes:
    """A JSON text with another escape in place of each half of a surrogate pair.

    It can be taken to its parts then. With NUL the part that has it is refused by its field, as one
    that has NUL, and the others are not.
    """
    return _HALF.sub(lambda found: found[1] + instead, content)
