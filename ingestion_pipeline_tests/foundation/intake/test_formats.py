"""A file is what its first bytes say, and is read where the mapping reads such files."""

import gzip
import io
import json
from typing import Any

import pytest

from ingestion_pipeline.foundation.intake.run import Run
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.domains.book_sales.builders import Dated, workbook
from ingestion_pipeline_tests.foundation.intake.running import TARGETS, understood

KOBO = """
source: kobo
read: {format: [xlsx, csv], sheet: Details, header: {find: [Date, Title]}}
dates: ["%d/%m/%Y"]
numbers: {decimal: ","}
emit:
  sales_events:
    key: [Date, Title]
    fields:
      event_type: {is: sale}
      occurred_at: Date
      title: Title
      quantity: Qty
      amount: Net Due
"""
LEANPUB = """
source: leanpub
read: {format: [json, ndjson], records: data.purchases}
emit:
  sales_events:
    fields:
      external_id: {text: "{purchase_uuid}:{author.username}"}
      event_type: {is: sale}
      occurred_at: created_at
      quantity: {is: 1}
      amount: author_royalties
"""
PURCHASE = {
    "purchase_uuid": "p1", "author": {"username": "ada"}, "created_at": "2026-01-02T03:04:05Z",
    "author_royalties": "3.4", "coupons": ["A", "B"], "note": None,
}  # fmt: skip


def rows_of(mapping: str, content: bytes) -> tuple[Run, list[dict[str, Any]], list[str]]:
    run = Run(understood(mapping), io.BytesIO(content), file_name="file", tenant="acme")
    rows: list[dict[str, Any]] = []
    rules: list[str] = []
    for part in run.parts():
        rows += [dict(zip(made.names, row, strict=True)) for made in part.made for row in made.rows]
        rules += [str(reason) for rejected in part.rejected for reason in rejected.reasons]
    return run, rows, rules


def test_dates_and_numbers_of_a_workbook_are_as_the_mapping_writes_them() -> None:
    sheet = [
        ["Kobo", "", "", ""],
        ["Date", " Title ", "Qty", "Net Due"],
        [Dated(46146), "First", 1, 2.65],
        ["05/05/2026", "Second", "2", "1,5"],
    ]
    run, rows, rules = rows_of(KOBO, workbook({"Summary": [["x"]], "Details": sheet}))
    assert rules == []
    assert [(each["occurred_at"], each["amount"]) for each in rows] == [
        ("2026-05-04T00:00:00Z", "2.6500"), ("2026-05-05T00:00:00Z", "1.5000"),
    ]  # fmt: skip
    assert (run.counts.preamble, run.counts.used) == (2, 2)


def test_a_sheet_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(WrongFileError, match=r"no sheet 'Details' .*; it has 'Sales'"):
        rows_of(KOBO, workbook({"Sales": [["Date", "Title"]]}))


def test_a_workbook_is_not_read_as_text() -> None:
    with pytest.raises(WrongFileError, match=r"is a workbook, and mapping\.yaml reads csv"):
        rows_of(KOBO.replace("[xlsx, csv]", "csv"), workbook({"Details": [["Date"]]}))


@pytest.mark.parametrize("packed", [False, True])
def test_objects_of_an_array_and_of_lines_are_rows_by_the_ways_of_their_values(
    *, packed: bool
) -> None:
    other = PURCHASE | {"purchase_uuid": "p2", "author_royalties": 1234567.0001}
    array = json.dumps({"data": {"purchases": [PURCHASE, other]}}).encode()
    content = gzip.compress(array, mtime=0) if packed else array
    _, rows, _ = rows_of(LEANPUB.replace("[json, ndjson]", "json"), content)
    lines = f"{json.dumps(PURCHASE)}\n\n{json.dumps(other)}\n".encode()
    run, same, _ = rows_of(LEANPUB, lines)
    assert rows == same
    assert [each["external_id"] for each in rows] == ["p1:ada", "p2:ada"]
    assert [each["amount"] for each in rows] == ["3.4000", "1234567.0001"]
    assert (run.counts.blank, run.counts.lines) == (1, 3)


def test_numbers_of_json_stay_what_they_are() -> None:
    line = json.dumps(PURCHASE).replace('"3.4"', "1234567890.12000000000000001")
    _, _, rules = rows_of(LEANPUB, line.encode())
    assert rules == [
        "line 1: amount (column 'author_royalties') has more than 4 decimals "
        "(say round: 4 to allow it) "
        "[1234567890.12000000000000001]"
    ]


def test_a_line_that_is_no_object_costs_itself() -> None:
    good = json.dumps(PURCHASE)
    lines = f'{good}\n{{"a": 1, "a": 2}}\n[1]\n{{"purchase_uuid": NaN}}\n{good[:-1]}\n'
    run, rows, rules = rows_of(LEANPUB, lines.encode())
    assert len(rows) == 1
    assert [rule.partition(":")[0] for rule in rules] == ["line 2", "line 3", "line 4", "line 5"]
    assert "'a' is there twice" in rules[0]
    assert (run.counts.used, run.counts.rejected) == (1, 4)


def test_a_key_that_no_object_has_fails_the_file() -> None:
    line = json.dumps({name: value for name, value in PURCHASE.items() if name != "created_at"})
    with pytest.raises(MappingError, match="names the column 'created_at', which file has not"):
        rows_of(LEANPUB, line.encode())


def test_an_array_elsewhere_is_named() -> None:
    with pytest.raises(WrongFileError, match=r"has no 'data\.purchases' \(read\.records\)"):
        rows_of(LEANPUB.replace("[json, ndjson]", "json"), b'{"data": {"sales": []}}')


def test_what_targets_there_are() -> None:
    assert sorted(TARGETS) == ["customers", "order_items", "orders", "products", "sales_events"]
