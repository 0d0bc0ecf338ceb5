"""CSV files say the same as NDJSON files, in their own way."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.contract.entities import (
    CUSTOMERS,
    ENTITIES,
    ORDER_ITEMS,
    PRODUCTS,
    Entity,
)
from ingestion_pipeline.domains.commerce.land.rows import Parsed, RowParser
from ingestion_pipeline.domains.commerce.sources import delimited
from ingestion_pipeline.domains.commerce.sources.delimited import csv_as_json
from ingestion_pipeline.domains.commerce.sources.lines import (
    PREAMBLE,
    UnusableLine,
    blocks_of_lines,
)
from ingestion_pipeline.domains.commerce.sources.reading import numbered_lines
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError, opened
from ingestion_pipeline_tests.domains.commerce.builders import GOOD, Row, line


def _json_lines(content: bytes, entity: Entity) -> list[bytes]:
    """A line for every physical line; of the preamble the one that stands for it."""
    blocks = blocks_of_lines(opened(io.BytesIO(content)), with_ends=True)
    return [
        line
        for block in csv_as_json(blocks, entity)
        for line in (block if isinstance(block, list) else [b""] * block)
    ]


def _parsed(content: bytes, entity: Entity) -> Parsed:
    return RowParser(entity).parse(_json_lines(content, entity), 1)


def _as_csv(rows: list[Row], newline: str = "\n") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda entity: entity.name)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_and_ndjson_give_the_same_rows(entity: Entity, newline: str) -> None:
    row = GOOD[entity.name]
    from_csv = _parsed(b"\xef\xbb\xbf" + _as_csv([row], newline), entity)
    assert from_csv.rejections == []
    values = RowParser(entity).parse([line(row)], 2).rows[0]
    for got, expected in zip(from_csv.rows[0], values, strict=True):
        same = json.loads(got) == json.loads(expected) if _is_object(got) else got == expected
        assert same


def _is_object(value: object) -> bool:
    return isinstance(value, str) and value.startswith("{")


texts = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=40
)


@settings(deadline=None)
@given(names=st.lists(texts, min_size=1, max_size=5))
def test_texts_with_quotes_commas_and_newlines_come_through(names: list[str]) -> None:
    rows = [GOOD["customers"] | {"name": name} for name in names]
    parsed = _parsed(_as_csv(rows), CUSTOMERS)
    assert parsed.rejections == []
    assert [row[2] for row in parsed.rows] == names


def test_columns_may_come_in_any_order_and_more_of_them_are_kept() -> None:
    row = {"colour": "red", **dict(reversed(GOOD["products"].items()))}
    [values] = _parsed(_as_csv([row]), PRODUCTS).rows
    assert json.loads(values[-1]) == {"colour": "red"}
    assert values[4] is not None


def test_an_empty_cell_is_null_but_an_empty_text_is_a_text() -> None:
    row = GOOD["products"] | {"name": "", "category_id": None}
    [values] = _parsed(_as_csv([row]), PRODUCTS).rows
    assert values[3] == ""
    assert values[5] is None


@pytest.mark.parametrize("word", ["true", "TRUE", "True", " false "])
def test_booleans_in_the_spelling_of_spreadsheets(word: str) -> None:
    parsed = _parsed(_as_csv([GOOD["products"] | {"active": word}]), PRODUCTS)
    assert parsed.rejections == []


def test_numbers_in_objects_stay_exact() -> None:
    """They went through a float: 1.10000000000000000001 became 1.1."""
    exact = '{"rate": 1.10000000000000000001}'
    [values] = _parsed(_as_csv([GOOD["customers"] | {"metadata": exact}]), CUSTOMERS).rows
    assert values[4] == exact


def test_wrong_cells_are_refused_by_the_rules_of_their_fields() -> None:
    row = GOOD["order_items"] | {"quantity": "two", "unit_price": "", "line_total": "1.005"}
    [rejection] = _parsed(_as_csv([row]), ORDER_ITEMS).rejections
    assert {(r["field"], r["rule"]) for r in rejection.reasons} == {
        ("quantity", "must be a whole number"),
        ("unit_price", "must not be missing"),
        ("line_total", "must have at most 2 decimals"),
    }


def test_a_header_that_lacks_columns_is_refused_naming_them() -> None:
    with pytest.raises(ContractError, match="header: customers needs the columns email, name"):
        _json_lines(b"customer_id,created_at\n", CUSTOMERS)


@pytest.mark.parametrize("extra", [b"caf\xe9", b"nul\x00"])
def test_a_header_that_is_no_text_is_refused(extra: bytes) -> None:
    """An undecodable extra column crashed the load at its first row."""
    content = b"customer_id,name,email,created_at," + extra + b"\n1,2,3,4,5\n"
    with pytest.raises(ContractError, match="header: must be UTF-8"):
        _json_lines(content, CUSTOMERS)


def test_a_lone_header_holds_no_rows_and_without_one_the_file_has_failed() -> None:
    assert _json_lines(_as_csv([GOOD["customers"]]).splitlines()[0], CUSTOMERS) == [PREAMBLE]
    with pytest.raises(WrongFileError, match="no header"):
        _json_lines(b"\n\n", CUSTOMERS)


def test_a_record_that_is_no_utf_8_is_refused_alone() -> None:
    good = _as_csv([GOOD["customers"]])
    parsed = _parsed(
        good + good.splitlines()[1].replace(b"Customer", b"Caf\xe9") + b"\n", CUSTOMERS
    )
    assert len(parsed.rows) == 1
    [rejection] = parsed.rejections
    assert rejection.reasons[0]["rule"] == "must be UTF-8"
    assert "Caf\\xe9" in rejection.raw


def test_more_values_than_columns_are_refused() -> None:
    good = _as_csv([GOOD["customers"]])
    parsed = _parsed(good.rstrip() + b",surplus\n" + good.splitlines()[1], CUSTOMERS)
    assert len(parsed.rows) == 1
    assert parsed.rejections[0].reasons[0]["rule"] == "must have at most 5 values, got 6"


def test_a_broken_record_keeps_its_text_in_the_rejection() -> None:
    """It was rejected with an empty text: nobody could tell what had been in the file."""
    header, good = _as_csv([GOOD["customers"]]).splitlines()
    parsed = _parsed(b"\n".join([header, b'1,"a"b,c,,', good]), CUSTOMERS)
    [rejection] = parsed.rejections
    assert rejection.line_number == 2
    assert rejection.raw == '1,"a"b,c,,'
    assert rejection.reasons[0]["rule"].startswith("must be a CSV record")
    assert len(parsed.rows) == 1


def test_blank_lines_are_blank() -> None:
    header, good = _as_csv([GOOD["customers"]]).splitlines()
    parsed = _parsed(b"\n".join([header, b"", good, b"", good, b""]), CUSTOMERS)
    assert (parsed.blank, len(parsed.rows)) == (2, 2)


def test_an_unusable_line_is_numbered_before_the_record_that_follows_it() -> None:
    header, good = _as_csv([GOOD["customers"]]).splitlines()
    blocks = iter([[header, UnusableLine(b"x", "must be shorter"), good]])
    [lines] = csv_as_json(blocks, CUSTOMERS)
    assert [isinstance(line, UnusableLine) for line in lines] == [True, True, False]
    assert lines[0] is PREAMBLE


def test_a_cell_that_is_nested_without_end_is_refused_like_any_other() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    [rejection] = _parsed(_as_csv([GOOD["customers"] | {"metadata": deep}]), CUSTOMERS).rejections
    assert rejection.reasons[0]["field"] == "metadata"


_ID = "00000000-0000-4000-9000-00000000000"
_THREE = b"customer_id,name,email\n"


def test_values_in_columns_without_a_name_are_one_or_the_row_is_refused() -> None:
    """Of several the last one was kept, without a word."""
    rows = f"{_ID}1,n,e,x,y\n{_ID}2,n,e,x,\n{_ID}3,n,e,,y\n{_ID}4,n,e\n{_ID}5,n,e,,\n"
    parsed = _parsed(b"customer_id,name,email,,\n" + rows.encode(), CUSTOMERS)
    assert [row[-1] for row in parsed.rows] == ['{"": "x"}', '{"": "y"}', None, None]
    [refused] = parsed.rejections
    assert refused.line_number == 2
    assert refused.reasons[0]["rule"] == "must not have several values in columns without a name"


@pytest.mark.parametrize(
    ("row", "raw"),
    [
        (b"a;b,c", "a;b,c"), (b'x,"y\nz"', 'x,"y\nz"'), (b"M\xfc,n,e", "M\\xfc,n,e"),
        (b'"a,b","c",d,"e"', '"a,b","c",d,"e"'),
    ],
)  # fmt: skip
def test_a_refused_record_is_shown_as_it_was_sent(row: bytes, raw: str) -> None:
    """Its values were joined without what was between them."""
    [refused] = _parsed(_THREE + row + b"\r\n", CUSTOMERS).rejections
    assert refused.raw == raw


def test_each_of_several_quotes_that_are_never_closed_is_named() -> None:
    good, open_ = f"{_ID}1,n,e\n", f'{_ID}2,"n,e\n'
    parsed = _parsed(_THREE + (good + open_ + good + open_ + good).encode(), CUSTOMERS)
    assert [(each.line_number, each.reasons[0]["rule"]) for each in parsed.rejections] == [
        (3, "quote opened in line 3 is never closed"),
        (5, "quote opened in line 5 is never closed"),
    ]
    assert len(parsed.rows) == 3


def test_quotes_that_each_line_opens_again_do_not_cost_the_square_of_the_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A megabyte of them kept a reader busy for minutes."""
    monkeypatch.setattr(delimited, "_MOST_AGAIN", 5_000)
    fed = 0
    most_of_record = delimited._Lines.most_of_record

    def counted(lines: delimited._Lines) -> int:
        nonlocal fed
        fed += 1
        return most_of_record(lines)

    monkeypatch.setattr(delimited._Lines, "most_of_record", counted)
    lines = 3_000
    parsed = _parsed(_THREE + b'a","b\n' * lines, CUSTOMERS)
    assert len(parsed.rejections) == lines
    assert fed < 5_000 + 7 * lines + 1_000


