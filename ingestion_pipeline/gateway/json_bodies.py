"""JSON that senders wrote, decoded; an object that has a key twice is refused.

Parsers pass over a repeated key and let its last value win (RFC 8259, 4: "unpredictable"), so that
of two values one would be lost without a word. Nor is a whole number rounded to the next double.
"""

import math
import re
from typing import Any

import msgspec

from ingestion_pipeline.foundation import repeated_keys
from ingestion_pipeline.foundation.errors import ContractError, FieldError

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises where a text is no JSON."""

_LONGEST_SHOWN = 100
_EXACT = 2.0**53  # up to here a double is every whole number
_WHOLE = re.compile(r"(-?[0-9]+)\.0*")


def _number(text: str) -> float | int:
    """A number with a point or an exponent: a double, or the whole number that none is."""
    number = float(text)
    if -_EXACT < number < _EXACT:
        return number
    if math.isinf(number):
        raise msgspec.ValidationError("Number out of range")
    whole = _WHOLE.fullmatch(text)
    return number if whole is None else int(whole[1])


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
