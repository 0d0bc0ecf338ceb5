"""A line → a typed row, or every reason why it is none.

Reads what packed.py leaves, with two readers of the same rule book. The fast one decodes a line
with msgspec straight into a struct of the entity and accepts only what is plainly right (about
6 µs a row); whatever makes it hesitate goes to the careful one (fields.py), which decides, keeps
unknown fields, and names all reasons. What the fast reader accepts, the careful one reads the
same: a property test holds them to it.
"""

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from ingestion_pipeline.domains.commerce.contract.entities import (
    INTEGER_MAXIMUM,
    MONEY_LIMIT,
    Entity,
    Field,
)
from ingestion_pipeline.domains.commerce.land.fields import Reason, parse_instant, read_line
from ingestion_pipeline.domains.commerce.sources.lines import PREAMBLE, UnusableLine
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.repeated_keys import is_unrepeated, keys_in
from ingestion_pipeline.foundation.spreadsheets import is_shortened

_CENT = Decimal("0.01")
_NO_OBJECT = msgspec.Raw(b"{}")  # of a line that has none, as those that mappings make
# The quotes come in pairs, because it is JSON.
_AMOUNT = re.compile(rb'"?(-?[0-9]{1,12}(?:\.[0-9]{1,2})?)"?')
_WHOLE = re.compile(rb"(-?[0-9]{1,10})(?:\.0+)?")  # 1.0 is whole, 1.5 is not
_HESITATION = (
    msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, ValueError, RecursionError,
)  # fmt: skip


@dataclass(frozen=True)
class Rejection:
    """A line that is no row, with every reason.

    Attributes:
        line_number: counted from 1.
        raw: the line; bytes that are no UTF-8 are written as `\\xNN`.
    """

    line_number: int
    raw: str
    reasons: list[Reason]


@dataclass
class Parsed:
    """What a block of lines holds; rows are (line number, values in the order of the columns)."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    blank: int = 0
    preamble: int = 0


class RowParser:
    """Parses the lines of one entity's files into tuples.

    Args:
        entity: whose rules apply.
        constants: values to put before the line number in every row (tenant, upload).
    """

    def __init__(self, entity: Entity, *constants: Any) -> None:
        self._entity = entity
        self._constants = constants
        self._decode = msgspec.json.Decoder(_struct(entity)).decode
        fields = list(enumerate(entity.fields))
        self._nullable = [i for i, f in fields if f.nullable]
        self._money = [(i, _lowest(f)) for i, f in fields if f.kind == "money"]
        self._objects = [f.name for _, f in fields if f.kind == "object"]
        self._instants = [i for i, f in fields if f.kind == "instant"]
        self._integers = [(i, f.minimum) for i, f in fields if f.kind == "integer"]
        self._identities = [i for i, f in fields if f.identity]
        self._currency = next((i for i, f in fields if f.kind == "currency"), None)

    def parse(self, lines: list[bytes], first_line_number: int) -> Parsed:
        """Parse a block of lines; `first_line_number` is that of the first."""
        return self.parse_numbered(enumerate(lines, first_line_number))

    def parse_numbered(self, lines: Iterable[tuple[int, bytes]]) -> Parsed:
        """Parse lines, each with its number in the file."""
        parsed = Parsed()
        accept, constants, read = parsed.rows.append, self._constants, self._read
        with _without_collector():
            for number, line in lines:
                try:
                    accept((*constants, number, *read(line), None))
                except _HESITATION:
                    self._consider(line, number, parsed)
        return parsed

    def _read(self, line: bytes) -> tuple[Any, ...]:
        """The values of a plainly right line; raises one of _HESITATION for any other."""
        row = self._decode(line)
        keys = keys_in(line)
        for name in self._objects:
            member = getattr(row, name)
            keys += member is _NO_OBJECT
            raw = bytes(member)
            keys -= keys_in(raw)
            if not is_unrepeated(raw):
                raise ValueError
            text = raw.decode()
            if text[0] != "{":
                raise ValueError
            setattr(row, name, text)
        values: list[Any] = list(astuple(row))
        # Not values.count(None): that asks each UUID whether it equals None.
        absent = [values[index] for index in self._nullable].count(None)
        if keys != len(values) - absent:  # a key that is there twice, or null
            raise ValueError
        self._read_numbers(values)
        for index in self._instants:
            if (text := values[index]) is None:
                continue
            values[index] = instant = parse_instant(text)
            if not MINYEAR < instant.year < MAXYEAR:  # its zone may lead out of the calendar
                raise ValueError
        for index in self._identities:
            if is_shortened(values[index]):
                raise ValueError
        if self._currency is not None and values[self._currency] not in CURRENCIES:
            raise ValueError
        if b"\\u0000" in line:  # the one character that PostgreSQL cannot hold
            raise ValueError
        return tuple(values)

    def _read_numbers(self, values: list[Any]) -> None:
        for index, lowest in self._money:
            if values[index] is None:
                continue
            written = _AMOUNT.fullmatch(values[index])
            if written is None:
                raise ValueError
            values[index] = amount = Decimal(written[1].decode())
            if not lowest <= amount < MONEY_LIMIT:
                raise ValueError
        for index, minimum in self._integers:
            digits = bytes(values[index])
            if not digits.isdigit():
                whole = _WHOLE.fullmatch(digits)
                if whole is None:
                    raise ValueError
                digits = whole[1]
            number = int(digits)
            if not (minimum or -INTEGER_MAXIMUM) <= number <= INTEGER_MAXIMUM:
                raise ValueError
            values[index] = number

    def _consider(self, line: bytes, number: int, parsed: Parsed) -> None:
        if line is PREAMBLE:
            parsed.preamble += 1
            return
        if not line.strip():
            parsed.blank += 1
            return
        outcome = read_line(line, self._entity)
        if isinstance(outcome, tuple):
            parsed.rows.append((*self._constants, number, *outcome))
            return
        raw = line.content if isinstance(line, UnusableLine) else line
        parsed.rejections.append(Rejection(number, _printable(raw), outcome))


def _struct(entity: Entity) -> type[msgspec.Struct]:
    """The entity as a msgspec struct; a line with an unknown field makes it raise."""
    return msgspec.defstruct(
        entity.name,
        [
            (f.name, _optional(_type(f)), None)
            if f.nullable
            else (f.name, _type(f), _NO_OBJECT)
            if f.kind == "object"
            else (f.name, _type(f))
            for f in entity.fields
        ],
        gc=False,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _type(rule: Field) -> Any:
    match rule.kind:
        case "uuid":
            return UUID
        case "text":
            return Annotated[str, msgspec.Meta(max_length=rule.maximum_length)]
        case "money" | "object" | "integer":  # a double of an integer would have lost digits
            return msgspec.Raw
        case "boolean":
            return bool
        case "instant" | "currency":
            return str


def _optional(type_: Any) -> Any:
    """A type or null; what is taken as it stands is any JSON already."""
    return type_ if type_ is msgspec.Raw else type_ | None


def _lowest(rule: Field) -> Decimal:
    return Decimal(rule.minimum) if rule.minimum is not None else -MONEY_LIMIT + _CENT


def _printable(raw: bytes) -> str:
    # A text column can hold anything but NUL.
    return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


@contextmanager
def _without_collector() -> Iterator[None]:
    """Hold the garbage collector off: rows make no cycles; its scans cost a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
