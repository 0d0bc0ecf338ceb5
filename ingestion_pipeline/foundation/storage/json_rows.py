"""Rows on their way into a statement: one JSON text, which the database turns into rows again."""

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def encode_json(value: Any) -> str:
    """A value as compact JSON; dates and instants in ISO 8601, integers of any size as they are.

    NaN must not be in it.
    """
    return _encode(value).decode()
