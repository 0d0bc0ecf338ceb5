"""Lines → COPY's binary format: what is packed is what the other readers read."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from struct import unpack_from
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.pq import Format

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land.fields import read_line
from ingestion_pipeline.domains.commerce.land.packed import RowPacker
from ingestion_pipeline.domains.commerce.sample import write_sample_data
from ingestion_pipeline.domains.commerce.sources.lines import UnusableLine
from ingestion_pipeline_tests.domains.commerce.builders import GOOD, line
from ingestion_pipeline_tests.domains.commerce.builders import number as key
from ingestion_pipeline_tests.domains.commerce.test_rows import lines_of

PACKERS = {name: RowPacker(entity, 7, 9) for name, entity in ENTITIES.items()}
_TYPES = {"money": "numeric", "integer": "int4", "boolean": "bool", "instant": "timestamptz",
          "object": "text", "currency": "text"}  # fmt: skip


# As plain as can be: a product without a category is not.
PLAIN = GOOD | {"products": GOOD["products"] | {"category_id": key(9, 9)}}


def _unpacked(entity: Entity, payload: bytes) -> dict[int, dict[str, Any]]:
    """Rows by line number, read by the driver."""
    kinds = {rule.name: _TYPES.get(rule.kind, rule.kind) for rule in entity.fields}
    kinds |= {"tenant_id": "int4", "upload_id": "int8", "line_number": "int8", "extra": "text"}
    columns = PACKERS[entity.name].columns
    reader = Transformer()
    oids = [psycopg.adapters.types[kinds[name]].oid for name in columns]
    reader.set_loader_types(oids, Format.BINARY)
    rows = {}
    place = 19
    assert payload.startswith(b"PGCOPY\n\xff\r\n\0")
    while (number := unpack_from(">h", payload, place)[0]) != -1:
        assert number == len(columns)
        place += 2
        values: list[bytes | None] = []
        for _ in columns:
            length = unpack_from(">i", payload, place)[0]
            place += 4
            values.append(None if length < 0 else payload[place : place + length])
            place += max(length, 0)
        row = dict(zip(columns, reader.load_sequence(values), strict=True))
        rows[row["line_number"]] = row
    assert place + 2 == len(payload)
    return rows


def _check(entity: Entity, lines: list[bytes]) -> set[int]:
    """Pack lines, compare with the careful reader, and return which were packed."""
    packed = PACKERS[entity.name].pack(lines, 1)
    rows = _unpacked(entity, packed.payload) if packed.payload else {}
    left = dict(packed.left)
    assert sorted([*rows, *left]) == list(range(1, len(lines) + 1))
    assert list(left) == sorted(left)
    for number, content in left.items():
        assert content is lines[number - 1]
    for number, row in rows.items():
        assert (row.pop("tenant_id"), row.pop("upload_id"), row.pop("line_number")) == (
            7,
            9,
            number,
        )
        careful = read_line(lines[number - 1], entity)
        assert isinstance(careful, tuple), (lines[number - 1], careful)
        for rule, value in zip(entity.fields, careful, strict=False):
            expected = "\x01" + value if rule.kind == "object" else value
            if isinstance(value, datetime) and value.tzinfo is None:
                expected = value.replace(tzinfo=UTC)
            assert row.get(rule.name) == expected  # what is seldom told is never packed
            assert type(row.get(rule.name)) is type(expected)
        assert row["extra"] is careful[-1] is None
    return set(rows)


@settings(max_examples=700, deadline=None)
@given(st.lists(lines_of(), min_size=1, max_size=6), st.data())
def test_what_is_packed_the_careful_reader_reads_the_same(
    cases: list[tuple[Entity, bytes]], data: st.DataObject
) -> None:
    """A line is taken or left for what it is, whatever its neighbours are."""
    entity = cases[0][0]
    lines = [content for other, content in cases if other is entity]
    lines.insert(data.draw(st.integers(0, len(lines))), line(PLAIN[entity.name]))
    together = _check(entity, lines)
    pack = PACKERS[entity.name].pack
    alone = {n for n, content in enumerate(lines, 1) if not pack([content], n).left}
    assert together == alone
    assert together, "a good line among them"


def _spelled(entity: str, field: str, raw: str) -> bool:
    """Whether a good line with this in one field is packed, between two that are."""
    lines = [line(PLAIN[entity]), line(PLAIN[entity], **{field: raw}), line(PLAIN[entity])]
    taken = _check(ENTITIES[entity], lines)
    assert {1, 3} <= taken
    return 2 in taken


@settings(max_examples=700, deadline=None)
@given(
    st.from_regex(r"\A-?[0-9]{1,15}(\.[0-9]{0,3})?\Z")
    | st.decimals(-(10**12), 10**12, places=2).map(str)
    | st.text('0123456789.-+eE"_ ', max_size=24)
)
def test_amounts_however_spelled(text: str) -> None:
    for raw in (text, json.dumps(text)):
        for field in ("unit_price", "line_total"):
            _spelled("order_items", field, raw)


@settings(max_examples=300, deadline=None)
@given(st.decimals(Decimal("-999999999999.99"), Decimal("999999999999.99"), places=2))
def test_plain_amounts_are_packed(amount: Decimal) -> None:
    assert _spelled("order_items", "line_total", str(amount))
    assert _spelled("order_items", "line_total", f'"{amount}"')
    assert _spelled("order_items", "unit_price", str(amount)) == (amount >= 0)


@settings(max_examples=300, deadline=None)
@given(st.datetimes())
def test_plain_times_are_packed(moment: datetime) -> None:
    text = moment.replace(microsecond=0).isoformat()
    assert _spelled("customers", "created_at", f'"{text}Z"')
    assert _spelled("customers", "created_at", f'"{text}+00:00"')


@settings(max_examples=700, deadline=None)
@given(
    st.from_regex(
        r"\A[0-9]{4}-[0-3][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](Z|[+-]0[01]:00)\Z"
    )
    | st.text("0123456789-:TZtz é", min_size=20, max_size=25)
)
def test_times_that_do_not_exist_are_left(text: str) -> None:
    _spelled("customers", "created_at", json.dumps(text, ensure_ascii=False))


@settings(max_examples=300, deadline=None)
@given(st.uuids().map(str), st.integers(0, 35), st.sampled_from('0gF- é\\"'))
def test_uuids_with_one_character_changed(text: str, place: int, character: str) -> None:
    changed = text[:place] + character + text[place + 1 :]
    _spelled("customers", "customer_id", json.dumps(changed, ensure_ascii=False))


@pytest.mark.parametrize(
    ("entity", "field", "raw"),
    [
        ("customers", "metadata", '{"a": "\\u0000"}'),
        ("customers", "metadata", "[1]"),
        ("customers", "name", '"a\\u0000b"'),
        ("products", "category_id", "null"),
        ("orders", "currency", '"ABC"'),
        ("orders", "shipping_amount", '"1.00"'),
        ("order_items", "line_total", '""'),
        ("order_items", "line_total", "9" * 400),
        ("order_items", "line_total", '{"a": "1.50"}'),
    ],
)
def test_what_is_not_plain_is_left(entity: str, field: str, raw: str) -> None:
    assert not _spelled(entity, field, raw)


def test_bytes_that_are_no_utf8_are_left_wherever_they_are() -> None:
    good = line(PLAIN["customers"], metadata='{"a": "x"}')
    for bad in (good.replace(b'"x"', b'"\xff"'), good.replace(b'"name": "', b'"name": "\xff')):
        assert bad != good
        assert _check(ENTITIES["customers"], [good, bad]) == {1}


def test_nothing_to_pack_makes_no_payload() -> None:
    lines = [b"", b"{}", UnusableLine(b"x", "must be at most 1 MiB long")]
    for name in ENTITIES:
        packed = PACKERS[name].pack(lines, 5)
        assert packed.payload == b""
        assert packed.left == [(5, lines[0]), (6, lines[1]), (7, lines[2])]
        assert PACKERS[name].pack([], 1).left == []


def test_nearly_all_of_the_sample_data_is_packed(tmp_path: Any) -> None:
    sizes = {"customers": 50, "products": 50, "orders": 50, "order_items": 50}
    for name, file in write_sample_data(tmp_path, **sizes).items():
        lines = file.path.read_bytes().splitlines()
        assert len(_check(ENTITIES[name], lines)) >= 35
