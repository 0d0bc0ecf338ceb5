"""Cells as a field wants them: exact, within bounds, or refused with the rule that they break."""

import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, Inexact
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.batch import Cell
from ingestion_pipeline.foundation.mapping.cells import EXACT
from ingestion_pipeline.foundation.mapping.compiled import Compiler, Wanted
from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.targets import TargetField

Typed = str | int | bool | None | Refusal

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S")
_TRUE = frozenset({"true", "yes", "y", "1", "active", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "inactive", "off", "draft", "archived"})
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_SHOWN = 60
_UTC = ZoneInfo("UTC")
WANTED: dict[str, Wanted] = {"decimal": "number", "integer": "number", "instant": "instant"}


def finisher(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:
    """What makes of a cell what the field holds."""
    read = _READERS[field.kind](field, compiler)

    def finish(cell: Cell) -> Typed:
        if isinstance(cell, Refusal):
            return Refusal(cell.rule, cell.value[:_SHOWN])
        if cell == "":
            if field.nullable:
                return None
            return "" if field.kind == "text" else Refusal("must not be missing")
        typed = read(cell)
        return Refusal(typed.rule, str(cell)[:_SHOWN]) if isinstance(typed, Refusal) else typed

    return finish


def _text(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    most = field.maximum_length

    def read(cell: Cell) -> Typed:
        text = format(cell, "f") if isinstance(cell, Decimal) else str(cell)
        if most is not None and len(text) > most:
            return Refusal(f"must be at most {most} characters long")
        if "\x00" in text or (not text.isascii() and _lone_half(text)):
            return Refusal("holds what is no character")
        return text

    return read


def _lone_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _choice(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    def read(cell: Cell) -> Typed:
        text = str(cell)
        return text if text in field.choices else Refusal(f"is none of {', '.join(field.choices)}")

    return read


def _decimal(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:
    unit = Decimal(1).scaleb(-field.decimals)

    def read(cell: Cell) -> Typed:
        number = compiler.number[cell]
        if not isinstance(number, Decimal):
            return number if isinstance(number, Refusal) else Refusal("is no number")
        if broken := _bounds(number, field):
            return broken
        try:
            return format(number.quantize(unit, context=EXACT), "f")  # trailing zeros may go
        except Inexact:
            return Refusal(
                f"has more than {field.decimals} decimals (say round: {field.decimals} to allow it)"
            )

    return read


def _integer(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:
    def read(cell: Cell) -> Typed:
        number = compiler.number[cell]
        if not isinstance(number, Decimal):
            return number if isinstance(number, Refusal) else Refusal("is no number")
        if number != number.to_integral_value():
            return Refusal("is not a whole number")
        return _bounds(number, field) or int(number)

    return read


def _bounds(number: Decimal, field: TargetField) -> Refusal | None:
    if field.minimum is not None and number < field.minimum:
        return Refusal(f"must be at least {field.minimum}")
    if field.maximum is not None and abs(number) >= field.maximum:
        return Refusal(f"must be less than {field.maximum}")
    return None


def _instant(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    mapped = compiler.mapped
    moment = moment_reader(mapped.dates or _DATES, mapped.zone or _UTC, mapped.months)

    def read(cell: Cell) -> Typed:
        found = cell if isinstance(cell, datetime) else moment(str(cell))
        if isinstance(found, Refusal):
            return found
        return f"{found.isoformat()[:-6]}Z"  # moments are in UTC: +00:00

    return read


def _currency(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    known = frozenset(field.choices)

    def read(cell: Cell) -> Typed:
        code = str(cell).upper()
        if not _CURRENCY.fullmatch(code) or (known and code not in known):
            return Refusal("is no currency code of ISO 4217")
        return code

    return read


def _boolean(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    def read(cell: Cell) -> Typed:
        text = str(cell).lower()
        if text in _TRUE:
            return True
        return False if text in _FALSE else Refusal("is neither true nor false")

    return read


def _uuid(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:  # noqa: ARG001
    def read(cell: Cell) -> Typed:
        text = str(cell)
        try:
            return str(uuid.UUID(text)) if text.replace("-", "").isalnum() else _NO_UUID
        except ValueError:
            return _NO_UUID

    return read


_NO_UUID = Refusal("is no UUID; one is made of any text by id: […]")
_READERS: dict[str, Callable[[TargetField, Compiler], Callable[[Cell], Typed]]] = {
    "text": _text, "choice": _choice, "decimal": _decimal, "integer": _integer,
    "instant": _instant, "currency": _currency, "boolean": _boolean, "uuid": _uuid,
}  # fmt: skip