@pytest.mark.parametrize(
    "header", [b"\xff" * 5_000, b"a," * 5_000, b"x" * 3_000 + b",name," + b"x" * 3_000]
)
def test_a_header_of_any_length_gets_one_sentence(header: bytes) -> None:
    with pytest.raises(WrongFileError, match=r"^header: ") as refused:
        _json_lines(header + b"\n", CUSTOMERS)
    assert len(str(refused.value)) < 1_000


def test_a_separator_line_tells_csv_whatever_the_name() -> None:
    content = b"sep=;\n" + _THREE.replace(b",", b";") + f"{_ID}1;n;e\n".encode()
    blocks = numbered_lines(io.BytesIO(content), "customers_1.ndjson", CUSTOMERS)
    [block] = [block for block, _ in blocks]
    assert isinstance(block, list)
    assert [line is PREAMBLE for line in block] == [True, True, False]


def test_charges_that_a_csv_leaves_empty_are_not_told() -> None:
    told = {"shipping_amount": "4.90", "tax_amount": "", "tax_included": "TRUE", "tip_amount": ""}
    [values] = _parsed(_as_csv([GOOD["orders"] | told]), ENTITIES["orders"]).rows
    row = dict(zip(("line_number", *ENTITIES["orders"].columns), values, strict=True))
    assert (str(row["shipping_amount"]), row["tax_included"]) == ("4.90", True)
    assert row["tax_amount"] is row["tip_amount"] is row["refunded_amount"] is None
