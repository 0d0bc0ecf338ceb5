"""Commerce files of any size, for demo, tests and benchmarks: synthetic, and the same every time.

A row is a function of (seed, type, number): a hash of the three is its id and chooses its values.
So children refer to their parents, copy their names and add up their prices without anybody
remembering a row, and memory does not grow with the files.

The good rows of a type are numbered from 0, and children refer to those only. The bad rows are
made like good ones, numbered after them, and then damaged in one of the ways that the rule book
(contract/entities.py) gives a reason for. The loader takes every good row, in whatever order the
files
come in the end, and rejects every bad one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import chain, count, cycle
from pathlib import Path
from struct import Struct
from typing import IO, Any, TypeVar

import msgspec

from ingestion_pipeline.domains.commerce.contract.entities import (
    ENTITIES,
    INTEGER_MAXIMUM,
    MAXIMUM_LINE_BYTES,
    MONEY_LIMIT,
    Entity,
    Field,
    Kind,
)

Row = dict[str, Any]
Damage = Callable[[Row], bytes]
T = TypeVar("T")

_GIVEN_NAMES = (  # as written, and as in an e-mail address
    ("Anna", "anna"), ("Björn", "bjoern"), ("Chloé", "chloe"), ("Dimitris", "dimitris"),
    ("Ewa", "ewa"), ("Fatima", "fatima"), ("Giulia", "giulia"), ("Håkon", "hakon"),
    ("İpek", "ipek"), ("José", "jose"), ("Kateřina", "katerina"), ("Łukasz", "lukasz"),
    ("Мария", "maria"), ("Noor", "noor"), ("Øystein", "oystein"), ("花子", "hanako"),
)  # fmt: skip
_FAMILY_NAMES = (
    ("Ågren", "agren"), ("Brown", "brown"), ("Çelik", "celik"), ("Dvořák", "dvorak"),
    ("Eriksson", "eriksson"), ("Fernández", "fernandez"), ("Grünwald", "gruenwald"),
    ("Иванова", "ivanova"), ("Kowalski", "kowalski"), ("Lefèvre", "lefevre"),
    ("Müller", "mueller"), ("O'Brien", "obrien"), ("Παππάς", "pappas"), ("Rossi", "rossi"),
    ("Smith", "smith"), ("山田", "yamada"), ("Yılmaz", "yilmaz"),
)  # fmt: skip
_MATERIALS = ("Oak", "Linen", "Steel", "Wool", "Glass", "Birch", "Cotton", "Jacquardgewebe", "Grès")
_THINGS = ("chair", "lamp", "table", "rug", "bowl", "shelf", "cushion", "crème jug", "stool")
_SEGMENTS = ("consumer", "business", "public")
_CHANNELS = ("web", "shop", "phone")
_CURRENCIES = ("EUR", "EUR", "EUR", "USD", "USD", "GBP", "CHF", "SEK", "PLN")
_QUANTITIES = (1, 1, 1, 2, 2, 3, 5, 12)
_STATUSES = ("delivered", "delivered", "delivered", "shipped", "paid", "pending", "cancelled")
_CATEGORIES = 40

_BEGIN = datetime(2023, 1, 1, tzinfo=UTC)
_END = datetime(2025, 1, 1, tzinfo=UTC)
_SECONDS = int((_END - _BEGIN).total_seconds())
# Values that a field of a kind refuses, as JSON (or as what some programs take for JSON).
_WRONG_VALUES: dict[Kind, tuple[bytes, ...]] = {
    "uuid": (b'"not-a-uuid"', b'"7c9e6679-7425-40de-944b-e07fc1f90ae"', b"12345"),
    "text": (b"5", b'["text"]', b'"a\\u0000b"'),
    "money": (b"NaN", b"Infinity", b"1.005", b'"1.005"', b'"twelve"', b"true", b"%d" % MONEY_LIMIT),
    "integer": (b"NaN", b"1.5", b'"two"', b"true", b"%d" % (INTEGER_MAXIMUM + 1)),
    "boolean": (b'"yes"', b"1"),
    "object": (b"[]", b'"{}"', b"5", b'{"a": NaN}', b'{"a": "\\u0000"}'),
    "instant": (b'"yesterday"', b'"2024-02-30T00:00:00Z"', b"1700000000"),
    "currency": (b'"XYZ"', b'"eur"', b"978"),
}
_BUFFER_BYTES = 1024 * 1024
_RANDOM = Struct("<16s6I")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class SampleFile:
    """One file that was written.

    Attributes:
        lines: all of them.
        bad: those of them that a loader has to reject.
    """

    path: Path
    lines: int
    bad: int

    @property
    def good(self) -> int:
        """Lines that a loader has to take."""
        return self.lines - self.bad


def write_sample_data(
    folder: Path,
    *,
    customers: int,
    products: int,
    orders: int,
    order_items: int,
    bad_share: float = 0.0,
    seed: int = 1,
) -> dict[str, SampleFile]:
    """Write `{type}_sample.ndjson` for the four types; the same arguments give the same bytes.

    Args:
        folder: made where there is none; each file appears in it whole or not at all.
        customers: lines of customers, and so on. An order has items where there are enough.
        products: lines of products.
        orders: lines of orders.
        order_items: lines of order_items.
        bad_share: of the lines of every file, rounded down and spread evenly.
        seed: another one gives other ids and values.

    Returns:
        what was written, by type, parents first.

    Raises:
        ValueError: children without a type of parents, or a share outside of [0, 1).
    """
    sizes = {
        "customers": customers, "products": products, "orders": orders, "order_items": order_items,
    }  # fmt: skip
    if not 0 <= bad_share < 1:
        raise ValueError(f"bad_share: must be at least 0 and less than 1, got {bad_share}")
    for entity in ENTITIES.values():
        for parent in entity.parents.values():
            if sizes[entity.name] and not sizes[parent]:
                raise ValueError(f"{parent}: must not be 0 where there are {entity.name}")
    # Decimal, because 0.29 * 100 is 28.999999999999996.
    bad = {name: int(size * Decimal(str(bad_share))) for name, size in sizes.items()}
    sample = _Sample(seed, {name: size - bad[name] for name, size in sizes.items()})
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, SampleFile] = {}
    for name, entity in ENTITIES.items():
        path = folder / f"{name}_sample.ndjson"
        with _whole_or_not_at_all(path) as file:
            file.writelines(_lines(sample, entity, size=sizes[name], bad=bad[name]))
        written[name] = SampleFile(path, lines=sizes[name], bad=bad[name])
    return written


class _Sample:
    """The rows of every type, each a function of its number.

    Args:
        seed: of all hashes.
        good: how many good rows each type has, which is where the numbers of bad ones begin.
    """

    def __init__(self, seed: int, good: dict[str, int]) -> None:
        self.good = good
        self._seed = seed
        self._make: dict[str, Callable[[int], Row]] = {
            "customers": self._customer,
            "products": self._product,
            "orders": self._order,
            "order_items": self._order_item,
        }
        # Neighbouring rows ask for the same: a few answers, kept, save a fifth of the time.
        self._first_item = lru_cache(maxsize=4)(self._find_first_item)
        self._order_id = lru_cache(maxsize=2)(self._make_order_id)

    def rows(self, type_: str, numbers: Iterable[int]) -> Iterator[Row]:
        """The rows of a type with those numbers."""
        return map(self._make[type_], numbers)

    def _random(self, type_: str, number: int) -> tuple[Any, ...]:
        """What a row has by chance: 16 bytes for its id, six numbers to choose its values with."""
        text = f"{self._seed} {type_} {number}".encode()
        return _RANDOM.unpack(blake2b(text, digest_size=_RANDOM.size).digest())

    def _customer(self, number: int) -> Row:
        identity, given, family, segment, newsletter, since, _ = self._random("customers", number)
        given_name, given_ascii = _one_of(_GIVEN_NAMES, given)
        family_name, family_ascii = _one_of(_FAMILY_NAMES, family)
        return {
            "customer_id": _uuid(identity),
            "name": f"{given_name} {family_name}",
            "email": f"{given_ascii}.{family_ascii}.{number}@example.com",
            "metadata": {
                "segment": _one_of(_SEGMENTS, segment),
                "newsletter": newsletter % 2 == 0,
            },
            "created_at": _instant(since),
        }

    def _product(self, number: int) -> Row:
        identity, price, material, thing, category, active, since = self._random("products", number)
        category_id, *_ = self._random("categories", category % _CATEGORIES)
        return {
            "product_id": _uuid(identity),
            "sku": f"SKU-{number:07d}",
            "name": f"{_one_of(_MATERIALS, material)} {_one_of(_THINGS, thing)}",
            "price": _amount(_price(price)),
            "category_id": _uuid(category_id) if number % 8 else None,
            "active": active % 10 > 0,
            "created_at": _instant(since),
        }

    def _order(self, number: int) -> Row:
        _, buyer, currency, status, channel, day, delay = self._random("orders", number)
        customer = self._customer(buyer % self.good["customers"])
        since = customer["created_at"]
        ordered = since + timedelta(seconds=day % int((_END - since).total_seconds()))
        items = range(self._first_item(number), self._first_item(number + 1))
        total = sum(quantity * price for _, _, quantity, price in map(self._line, items))
        return {
            "order_id": self._order_id(number),
            "external_order_id": f"SO-{number:09d}",
            "customer_id": customer["customer_id"],
            "customer_name_snapshot": customer["name"],
            "customer_email_snapshot": customer["email"],
            "total_amount": _amount(total),
            "currency": _one_of(_CURRENCIES, currency),
            "order_status": _one_of(_STATUSES, status),
            "order_date": ordered,
            "raw_payload": {"channel": _one_of(_CHANNELS, channel), "lines": len(items)},
            "created_at": ordered + timedelta(seconds=delay % 60),
        }

    def _make_order_id(self, number: int) -> str:
        identity, *_ = self._random("orders", number)
        return _uuid(identity)

    def _order_item(self, number: int) -> Row:
        identity, product, quantity, price = self._line(number)
        return {
            "order_item_id": _uuid(identity),
            "order_id": self._order_id(self._order_of(number)),
            "product_id": _uuid(product),
            "quantity": quantity,
            "unit_price": _amount(price),
            "line_total": _amount(quantity * price),
        }

    def _line(self, item: int) -> tuple[bytes, bytes, int, int]:
        """An item's id and product's id (as 16 bytes), quantity, and unit price in cents."""
        identity, product, quantity, *_ = self._random("order_items", item)
        product_identity, price, *_ = self._random("products", product % self.good["products"])
        return identity, product_identity, _one_of(_QUANTITIES, quantity), _price(price)

    def _find_first_item(self, order: int) -> int:
        """The number of an order's first item, which is where the items of the one before end.

        Items are shared out evenly, but between the two orders of a pair at random; each has one
        at least, where there are as many items as orders.
        """
        orders, items = self.good["orders"], self.good["order_items"]
        if order >= orders:
            return items
        even_share = order * items // orders
        if order % 2 == 0:
            return even_share
        lowest = (order - 1) * items // orders + 1
        highest = (order + 1) * items // orders - 1
        if lowest > highest:
            return even_share
        _, place, *_ = self._random("shares", order)
        return lowest + int(place) % (highest - lowest + 1)

    def _order_of(self, item: int) -> int:
        """The number of the order that an item belongs to."""
        orders, items = self.good["orders"], self.good["order_items"]
        if item >= items:  # a bad one: any order
            return item % orders
        by_even_shares = ((item + 1) * orders - 1) // items  # so the pair is right
        later = by_even_shares | 1
        return later if later < orders and item >= self._first_item(later) else later - 1


def _uuid(identity: bytes) -> str:
    """A UUID of version 4, as random ones are."""
    digits = identity.hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _one_of(values: Sequence[T], draw: int) -> T:
    return values[draw % len(values)]


def _instant(draw: int) -> datetime:
    return _BEGIN + timedelta(seconds=draw % _SECONDS)


def _price(draw: int) -> int:
    """What a product costs, in cents."""
    return 100 + draw % 40_000


def _amount(cents: int) -> msgspec.Raw:
    """A JSON number of two decimals, which no float has touched."""
    return msgspec.Raw(b"%d.%02d" % divmod(cents, 100))


def _lines(sample: _Sample, entity: Entity, *, size: int, bad: int) -> Iterator[bytes]:
    """The lines of a file; the bad ones stand at equal distances."""
    first_bad = sample.good[entity.name]
    good_lines = map(_encode, sample.rows(entity.name, range(first_bad)))
    damages = _damages(entity)
    bad_lines = map(
        _apply,
        chain(damages, [_make_overlong], cycle(damages)),  # long lines cost space: one is enough
        sample.rows(entity.name, count(first_bad)),
    )
    for line in range(1, size + 1):
        is_bad = line * bad // size > (line - 1) * bad // size
        yield next(bad_lines if is_bad else good_lines) + b"\n"


def _apply(damage: Damage, row: Row) -> bytes:
    return damage(row)


def _damages(entity: Entity) -> list[Damage]:
    """Every way to break a row's rules, as functions from a good row to a bad line."""
    damages: list[Damage] = [_cut_off, _put_in_a_list, _spoil_encoding, _replace_line]
    for rule in entity.fields:
        if not rule.nullable and rule.kind != "object":
            damages.append(partial(_leave_out, rule.name))
            damages.append(partial(_replace, rule.name, b"null"))
        damages.extend(partial(_replace, rule.name, value) for value in _wrong_values(rule))
    return damages


