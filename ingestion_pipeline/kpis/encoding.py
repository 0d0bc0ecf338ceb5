"""Rows on their way into a statement: one JSON text, which the database turns into rows again.

The standard library's encoder: msgspec's is faster, and writes integers of over 64 bits as texts.
"""

import json
from datetime import date
from typing import Any


def encode_json(value: Any) -> str:
    """A value as compact JSON; dates and instants in ISO 8601."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_in_iso_8601
    )


def _in_iso_8601(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in JSON")
