"""Values: the primary value of a reading, and which JSON the database can keep."""

import math
import re
from typing import Any

from ingestion_pipeline.errors import FieldError

_NUMERIC = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NON_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_LONGEST_NUMBER = 400  # characters of a numeric text; a double has at most 309 digits
_DEEPEST = 64  # levels of nesting


def primary_value(data: dict[str, Any]) -> float:
    """The number that a reading's `data` is about.

    `value` if it is a finite number or a numeric text; else the only entry; else the only finite
    number among the entries. Never the first of several: stores do not keep the order of keys.

    Raises:
        ValueError: there is no such number; the message says why.
    """
    if "value" in data:
        value = _number(data["value"])
        if value is not None:
            return value
    if len(data) == 1:
        value = _number(next(iter(data.values())))
        if value is None:
            raise ValueError("must hold a finite number (or a numeric text)")
        return value
    numbers = [entry for entry in data.values() if _is_number(entry)]
    if len(numbers) != 1:
        several = "several numbers and none" if numbers else "no number"
        raise ValueError(
            f"must hold a finite number under `value`: there is {several} of that name"
        )
    return float(numbers[0])


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(value: object) -> float | None:
    """A number or a numeric text as a float, None for anything else (booleans are no numbers)."""
    if isinstance(value, str):
        if _NON_FINITE.fullmatch(value):
            raise ValueError("must be a finite number")
        if len(value) > _LONGEST_NUMBER or not _NUMERIC.fullmatch(value):
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("must be an integer that fits a double") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def storable_faults(value: object, field: str, depth: int = 0) -> list[FieldError]:
    """What the database could not keep of a JSON value: NUL, half surrogates, NaN, deep nesting.

    Python's decoder lets all of them in; PostgreSQL's jsonb does not.
    """
    if isinstance(value, str):
        return text_faults(value, field)
    if isinstance(value, dict):
        if depth == _DEEPEST:
            return [FieldError(field, f"must not be nested deeper than {_DEEPEST} levels")]
        faults: list[FieldError] = []
        for key, member in value.items():
            # Most members are plain texts: asking here spares them a call, and a name.
            if not (key.isascii() and "\0" not in key):
                faults += text_faults(key, field)
            if type(member) is str and member.isascii() and "\0" not in member:
                continue
            faults += storable_faults(member, f"{field}.{key}", depth + 1)
        return faults
    if isinstance(value, list):
        if depth == _DEEPEST:
            return [FieldError(field, f"must not be nested deeper than {_DEEPEST} levels")]
        return [
            fault
            for index, member in enumerate(value)
            for fault in storable_faults(member, f"{field}[{index}]", depth + 1)
        ]
    if value is None or isinstance(value, bool) or _is_number(value):
        return []
    return [FieldError(field, "must be a number that fits a double")]


def text_faults(text: str, field: str) -> list[FieldError]:
    """A fault when a text holds NUL or half a surrogate pair."""
    if text.isascii():
        broken = "\0" in text
    else:
        broken = "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
    if not broken:
        return []
    # The name of the field may be broken itself, and goes into the answer.
    shown = field.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")
    return [FieldError(shown, "must not contain NUL or half a surrogate pair")]
