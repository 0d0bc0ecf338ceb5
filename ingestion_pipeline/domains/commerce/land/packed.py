"""A block of lines → rows in COPY's binary format, where lines are plainly right.

The reader of most lines, and a strict one: UUIDs with dashes, amounts without exponents, times
in whole seconds of UTC, no field missing, null or unknown, none that most files leave out. Lines
written otherwise are left to rows.py. What this reader packs, that one reads the same: a property
test holds them to it.

Checking and packing go by column and block, in numpy; the server takes binary rows in a third of
the time of CSV (docs/decisions/0004-bulk-path.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from struct import Struct
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingestion_pipeline.domains.commerce.contract.entities import (
    INTEGER_MAXIMUM,
    MONEY_DECIMALS,
    MONEY_DIGITS,
    Entity,
    Field,
    Kind,
)
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.repeated_keys import is_unrepeated, keys_in
from ingestion_pipeline.foundation.spreadsheets import is_shortened
from ingestion_pipeline.foundation.storage.bulk import binary_copy

Line = tuple[int, bytes]  # its number in the file, and its text
_Mask = NDArray[np.bool_]

# What msgspec is to let through; the packers look closer.
_SHAPES: dict[Kind, Any] = {
    "uuid": Annotated[str, msgspec.Meta(min_length=36, max_length=36)],
    "money": msgspec.Raw,
    "boolean": bool,
    "object": msgspec.Raw,
    "instant": Annotated[str, msgspec.Meta(min_length=20, max_length=25)],
    "currency": str,
}
# NUMERIC: so many digits to the base 10,000, the first of them worth 10,000 ** weight.
_NUMERIC = np.dtype([("count", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("scale", ">i2"),
                     ("digits", ">i2", (4,))])  # fmt: skip
_FIXED: dict[Kind, Any] = {
    "uuid": "V16", "money": _NUMERIC, "integer": ">i4", "boolean": "?", "instant": ">i8",
}  # fmt: skip
_length = Struct(">i").pack


@dataclass(frozen=True)
class Packed:
    """A block of lines, as far as it could be packed.

    Attributes:
        payload: for COPY … (FORMAT binary); empty where nothing was packed.
        left: the lines that are not in it.
    """

    payload: bytes
    left: list[Line]


class RowPacker:
    """Packs the lines of one entity's files.

    Attributes:
        columns: in the order in which they are packed.
    """

    def __init__(self, entity: Entity, tenant_id: int, upload_id: int) -> None:
        self._decode = msgspec.json.Decoder(_struct(entity)).decode
        fields = [rule for rule in entity.fields if not rule.seldom]
        self._fixed = [rule for rule in fields if rule.kind in _FIXED]
        self._varying = [rule for rule in fields if rule.kind not in _FIXED]
        types = {"tenant_id": ">i4", "upload_id": ">i8", "line_number": ">i8"}
        types |= {rule.name: _FIXED[rule.kind] for rule in self._fixed}
        self.columns = (*types, "extra", *(rule.name for rule in self._varying))
        # A row is the number of its columns, and each with its length before it; -1 is NULL.
        layout: list[tuple[str, Any]] = [("columns", ">i2")]
        for name, type_ in types.items():
            layout += [(f"length of {name}", ">i4"), (name, type_)]
        self._template = np.zeros(1, np.dtype([*layout, ("length of extra", ">i4")]))
        for name, type_ in types.items():
            self._template[f"length of {name}"] = np.dtype(type_).itemsize
        self._template["columns"] = len(self.columns)
        self._template["tenant_id"], self._template["upload_id"] = tenant_id, upload_id
        self._template["length of extra"] = -1

    def pack(self, lines: list[bytes], first_line_number: int) -> Packed:
        """Pack a block of lines; `first_line_number` is that of the first."""
        left: list[Line] = []
        numbers: list[int] = []
        rows: list[Any] = []
        decode = self._decode
        for number, line in enumerate(lines, first_line_number):
            try:
                rows.append(decode(line))
            except (msgspec.DecodeError, ValueError, RecursionError):
                left.append((number, line))
            else:
                numbers.append(number)
        if not rows:
            return Packed(b"", left)
        fixed = np.repeat(self._template, len(rows))
        fixed["line_number"] = numbers
        right = np.ones(len(rows), np.bool_)
        for rule in self._fixed:
            values = list(map(attrgetter(rule.name), rows))
            right &= _PACKERS[rule.kind](values, rule, fixed[rule.name])
        packed = [lines[n - first_line_number] for n in numbers] if left else lines
        right &= self._unrepeated(packed, rows)
        varying: list[list[bytes]] = []
        for rule in self._varying:
            values = list(map(attrgetter(rule.name), rows))
            texts, fine = (_objects if rule.kind == "object" else _texts)(values)
            varying.append(texts)
            right &= fine
            if rule.kind == "currency":
                right &= np.array([value in CURRENCIES for value in values], np.bool_)
            if rule.identity:
                right &= _whole(values)
        if not right.all():
            wrong = compress(numbers, ~right)
            left = sorted(
                [*left, *((number, lines[number - first_line_number]) for number in wrong)]
            )
            fixed = fixed[right]
            varying = [list(compress(values, right)) for values in varying]
        if not len(fixed):
            return Packed(b"", left)
        return Packed(binary_copy(_pieces(fixed, varying)), left)

    def _unrepeated(self, lines: list[bytes], rows: list[Any]) -> _Mask:
        """Which lines hold no key twice, beyond doubt: of such a key msgspec takes the last value.

        Whatever has a `":` for each key and no more has no key twice, since none is missing. The
        block is looked at as a whole first; nearly always that is all.
        """
        count = len(self._fixed) + len(self._varying)
        objects = [
            b"".join(map(attrgetter(rule.name), rows))
            for rule in self._varying
            if rule.kind == "object"
        ]
        if keys_in(b"\n".join(lines)) - sum(map(keys_in, objects)) == count * len(lines):
            return np.ones(len(lines), np.bool_)
        names = [rule.name for rule in self._varying if rule.kind == "object"]
        return np.array(
            [
                keys_in(line) - sum(keys_in(bytes(getattr(row, name))) for name in names) == count
                for line, row in zip(lines, rows, strict=True)
            ],
            np.bool_,
        )


def _struct(entity: Entity) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        entity.name, [(rule.name, _shape(rule)) for rule in entity.fields if not rule.seldom],
        gc=False, kw_only=True, forbid_unknown_fields=True,
    )  # fmt: skip


def _shape(rule: Field) -> Any:
    if rule.kind == "text":
        return Annotated[str, msgspec.Meta(max_length=rule.maximum_length)]
    if rule.kind == "integer":
        return Annotated[int, msgspec.Meta(ge=rule.minimum, le=INTEGER_MAXIMUM)]
    return _SHAPES[rule.kind]


def _pieces(fixed: NDArray[Any], varying: list[list[bytes]]) -> list[bytes]:
    """The rows in pieces: what is of fixed size, then the length and text of each other column."""
    if not varying:
        return [fixed.tobytes()]
    step = 1 + 2 * len(varying)
    pieces = [b""] * (step * len(fixed))
    pieces[::step] = fixed.view(f"V{fixed.itemsize}").tolist()
    for place, values in enumerate(varying):
        pieces[1 + 2 * place :: step] = map(_length, map(len, values))
        pieces[2 + 2 * place :: step] = values
    return pieces


def _texts(values: list[str]) -> tuple[list[bytes], _Mask]:
    fine = np.ones(len(values), np.bool_)
    if "\0" in "".join(values):
        fine[:] = ["\0" not in value for value in values]
    return list(map(str.encode, values)), fine


def _whole(values: list[str]) -> _Mask:
    """Which ids are no shortened numbers; those have a point, a comma or a plus."""
    together = "".join(values)
    if not ("." in together or "," in together or "+" in together):
        return np.ones(len(values), np.bool_)
    return np.array([not is_shortened(value) for value in values], np.bool_)


def _objects(values: list[msgspec.Raw]) -> tuple[list[bytes], _Mask]:
    """Objects as jsonb takes them, and whether they are that; msgspec does not look into them."""
    texts = [b"\x01" + value for value in values]  # jsonb's only version
    fine = [
        text[1:2] == b"{"
        and b"\\u0000" not in text
        and (text.isascii() or _is_utf8(text))
        and (len(text) <= 3 or is_unrepeated(text[1:]))
        for text in texts
    ]
    return texts, np.array(fine, np.bool_)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


# A packer writes a column's values into the block, and tells which of them are right.


def _characters(values: list[str], width: int) -> NDArray[np.uint8]:
    """Texts of one width as a table of bytes; what is not ASCII becomes a question mark."""
    text = "".join(values).encode("ascii", "replace")
    return np.frombuffer(text, np.uint8).reshape(len(values), width)


_UUID_DASHES = [8, 13, 18, 23]
_UUID_DIGITS = [place for place in range(36) if place not in _UUID_DASHES]
_HEXADECIMAL = np.full(256, 255, np.uint8)
for _digit in range(16):
    _HEXADECIMAL[[ord(f"{_digit:x}"), ord(f"{_digit:X}")]] = _digit


def _pack_uuids(values: list[str], _: Field, into: NDArray[Any]) -> _Mask:
    text = _characters(values, 36)
    digits = _HEXADECIMAL[text[:, _UUID_DIGITS]]
    octets = np.ascontiguousarray(digits[:, ::2] << 4 | digits[:, 1::2])
    into[:] = octets.view("V16")[:, 0]
    dashed = (text[:, _UUID_DASHES] == ord("-")).all(axis=1)
    return np.asarray(dashed & (digits.max(axis=1) < 16))


_EPOCH = np.datetime64("2000-01-01")
_UTC = ("Z", "+00:00")
_INSTANT_SIGNS, _SIGNS = [4, 7, 10, 13, 16], np.frombuffer(b"--T::", np.uint8)
_INSTANT_DIGITS = [place for place in range(19) if place not in _INSTANT_SIGNS]


def _pack_instants(values: list[str], _: Field, into: NDArray[Any]) -> _Mask:
    text = _characters([value[:19] for value in values], 19)
    digits = text[:, _INSTANT_DIGITS] - ord("0")  # what is none becomes greater than 9
    pairs = (digits[:, ::2] * np.int64(10) + digits[:, 1::2]).T
    year, (month, day, hour, minute, second) = pairs[0] * 100 + pairs[1], pairs[2:]
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    first = months.astype("M8[D]")
    length = ((months + 1).astype("M8[D]") - first).astype(np.int64)
    days = (first - _EPOCH).astype(np.int64) + day - 1
    into[:] = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000
    written = (digits <= 9).all(axis=1) & (text[:, _INSTANT_SIGNS] == _SIGNS).all(axis=1)
    written &= np.array([value[19:] in _UTC for value in values], np.bool_)
    exists = (
        (year > 0) & (month > 0) & (month <= 12) & (day > 0) & (day <= length)
        & (hour < 24) & (minute < 60) & (second < 60)
    )  # fmt: skip
    return np.asarray(written & exists)


_MONEY_CHARACTERS = np.zeros(256, np.bool_)
_MONEY_CHARACTERS[list(b'0123456789.-"\n')] = True
_POWERS_OF_TEN = 10 ** np.arange(MONEY_DIGITS + 1)


def _pack_money(values: list[msgspec.Raw], rule: Field, into: NDArray[Any]) -> _Mask:
    """Amounts that are written as digits, a point and two more at most; in quotes or not."""
    text = np.frombuffer(b"\n".join([b"", *values, b""]), np.uint8)  # no newline within a line
    breaks = np.flatnonzero(text == ord("\n"))
    owner = np.repeat(np.arange(-1, len(values)), np.diff(breaks, prepend=-1))
    digit = text - ord("0")  # what is none becomes greater than 9
    before = np.cumsum(digit <= 9)  # digits of the block up to here
    digits = np.diff(before[breaks])
    after: NDArray[np.int64] = before[breaks[1:]][owner] - before  # digits still to come
    worth = np.where(digit <= 9, digit * _POWERS_OF_TEN.take(after, mode="clip"), 0)
    number = np.add.reduceat(worth, breaks[:-1])
    points = np.flatnonzero(text == ord("."))
    decimals = np.zeros(len(values), np.int64)
    decimals[owner[points]] = after[points]
    signs = np.flatnonzero(text == ord("-"))
    negative = np.zeros(len(values), np.bool_)
    negative[owner[signs]] = True
    right = np.bincount(owner[points], minlength=len(values)) <= 1
    right[owner[~_MONEY_CHARACTERS[text]]] = False
    right[owner[signs[(text[signs - 1] != ord("\n")) & (text[signs - 1] != ord('"'))]]] = False
    right &= (digits > decimals) & (digits - decimals <= MONEY_DIGITS - MONEY_DECIMALS)
    right &= decimals <= MONEY_DECIMALS
    cents = number * _POWERS_OF_TEN.take(MONEY_DECIMALS - decimals, mode="clip")
    if rule.minimum is not None:
        right &= np.where(negative, -cents, cents) >= rule.minimum * 100
    into["count"], into["weight"], into["scale"] = 4, 2, MONEY_DECIMALS
    into["sign"] = np.where(negative, 0x4000, 0)
    groups = into["digits"]
    units, hundredths = np.divmod(cents, 100)
    upper, groups[:, 2] = np.divmod(units, 10_000)
    groups[:, 0], groups[:, 1] = np.divmod(upper, 10_000)
    groups[:, 3] = hundredths * 100
    return np.asarray(right)


def _pack_plainly(values: list[Any], _: Field, into: NDArray[Any]) -> _Mask:
    into[:] = values
    return np.ones(len(values), np.bool_)


_PACKERS: dict[Kind, Callable[[list[Any], Field, NDArray[Any]], _Mask]] = {
    "uuid": _pack_uuids,
    "money": _pack_money,
    "integer": _pack_plainly,
    "boolean": _pack_plainly,
    "instant": _pack_instants,
}
