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
        way: to it from the outermost value, keys and numbers of items; empty: nobody has looked.
    """

    def __init__(self, key: str, way: tuple[str, ...] = ()) -> None:
        super().__init__(f"{'.'.join(way) or key!r} is there twice")
        self.key = key
        self.way = way


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


def require_unrepeated_with_way(text: str | bytes) -> None:
    """`require_unrepeated`, whose error says the way to the key (`meta.next`).

    Raises:
        RepeatedKeyError: an object has a key twice; of several the first.
        ValueError, RecursionError: it is no JSON that Python reads.
    """
    try:
        require_unrepeated(text)
    except RepeatedKeyError:
        read = json.loads(text, object_pairs_hook=_Pairs, parse_float=str, parse_int=str)
        way = _way_to_repeated(read)
        raise RepeatedKeyError(way[-1], way) from None


class _Pairs(list[tuple[str, Any]]):
    """The members of an object, all of them."""


def _way_to_repeated(value: Any) -> tuple[str, ...]:
    """Empty: there is none in it."""
    if not isinstance(value, list):
        return ()
    seen: set[str] = set()
    members = value if isinstance(value, _Pairs) else [(str(n), v) for n, v in enumerate(value)]
    for key, each in members:
        if key in seen:
            return (key,)
        seen.add(key)
        if inside := _way_to_repeated(each):
            return (key, *inside)
    return ()


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
