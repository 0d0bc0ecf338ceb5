"""Rows on their way into a statement: one JSON text, which the database turns into rows again.

The standard library's encoder: msgspec's is faster, and writes integers of over 64 bits as texts.
"""

import json
from typing import Any


def encode_json(value: Any) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
