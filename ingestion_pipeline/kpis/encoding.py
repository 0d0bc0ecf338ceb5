"""Rows on their way into a statement: one JSON text, which the database turns into rows again."""

import json
from datetime import date
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_LEAST, _LARGEST = -(2**63), 2**63 - 1


def encode_json(value: Any) -> str:
    """A value as compact JSON; dates and instants in ISO 8601. NaN must not be in it."""
    if _has_large_integer([value]):
        # msgspec, five times as fast, would write them as texts.
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_in_iso_8601)
    return _encode(value).decode()


def _has_large_integer(value: Any) -> bool:
    """Whether an integer of over 64 bits is somewhere within an object or a list."""
    for member in value.values() if type(value) is dict else value:
        kind = type(member)  # most are texts: isinstance would cost more than all the rest
        if kind is int:
            if not _LEAST <= member <= _LARGEST:
                return True
        elif (kind is dict or kind is list) and _has_large_integer(member):
            return True
    return False


def _in_iso_8601(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
