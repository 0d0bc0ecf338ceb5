"""A line → a row or every reason why not; the two readers of the rule book agree."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.contract.entities import (
    CUSTOMERS,
    ENTITIES,
    ORDER_ITEMS,
    Entity,
)
from ingestion_pipeline.domains.commerce.land.fields import read_line
from ingestion_pipeline.domains.commerce.land.packed import RowPacker
from ingestion_pipeline.domains.commerce.land.rows import _HESITATION, Parsed, RowParser
from ingestion_pipeline.domains.commerce.sources.lines import UnusableLine
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE
from ingestion_pipeline_tests.domains.commerce.builders import GOOD, line

PARSERS = {name: RowParser(entity) for name, entity in ENTITIES.items()}


def _parse(entity: str, *lines: bytes) -> Parsed:
    return PARSERS[entity].parse(list(lines), 1)


def _values(entity: str, content: bytes) -> dict[str, Any]:
    parsed = _parse(entity, content)
    assert parsed.rejections == []
    [(_, *values)] = parsed.rows
    return dict(zip(ENTITIES[entity].columns, values, strict=True))


def _reasons(entity: str, content: bytes) -> list[tuple[str, str]]:
    parsed = _parse(entity, content)
    assert parsed.rows == []
    [rejection] = parsed.rejections
    return [(reason["field"], reason["rule"]) for reason in rejection.reasons]


def _with(entity: str, field: str, raw: str) -> bytes:
    return line(GOOD[entity], **{field: raw})


# What the fast reader accepts, the careful one reads the same.

_raw: dict[str, list[str]] = {
    "uuid": ['"7c9e6679-7425-40de-944b-e07fc1f90ae7"', '"7C9E6679742540DE944BE07FC1F90AE7"',
             '"7c9e667974-2540de-944b-e07fc1f90ae7"', '"{7c9e6679-7425-40de-944b-e07fc1f90ae7}"',
             '"urn:uuid:7c9e6679-7425-40de-944b-e07fc1f90ae7"', '""'],
    "text": ['""', '"é😀"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\u0000"', '"\\\\u0000"', '"a\\nb"',
             '"' + "x" * 50 + '"', '"' + "x" * 51 + '"', '"' + "😀" * 255 + '"',
             '"' + "é" * 256 + '"', '"1.23457E+12"', '"1,2e+12"', '"1.5"'],
    "money": ["0", "-0", "1", "1.0", "1.00", "1.000", "0.1", "1e2", "1E-1", "-1", "-0.01", '"1.5"',
              '" 1"', '"1,5"', '"NaN"', '"Infinity"', '"-Infinity"', '"sNaN"', "999999999999.99",
              "-999999999999.99", "1000000000000", "999999999999.995", "1e1000000", "1e-1000000",
              "250.0000", '"9.990"', '"1_000"', '"９.９９"', '"12."', '".5"', '"+1"', "0e-9999",
              '"1e999999999999999999"', '"0x10"', '""', "12345678901234567890.12", '"\\ud800"'],
    "integer": ["1", "0", "-1", "2147483647", "2147483648", "1.0", "1e0", "1.5", '"1"', "1" * 30,
                "2.00", "1e400", "3E+2", "2147483648.0", "-0.0", "1.00000000000000000001"],
    "boolean": ["true", "false", "0", '"true"'],
    "object": ["{}", "[]", '"{}"', ' {"a" : 1.10 }', '{"a": "\\u0000"}', '{"a": "\\\\u0000"}',
               '{"a": NaN}', '{"a": "NaN"}', '{"\\u0000": 1}', '{"a": 1, "a": 2}', "{",
               '{"a": {"b": ["\\u00e9", {"c": 1e400}]}}'],
    "instant": ['"2024-02-29T10:00:00Z"', '"2024-02-29T10:00:00"', '"2024-02-29 10:00:00+02:00"',
                '"2024-02-29"', '"20240229T100000Z"', '"2023-02-29T10:00:00Z"', "1700000000",
                '"2024-02-29T10:00:00.123456789-11:30"', '"2024-02-29T24:00:00Z"', '"now"',
                '"2016-12-31T23:59:60Z"', '"2024-W09-4"', '"0001-01-01T00:00:00+14:00"',
                '"9999-12-31T23:59:59-05:00"', '"2026-12-31T23:59:59.9999999Z"',
                '"9999-12-31T23:59:59.9999999"', '"2026-12-31T23:59:59.999999\\u0039Z"',
                '"２０２６-01-01T00:00:00Z"', '"2024-02-29T12.5Z"', '"20240229112"',
                '"2024-02-29X10:00:00"', '"2024-02-29T10:00:00+05:60"', '"2024-02-29t10:00z"'],
    "currency": ['"EUR"', '"eur"', '"XXX"', '"ABC"', '""', "978", '"HRK"'],
}  # fmt: skip
_anything = ["null", "true", "5", "5.5", "[]", "{}", '"x"', "NaN", "Infinity", "-Infinity", ""]


@st.composite
def lines_of(draw: st.DrawFn) -> tuple[Entity, bytes]:
    """A good line with up to three fields replaced by something else, or left out."""
    entity = draw(st.sampled_from(list(ENTITIES.values())))
    row = dict(GOOD[entity.name])
    raw: dict[str, str] = {}
    for rule in draw(st.lists(st.sampled_from(entity.fields), max_size=3)):
        if draw(st.integers(0, 5)) == 0:
            row.pop(rule.name, None)
            raw.pop(rule.name, None)
            continue
        candidates = st.sampled_from(_raw[rule.kind] if draw(st.booleans()) else _anything)
        raw[rule.name] = draw(candidates | _generated(rule.kind))
    if draw(st.integers(0, 4)) == 0:
        raw[draw(st.sampled_from(["more", "é", "with\nnewline", ""]))] = draw(
            st.sampled_from(_raw["object"] + _raw["text"])
        )
    content = line(row, **raw)
    return entity, draw(st.sampled_from([content, content + b"\r", b" " + content]))


def _generated(kind: str) -> st.SearchStrategy[str]:
    if kind == "money":
        return st.decimals(allow_nan=False, allow_infinity=False).map(str)
    if kind == "integer":
        return st.integers(-(2**40), 2**40).map(str)
    if kind == "uuid":
        return st.uuids().map(lambda u: f'"{u}"') | st.uuids().map(lambda u: f'"{u.hex}"')
    if kind == "instant":
        moments = st.datetimes(timezones=st.none() | st.timezones())
        return moments.map(lambda moment: f'"{moment.isoformat()}"')
    return st.text(max_size=20).map(json.dumps)


@settings(max_examples=1500, deadline=None)
@given(lines_of())
def test_what_the_fast_reader_accepts_the_careful_one_reads_the_same(
    case: tuple[Entity, bytes],
) -> None:
    entity, content = case
    try:
        fast = PARSERS[entity.name]._read(content)
    except _HESITATION:
        return
    careful = read_line(content, entity)
    assert isinstance(careful, tuple), careful
    assert [_comparable(value) for value in (*fast, None)] == [_comparable(v) for v in careful]


def _comparable(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if isinstance(value, Decimal):
        return (value + 0).as_tuple()  # -0 is 0
    return value


@settings(max_examples=400, deadline=None)
@given(lines_of())
def test_every_line_is_a_row_or_has_reasons_that_name_a_field_and_a_rule(
    case: tuple[Entity, bytes],
) -> None:
    entity, content = case
    parsed = _parse(entity.name, content)
    assert len(parsed.rows) + len(parsed.rejections) == 1
    known = {rule.name for rule in entity.fields} | {"line", "extra"}
    for rejection in parsed.rejections:
        assert rejection.reasons
        for reason in rejection.reasons:
            assert reason["field"] in known
            assert reason["rule"].startswith("must ")
            assert "\x00" not in reason["value"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda t: t.encode("utf-8", "replace")))
def test_no_bytes_whatever_stop_the_reader(content: bytes) -> None:
    for name in ENTITIES:
        parsed = _parse(name, content)
        assert len(parsed.rows) + len(parsed.rejections) + parsed.blank == 1


# Every rule, its field and its words.


@pytest.mark.parametrize(
    ("entity", "field", "raw", "rule"),
    [
        ("customers", "customer_id", '"not-a-uuid"', "must be a UUID"),
        ("customers", "customer_id", "5", "must be a UUID"),
        ("customers", "customer_id", "null", "must not be null"),
        ("customers", "name", '"' + "x" * 300 + '"', "must be at most 255 characters long"),
        ("customers", "name", "5", "must be a text"),
        ("customers", "name", '"a\\u0000b"', "must not hold the NUL character"),
        ("customers", "name", '"\\ud800"', "must be a text"),
        ("customers", "customer_id", '"\\ud800"', "must be a UUID"),
        ("customers", "metadata", '{"a": ["\\udc00"]}', "must not hold half a surrogate pair"),
        ("customers", "metadata", '{"\\ud800": 1}', "must not hold half a surrogate pair"),
        ("customers", "metadata", "[]", "must be an object"),
        ("customers", "metadata", '{"a": NaN}', "must hold finite numbers only"),
        ("customers", "metadata", '{"a": ["\\u0000"]}', "must not hold the NUL character"),
        ("customers", "created_at", '"yesterday"', "must be an ISO 8601 time"),
        ("customers", "created_at", "1700000000", "must be an ISO 8601 time"),
        ("customers", "created_at", '"2023-02-29"', "must be an ISO 8601 time"),
        ("products", "sku", '"' + "x" * 101 + '"', "must be at most 100 characters long"),
        ("products", "price", "-0.01", "must be at least 0"),
        ("products", "price", "NaN", "must be a finite number"),
        ("products", "price", '"Infinity"', "must be a finite number"),
        ("products", "price", "1.005", "must have at most 2 decimals"),
        ("products", "price", '"12 €"', "must be a number"),
        ("products", "price", "true", "must be a number"),
        ("products", "price", '"\\ud800"', "must be a number"),
        ("products", "price", "1000000000000", "must have at most 14 digits, 2 of them decimals"),
        ("products", "category_id", '""', "must be a UUID"),
        ("products", "active", '"yes"', "must be true or false"),
        ("orders", "currency", '"EURO"', "must be an ISO 4217 currency code"),
        ("orders", "currency", '"eur"', "must be an ISO 4217 currency code"),
        ("orders", "order_status", '"' + "x" * 51 + '"', "must be at most 50 characters long"),
        ("orders", "total_amount", "null", "must not be null"),
        ("order_items", "quantity", "0", "must be at least 1"),
        ("order_items", "quantity", "-3", "must be at least 1"),
        ("order_items", "quantity", "1.5", "must be a whole number"),
        ("order_items", "quantity", "NaN", "must be a finite number"),
        ("order_items", "quantity", "2147483648", "must be at most 2147483647"),
        ("order_items", "unit_price", "-1", "must be at least 0"),
    ],
)
def test_each_broken_rule_names_its_field(entity: str, field: str, raw: str, rule: str) -> None:
    assert _reasons(entity, _with(entity, field, raw)) == [(field, rule)]


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_field_that_is_needed_is_missed(entity: str) -> None:
    needed = [f.name for f in ENTITIES[entity].fields if not f.nullable and f.kind != "object"]
    assert _reasons(entity, b"{}") == [(name, "must not be missing") for name in needed]


def test_charges_of_an_order_are_told_or_not() -> None:
    told = {
        "shipping_amount": "4.90", "tax_amount": 1.9, "tax_included": True,
        "discount_amount": "-2", "tip_amount": None,
    }  # fmt: skip
    values = _values("orders", line(GOOD["orders"] | told))
    assert values["shipping_amount"] == Decimal("4.90")
    assert values["tax_amount"] == Decimal("1.9")
    assert values["tax_included"] is True
    assert values["discount_amount"] == -2
    assert values["tip_amount"] is values["refunded_amount"] is None
    assert _reasons("orders", _with("orders", "tax_included", '"yes"')) == [
        ("tax_included", "must be true or false")
    ]


def test_all_reasons_of_a_line_are_given_at_once() -> None:
    bad = line(GOOD["order_items"], order_id='"x"', quantity="-1", unit_price="NaN")
    assert _reasons("order_items", bad) == [
        ("order_id", "must be a UUID"),
        ("quantity", "must be at least 1"),
        ("unit_price", "must be a finite number"),
    ]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"{", "must be one JSON object"),
        (b"[]", "must be one JSON object"),
        (b"5", "must be one JSON object"),
        (b"null", "must be one JSON object"),
        (b"{} {}", "must be one JSON object"),
        (b'{"name": "caf\xe9"}', "must be UTF-8 (byte 13 is not)"),
        (UnusableLine(b"x", "must be at most 1 MiB long"), "must be at most 1 MiB long"),
    ],
)
def test_a_line_that_is_no_row_at_all(content: bytes, rule: str) -> None:
    assert _reasons("customers", content) == [("line", rule)]


def test_blank_lines_are_neither_rows_nor_rejections() -> None:
    parsed = _parse("customers", b"", b"  \t", b"\r")
    assert (parsed.rows, parsed.rejections, parsed.blank) == ([], [], 3)


# What a good line becomes.


@pytest.mark.parametrize(
    ("raw", "exact"),
    [("0.1", "0.1"), ('"0.10"', "0.10"), ("999999999999.99", "999999999999.99"), ("1e2", "100"),
     ("-0", "0"), ('"5"', "5")],
)  # fmt: skip
def test_decimals_are_exact_whether_number_or_text(raw: str, exact: str) -> None:
    price = _values("products", _with("products", "price", raw))["price"]
    assert isinstance(price, Decimal)
    assert price == Decimal(exact)


def test_uuids_with_and_without_dashes_are_the_same_and_of_any_version() -> None:
    for text in ("7c9e6679-7425-40de-944b-e07fc1f90ae7", "7C9E6679742540DE944BE07FC1F90AE7"):
        row = _values("customers", _with("customers", "customer_id", f'"{text}"'))
        assert row["customer_id"] == UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7")
    nothing = f'"{UUID(int=0)}"'
    row = _values("customers", _with("customers", "customer_id", nothing))
    assert row["customer_id"] == UUID(int=0)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-01T10:00:00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T10:00:00+02:00", datetime(2024, 5, 1, 8, tzinfo=UTC)),
        ("20240501T100000Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_utc(text: str, moment: datetime) -> None:
    created = _values("customers", _with("customers", "created_at", f'"{text}"'))["created_at"]
    assert _comparable(created) == moment


def test_unknown_fields_are_kept_as_they_are_written() -> None:
    row = _values("customers", line(GOOD["customers"], vip="true", näme='"\\u00e9"', rate="1.10"))
    assert row["extra"] == '{"vip": true, "näme": "\\u00e9", "rate": 1.10}'
    assert _values("customers", line(GOOD["customers"]))["extra"] is None


def test_an_unknown_field_that_cannot_be_stored_is_a_reason_too() -> None:
    assert _reasons("customers", line(GOOD["customers"], vip='"\\u0000"')) == [
        ("extra", "must not hold the NUL character")
    ]
    assert _reasons("customers", line(GOOD["customers"], score="NaN")) == [
        ("extra", "must hold finite numbers only")
    ]
    for content in (
        line(GOOD["customers"], vip='"\\ud800"'),
        line(GOOD["customers"])[:-1] + b', "\\udfff": 1}',
    ):
        assert _reasons("customers", content) == [("extra", "must not hold half a surrogate pair")]


def test_the_text_u0000_is_not_the_character() -> None:
    row = _values("customers", _with("customers", "name", '"\\\\u0000"'))
    assert row["name"] == "\\u0000"


def test_a_missing_or_null_object_is_an_empty_one() -> None:
    assert _values("customers", _with("customers", "metadata", "null"))["metadata"] == "{}"
    row = {name: value for name, value in GOOD["customers"].items() if name != "metadata"}
    assert _values("customers", line(row))["metadata"] == "{}"


@pytest.mark.parametrize(
    "more",
    [b', "name": "last"}', b',"name" : "last"}', b', "na\\u006de": "last"}', b', "name"\t:null}'],
)
def test_a_field_that_is_there_twice_is_refused_and_named(more: bytes) -> None:
    """The last one won, without a word."""
    [rejection] = RowParser(CUSTOMERS).parse([line(GOOD["customers"])[:-1] + more], 1).rejections
    assert [(r["field"], r["rule"]) for r in rejection.reasons] == [
        ("name", "must not be there twice")
    ]


def test_a_key_that_is_there_twice_within_an_object_is_refused_and_named() -> None:
    for metadata in (b'{"a": 1, "a": 2}', b'{"b": {"a": 1, "a" : 1}}', b'[{"a": 1, "a": 1}]'):
        text = line(GOOD["customers"] | {"metadata": "HERE"}).replace(b'"HERE"', metadata)
        assert RowPacker(CUSTOMERS, 1, 1).pack([text], 1).left == [(1, text)]
        [rejection] = RowParser(CUSTOMERS).parse([text], 1).rejections
        assert "'a' twice" in rejection.reasons[0]["rule"]


def test_a_text_that_looks_like_a_key_is_none() -> None:
    text = line(GOOD["customers"] | {"name": 'say ":', "metadata": {"a": 'b":', "c": {"a": 1}}})
    assert RowParser(CUSTOMERS).parse([text], 1).rejections == []


def test_constants_and_line_numbers_lead_the_row() -> None:
    good = line(GOOD["order_items"])
    parsed = RowParser(ORDER_ITEMS, 7, 9).parse([good, b"", good], 11)
    assert [row[:3] for row in parsed.rows] == [(7, 9, 11), (7, 9, 13)]
    assert all(len(row) == 3 + len(ORDER_ITEMS.columns) for row in parsed.rows)


def test_rejections_show_bytes_that_no_text_column_takes() -> None:
    [rejection] = _parse("customers", b"a\x00b\xff").rejections
    assert rejection.raw == "a\\x00b\\xff"


def test_a_time_whose_zone_leads_out_of_the_calendar_names_its_field() -> None:
    for text in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        assert _reasons("customers", _with("customers", "created_at", f'"{text}"')) == [
            ("created_at", "must lie between the years 1 and 9999")
        ]


# Lines that stopped a whole file.


def test_an_amount_beyond_what_decimals_compute_with_is_a_rejection() -> None:
    """1e1000000 raised decimal.Overflow, and with it the load of the file."""
    for raw in ("1e1000000", '"1e999999999999999999"', "-1e1000000"):
        [(field, _)] = _reasons("orders", _with("orders", "total_amount", raw))
        assert field == "total_amount"


def test_a_line_nested_without_end_is_a_rejection() -> None:
    """100,000 brackets raised RecursionError, and with it the load of the file."""
    deep = "[" * 100_000 + "]" * 100_000
    for content in (
        _with("customers", "metadata", f'{{"a": {deep}}}'),
        _with("customers", "metadata", f'{{"a": {deep}, "b": "\\u00e9"}}'),
        line(GOOD["customers"], more=deep),
        line(GOOD["customers"], more=deep, score="NaN"),
        deep.encode(),
    ):
        [(_, rule)] = _reasons("customers", content)
        assert rule == "must not be nested that deeply"


def test_what_the_fast_reader_takes_at_some_depth_the_careful_one_takes_too() -> None:
    nested = '{"a": "\\u00e9", "b": ' + "[" * 700 + "]" * 700 + "}"
    assert _values("customers", _with("customers", "metadata", nested))["metadata"] == nested
    careful = line(GOOD["customers"], metadata=nested, more="1")
    assert _values("customers", careful)["metadata"] == nested


def test_a_number_of_five_thousand_digits_in_an_object_is_no_obstacle() -> None:
    """int() refuses more than 4,300 digits: the ValueError ended the load of the file."""
    big = '{"a": "\\u00e9", "n": ' + "1" * 5000 + "}"
    row = _values("customers", line(GOOD["customers"], metadata=big, more="1"))
    assert row["metadata"] == big


def test_utf_16_is_no_utf_8_even_where_it_says_nan() -> None:
    assert _reasons(
        "customers", line(GOOD["customers"], more='"NaN"').decode().encode("utf-16-le")
    )[0] == ("line", "must be one JSON object")


def test_the_collector_is_on_again_after_a_block_whatever_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import gc

    parser = RowParser(CUSTOMERS)
    monkeypatch.setattr(parser, "_read", lambda _: 1 / 0 if gc.isenabled() else [][0])
    with pytest.raises(IndexError):
        parser.parse([b"x"], 1)
    assert gc.isenabled()


# Whole files of pandas were refused for 1.0, Python's own readings let strange digits in, and
# .NET's seventh decimal took the last order of a year into the next.


@pytest.mark.parametrize(
    ("raw", "quantity"),
    [("1.0", 1), ("100.0", 100), ("1e0", 1), ("1E+2", 100), ("20e-1", 2), ("2.000", 2),
     ("2147483647.0", 2147483647)],
)  # fmt: skip
def test_a_whole_number_may_be_written_with_zeros(raw: str, quantity: int) -> None:
    found = _values("order_items", _with("order_items", "quantity", raw))["quantity"]
    assert (found, type(found)) == (quantity, int)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [("1.5", "must be a whole number"), ("0.5", "must be a whole number"),
     ('"1_0"', "must be a whole number"), ("true", "must be a whole number"),
     ("1e-1", "must be a whole number"), ("1e1000000", "must be at most 2147483647"),
     ("2147483648.0", "must be at most 2147483647"), ("0.0", "must be at least 1"),
     ("-1.0", "must be at least 1")],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(raw: str, rule: str) -> None:
    assert _reasons("order_items", _with("order_items", "quantity", raw)) == [("quantity", rule)]


@pytest.mark.parametrize(
    ("raw", "exact"),
    [("250.0000", "250.00"), ('"29.990"', "29.99"), ('"9.990"', "9.99"), ("1.5000000000", "1.50"),
     ('"0.000"', "0.00"), ("0e-1000000", "0.00"), ("1e2", "100.00"),
     ('"' + "0." + "0" * 20_000 + '"', "0.00"), ('" 9.99 "', "9.99"), ('"12."', "12")],
)  # fmt: skip
def test_zeros_at_the_end_are_no_decimals(raw: str, exact: str) -> None:
    price = _values("products", _with("products", "price", raw))["price"]
    assert price == Decimal(exact)
    assert -2 <= price.as_tuple().exponent <= 0  # what NUMERIC(14,2) takes as it stands


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        ('"1_000"', "must be a number"), ('"９.９９"', "must be a number"),
        ('"٣.٥"', "must be a number"), ('"\u00a09.99"', "must be a number"),
        ('"1,234.50"', "must be a number"), ('" 1 0"', "must be a number"),
        ('""', "must be a number"), ('"0x10"', "must be a number"),
        ("14.309999999999999", "must have at most 2 decimals"),
        ("0.30000000000000004", "must have at most 2 decimals"),
        ("1e-7", "must have at most 2 decimals"), ('"1.2340"', "must have at most 2 decimals"),
        ("1e-1000000", "must have at most 2 decimals"),
    ],
)  # fmt: skip
def test_an_amount_is_what_it_is_everywhere_else(raw: str, rule: str) -> None:
    assert _reasons("products", _with("products", "price", raw)) == [("price", rule)]


_SHORTENED = ("1.23457E+12", "1.23457e+12", "1,23457E+12", "9.78E+12", "1E+15", "1.23457E12",
              "-2.5E-05", " 1.2E+12 ")  # fmt: skip


@pytest.mark.parametrize("identity", _SHORTENED)
@pytest.mark.parametrize(
    ("entity", "field"), [("products", "sku"), ("orders", "external_order_id")]
)
def test_an_id_that_a_spreadsheet_has_shortened_is_refused(
    entity: str, field: str, identity: str
) -> None:
    assert _reasons(entity, _with(entity, field, json.dumps(identity))) == [(field, SHORTENED_RULE)]


@pytest.mark.parametrize("identity", ["SKU-1.5E+2", "1E5", "12E+34X", "1001", "1.5", "E+12", ""])
def test_an_id_that_only_looks_like_one_is_kept(identity: str) -> None:
    row = _values("products", _with("products", "sku", json.dumps(identity)))
    assert row["sku"] == identity


def test_a_name_may_be_any_text() -> None:
    content = _with("products", "name", '"1.23457E+12"')
    assert _values("products", content)["name"] == "1.23457E+12"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-31T23:59:59.9999999Z", "2026-12-31T23:59:59.999999+00:00"),
        ("2026-12-31T23:59:59.9999994Z", "2026-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.999999+00:00"),
        ("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.999999+00:00"),
        ("2026-06-30T23:59:59.9999999+02:00", "2026-06-30T21:59:59.999999+00:00"),
        ("0001-01-01T00:00:00.0000000Z", "0001-01-01T00:00:00+00:00"),
        ("2026-05-05T10:00:00.999999999Z", "2026-05-05T10:00:00.999999+00:00"),
        ("2026-05-05 10:00:00,9999999", "2026-05-05T10:00:00.999999+00:00"),
        ("2026-05-05T10:00:00." + "9" * 40 + "Z", "2026-05-05T10:00:00.999999+00:00"),
    ],
)
def test_ticks_are_cut_and_never_rounded_up(text: str, moment: str) -> None:
    row = _values("orders", _with("orders", "order_date", f'"{text}"'))
    assert row["order_date"].astimezone(UTC) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text", ["２０２６-05-05T10:00:00Z", "2026-05-05T10:00:0٥Z", "2026-05-05Ü10:00", "1_0"]
)
def test_digits_of_dates_are_ascii(text: str) -> None:
    assert _reasons("orders", _with("orders", "order_date", json.dumps(text))) == [
        ("order_date", "must be an ISO 8601 time")
    ]


def test_digits_of_uuids_are_ascii() -> None:
    text = json.dumps("7c9e667９-7425-40de-944b-e07fc1f90ae7", ensure_ascii=False)
    assert _reasons("customers", _with("customers", "customer_id", text)) == [
        ("customer_id", "must be a UUID")
    ]


@pytest.mark.parametrize("code", ["HRK", "BGN", "DEM", "BYR", "ITL", "ZWN", "XXX", "EUR"])
def test_currencies_that_were_are_currencies(code: str) -> None:
    assert _values("orders", _with("orders", "currency", f'"{code}"'))["currency"] == code


@pytest.mark.parametrize("code", ["eur", "RMB", "BTC", "€", " EUR", "CNH", "ＥＵＲ"])
def test_what_iso_never_knew_is_no_currency(code: str) -> None:
    assert _reasons("orders", _with("orders", "currency", json.dumps(code))) == [
        ("currency", "must be an ISO 4217 currency code")
    ]


@pytest.mark.parametrize("entity", ["customers", "products"])
@pytest.mark.parametrize("raw", [None, "null"])
def test_nobody_has_to_know_when_a_customer_or_product_was_created(
    entity: str, raw: str | None
) -> None:
    row = {name: value for name, value in GOOD[entity].items() if name != "created_at"}
    content = line(row) if raw is None else line(row, created_at=raw)
    assert _values(entity, content)["created_at"] is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12.5Z", "2026-01-31T12:30.5", "2026-01-31T12,5",  # of an hour, of a minute
        "20260131112", "2026-01-31X12:00:00", "2026-01-31_12:00:00", "2026-01-31112:00",
        "2026-01-31T12:00:00+05:60", "2026-01-31T12:00:00+05:30:15.5",
    ],
)  # fmt: skip
def test_a_time_that_python_reads_as_another_one_is_refused(text: str) -> None:
    assert _reasons("customers", _with("customers", "created_at", f'"{text}"')) == [
        ("created_at", "must be an ISO 8601 time")
    ]


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T12", "2026-01-31t12:00z", "20260131T120000Z", "2026-W05-6T12:00", "2026W056T12Z",
     "2026-01-31T12:00:00 Z", "2026-01-31T17:30:00+0530", "2026-01-31 12:00:00,0"],
)  # fmt: skip
def test_iso_8601_has_many_spellings(text: str) -> None:
    found = _values("customers", _with("customers", "created_at", f'"{text}"'))["created_at"]
    assert found.replace(tzinfo=found.tzinfo or UTC) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("raw", ["1.00000000000000000001", "2147483646.99999999999"])
def test_a_fraction_that_a_double_loses_is_still_a_fraction(raw: str) -> None:
    assert _reasons("order_items", _with("order_items", "quantity", raw)) == [
        ("quantity", "must be a whole number")
    ]


def test_a_line_without_its_object_is_as_plainly_right_as_one_with_it() -> None:
    """What mappings make has none, and every line was looked at field by field for it."""
    entity = ENTITIES["customers"]
    uuid = b"3f333df6-90a4-4fda-8dd3-9485d27cee36"
    line = b'{"customer_id":"' + uuid + b'","name":"Ada","email":"a@example.org"'
    for text in (line + b"}", line + b',"metadata":{}}'):
        assert (*RowParser(entity)._read(text), None) == read_line(text, entity)
