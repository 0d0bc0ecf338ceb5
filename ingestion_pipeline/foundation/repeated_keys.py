"""Keys that are there twice in a JSON object; parsers pass over them, and the last value wins."""

import json
from typing import Any

import msgspec

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_WHITE_SPACE = b" \t\r\n"


class RepeatedKeyError(ValueError):
    """An object has a key twice.

    Attributes:
        key: which.
    """

    def __init__(self, key: str) -> None:
        super().__init__(f"{key!r} is there twice")
        self.key = key


def keys_in(text: bytes) -> int:
    """How many keys a JSON text has, or more where one of its strings looks like a key's end.

    Never fewer: each key is followed by a quote and a colon, once white space is gone.
    """
    return text.translate(None, _WHITE_SPACE).count(b'":')


def is_unrepeated(text: bytes) -> bool:
    """Whether no object of a JSON text, itself an object, has a key twice."""
    keys = keys_in(text)
    if keys < 2:
        return True
    try:
        if text.count(b"{") == 1 and len(_members(text)) == keys:
            return True
        require_unrepeated(text.decode())
    except (ValueError, RecursionError):
        return False
    return True


def require_unrepeated(text: str | bytes) -> None:
    """Look into every object of a JSON text. Numbers are left alone: Python refuses some.

    Raises:
        RepeatedKeyError: one of them has a key twice.
        ValueError, RecursionError: it is no JSON that Python reads.
    """
    json.loads(text, object_pairs_hook=_unrepeated, parse_float=str, parse_int=str)


def _unrepeated(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise RepeatedKeyError(key)
        seen.add(key)


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its pairs, as `json.loads(object_pairs_hook=…)` asks for one.

    Raises:
        RepeatedKeyError: it has a key twice.
    """
    _unrepeated(pairs)
    return dict(pairs)
