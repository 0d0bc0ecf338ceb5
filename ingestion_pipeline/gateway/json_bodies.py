"""JSON that senders wrote, decoded; an object that has a key twice is refused.

Parsers pass over a repeated key and let its last value win (RFC 8259, 4: "unpredictable"), so that
of two values one would be lost without a word.
"""

import json
from typing import Any

import msgspec

from ingestion_pipeline.errors import ContractError, FieldError

NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises where a text is no JSON."""

_LONGEST_SHOWN = 100
_decode = msgspec.json.Decoder().decode
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
    value = _decode(content)
    if may_repeat_keys(content, value):
        _require_unrepeated(content)
    return value


def may_repeat_keys(content: bytes, value: Any) -> bool:
    """Whether some key of a JSON text may have been passed over: rarely true without need.

    Each key has a colon, and each string keeps its own: as many are written again as were read,
    unless one had been written as an escape.
    """
    return content.count(b":") != _encode(value).count(b":") or b"\\u003" in content


def _require_unrepeated(content: bytes) -> None:
    # Numbers are left alone: Python refuses some that are no matter here.
    json.loads(content, object_pairs_hook=_unrepeated, parse_float=str, parse_int=str)


def _unrepeated(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RepeatedKeyError(key)
        seen.add(key)
