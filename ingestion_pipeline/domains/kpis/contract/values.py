"""Values: the primary value of a reading, and which JSON the database can keep."""

import math
import re
from typing import Any

from ingestion_pipeline.foundation.errors import FieldError
from ingestion_pipeline.foundation.storable import is_storable, shown
from ingestion_pipeline.gateway.json_bodies import number_of

_NUMERIC = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_RULE = "must be a finite number, or a text such as 1234.5"
# What a sender calls the value who does not call it `value`: formattedValue, Value, value_text.
_VALUE_NAME = re.compile(r"[a-z]*value(?:formatted|text|string|raw|display)?")
_NON_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_STORABLE = "must not contain NUL, half a surrogate pair, or bytes that are no UTF-8"
_LONGEST_NUMBER = 400  # characters of a numeric text; a double has at most 309 digits
_DEEPEST = 64  # levels of nesting


def primary_value(data: dict[str, Any]) -> float:
    """The number that a reading's `data` is about.

    `value`; where that is missing or null the only other entry; else the only number among the
    entries. Never the first of several: stores do not keep the order of keys. And never another
    for a `value` that is there and is none, whatever its name's case, or for a `formattedValue`:
    "1,234.5" beside a change of 2.1 is a fault of the sender's, not a reading of 2.1.

    Raises:
        ValueError: there is no such number; the message says why.
    """
    value = data.get("value")
    if value is not None:
        return _number(value)
    entries = [entry for name, entry in data.items() if entry is not None or name != "value"]
    if len(entries) == 1:
        return _number(entries[0])
    for name, entry in data.items():
        if entry is not None and not _is_number(entry) and _is_value_name(name):
            raise ValueError(f"must hold its number under `value`: `{name}` is no number")
    numbers = [entry for entry in entries if _is_number(entry)]
    if len(numbers) != 1:
        several = "several numbers and none" if numbers else "no number"
        raise ValueError(
            f"must hold a finite number under `value`: there is {several} of that name"
        )
    return _number(numbers[0])


def _is_value_name(name: str) -> bool:
    letters = "".join(filter(str.isalpha, name)).lower()
    return _VALUE_NAME.fullmatch(letters) is not None


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _number(value: object) -> float:
    """A finite number, or the text of one, as a double (booleans are no numbers).

    Raises:
        ValueError: it is none, or an integer that no double is: 2^53 + 1 is not 2^53.
    """
    if isinstance(value, str):
        if _NON_FINITE.fullmatch(value):
            raise ValueError("must be a finite number")
        if len(value) > _LONGEST_NUMBER or not _NUMERIC.fullmatch(value):
            raise ValueError(_RULE)
        whole = _INTEGER.fullmatch(value)
        value = int(whole[1]) if whole else number_of(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_RULE)  # noqa: TRY004  (callers gather what is wrong with values)
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("must be an integer that fits a double") from None
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    if number != value:  # Python compares an integer and a float exactly
        raise ValueError(
            f"must be an integer that fits a double: {value} would become {number:.0f}"
        )
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
    # The name of the field may be broken itself, and goes into the answer.
    return [] if is_storable(text) else [FieldError(shown(field), _STORABLE)]