def _wrong_values(rule: Field) -> list[bytes]:
    """JSON values that a field refuses."""
    values = list(_WRONG_VALUES[rule.kind])
    if rule.maximum_length is not None:
        values.append(_encode("é" * (rule.maximum_length + 1)))
    if rule.minimum is not None:
        values.append(b"%d" % (rule.minimum - 1))
    return values


def _replace(field: str, value: bytes, row: Row) -> bytes:
    return _encode(row | {field: msgspec.Raw(value)})


def _leave_out(field: str, row: Row) -> bytes:
    return _encode({name: value for name, value in row.items() if name != field})


def _cut_off(row: Row) -> bytes:
    line = _encode(row)
    return line[: len(line) // 2]


def _put_in_a_list(row: Row) -> bytes:
    return _encode([row])


def _spoil_encoding(row: Row) -> bytes:
    return _encode(row).replace(b'":"', b'":"\xff', 1)


def _replace_line(_: Row) -> bytes:
    return b"-- 1 row deleted --"


def _make_overlong(row: Row) -> bytes:
    return _encode(row) + b" " * MAXIMUM_LINE_BYTES


@contextmanager
def _whole_or_not_at_all(path: Path) -> Iterator[IO[bytes]]:
    """Write a file under a hidden name, which `data_files` passes over, and rename it."""
    partial_path = path.with_name(f".{path.name}.partial")
    try:
        with partial_path.open("wb", buffering=_BUFFER_BYTES) as file:
            yield file
        partial_path.replace(path)
    finally:
        partial_path.unlink(missing_ok=True)
