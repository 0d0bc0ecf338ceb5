"""Cells as a field wants them: exact, within bounds, or refused with the rule that they break."""

import math
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal, Inexact
from typing import Any
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.batch import Cell, Remembered
from ingestion_pipeline.foundation.mapping.cells import EXACT
from ingestion_pipeline.foundation.mapping.compiled import Compiler, Wanted
from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal
from ingestion_pipeline.foundation.mapping.targets import TargetField
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, are_whole, is_shortened

Typed = str | int | bool | None | Refusal
Finish = Callable[[Sequence[Any]], Sequence[Any]]
"""Makes of cells what a field holds, each a Typed."""

_DATES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S")
_TRUE = frozenset({"true", "yes", "y", "1", "active", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "inactive", "off", "draft", "archived"})
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_SHOWN = 60
_UTC = ZoneInfo("UTC")
NO_CHARACTER = Refusal("holds what is no character")
WANTED: dict[str, Wanted] = {
    "decimal": "number", "double": "number", "integer": "number", "instant": "instant",
}  # fmt: skip


def finisher(field: TargetField, compiler: Compiler, columns: tuple[str, ...] = ()) -> Finish:
    """What makes of a column's cells what the field holds.

    Args:
        columns: of the file, that it is from.
    """
    is_instant = field.kind == "instant"
    read = _instant(compiler, columns) if is_instant else _READERS[field.kind](field, compiler)
    remembered = Remembered(_finisher_of_one(field, read))

    def finish(cells: Sequence[Any]) -> Sequence[Any]:
        return list(map(remembered.__getitem__, cells))

    return _texts_finisher(field, finish) if field.kind == "text" else finish


def _texts_finisher(field: TargetField, finish: Finish) -> Finish:
    """As `finish`, without a look at each of many different texts that nothing is wrong with."""
    most = field.maximum_length

    def finish_texts(cells: Sequence[Any]) -> Sequence[Any]:
        try:
            joined = "".join(cells)
        except TypeError:  # there is a number or a refusal among them
            return finish(cells)
        if not is_sound(joined) or (most is not None and max(map(len, cells), default=0) > most):
            return finish(cells)
        if field.identity and not are_whole(joined) and any(map(is_shortened, cells)):
            return finish(cells)
        return [cell or None for cell in cells] if field.nullable and "" in cells else cells

    return finish_texts


def finished(cells: Sequence[Any]) -> Sequence[Any]:
    """Cells that are what their field holds already, or refused."""
    if Refusal not in set(map(type, cells)):
        return cells
    return [
        Refusal(cell.rule, cell.value[:_SHOWN]) if isinstance(cell, Refusal) else cell
        for cell in cells
    ]


def _finisher_of_one(field: TargetField, read: Callable[[Cell], Typed]) -> Callable[[Cell], Typed]:
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
        if field.identity and is_shortened(text):
            return Refusal(SHORTENED_RULE)
        return text if is_sound(text) else NO_CHARACTER

    return read


def is_sound(text: str) -> bool:
    """Whether a text can be kept: there is no NUL in it, and no half of a character."""
    if "\x00" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
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


def _double(field: TargetField, compiler: Compiler) -> Callable[[Cell], Typed]:
    point = re.escape(compiler.mapped.numbers.decimal)
    scientific = re.compile(
        rf"([-+]?[0-9]{{1,20}})(?:{point}([0-9]{{1,20}}))?[eE]([-+]?[0-9]{{1,3}})"
    )

    def read(cell: Cell) -> Typed:
        number = compiler.number[cell]
        if isinstance(number, Refusal) and (found := scientific.fullmatch(str(cell).strip())):
            number = Decimal(f"{found[1]}.{found[2] or 0}e{found[3]}")
        if not isinstance(number, Decimal):
            return number if isinstance(number, Refusal) else Refusal("is no number")
        if not math.isfinite(float(number)):
            return Refusal("is beyond what a double holds")
        return _bounds(number, field) or str(number)

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


def _instant(compiler: Compiler, columns: tuple[str, ...]) -> Callable[[Cell], Typed]:
    mapped, written = compiler.mapped, compiler.mapped.dates or _DATES
    moment = compiler.days.watched(
        moment_reader(written, mapped.zone or _UTC, mapped.months), written, columns
    )

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
    "text": _text, "choice": _choice, "decimal": _decimal, "double": _double,
    "integer": _integer, "currency": _currency, "boolean": _boolean,
    "uuid": _uuid,
}  # fmt: skip
