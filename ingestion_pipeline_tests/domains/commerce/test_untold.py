"""Amounts that a source does not tell: Olist's orders were loaded with a total of 0.00."""

import json

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce import offenders
from ingestion_pipeline.domains.commerce.contract.entities import ORDERS
from ingestion_pipeline.domains.commerce.land.rows import RowParser
from ingestion_pipeline.orchestration.checks import offenders_result
from ingestion_pipeline_tests.domains.commerce.builders import (
    GOOD,
    assert_sound,
    finals,
    line,
    order,
)
from ingestion_pipeline_tests.domains.commerce.mapping_files import load, understood
from ingestion_pipeline_tests.foundation.intake.running import came_of

ORDERS_ONLY = """
source: sums
emit:
  customers:
    only_new: true
    fields:
      customer_id: {{id: [customer, Id]}}
      name: {{is: ""}}
      email: {{is: ""}}
  products:
    only_new: true
    fields:
      product_id: {{id: [product, Id]}}
      sku: Id
      name: Id
      price: {price}
      active: {{is: "true"}}
  orders:
    fields:
      order_id: {{id: [order, Id]}}
      external_order_id: Id
      customer_id: {{id: [customer, Id]}}
      customer_name_snapshot: {{is: ""}}
      customer_email_snapshot: {{is: ""}}
      total_amount: {total}
      currency: {{is: EUR}}
      order_status: {{is: paid}}
      order_date: {{is: "2026-01-13"}}
      created_at: {{is: "2026-01-13"}}
  order_items:
    fields:
      order_item_id: {{id: [line, Id]}}
      order_id: {{id: [order, Id]}}
      product_id: {{id: [product, Id]}}
      quantity: {{is: "1"}}
      unit_price: Price
      line_total: Price
"""
FILE = "Id,Total,Price\nA,12.00,12.00\nB,,5.00\nC,0.00,7.00\n"
UNTOLD = '{is: ""}'


def mapping(total: str, price: str = "Price") -> str:
    return ORDERS_ONLY.format(total=total, price=price)


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        (UNTOLD, {"A": None, "B": None, "C": None}),
        ('[Total, {is: ""}]', {"A": "12.00", "B": None, "C": "0.00"}),
        ('{when: {Total: filled}, of: Total, else: {is: ""}}',
         {"A": "12.00", "B": None, "C": "0.00"}),
    ],
)  # fmt: skip
def test_a_total_is_not_told_where_the_mapping_says_so(
    total: str, expected: dict[str, str | None]
) -> None:
    orders = came_of(mapping(total), FILE).of("orders")
    assert {each["external_order_id"]: each["total_amount"] for each in orders} == expected


@pytest.mark.parametrize("total", ["Total", '{of: Total, match: "(.*)"}', "{of: [Total, Total]}"])
def test_a_blank_cell_is_no_way_of_saying_that_a_total_is_not_told(total: str) -> None:
    assert "3: total_amount must not be missing" in came_of(mapping(total), FILE).rules


def test_a_total_that_the_mapping_does_not_mention_is_forgotten_not_untold() -> None:
    with pytest.raises(Exception, match="lacks total_amount"):
        understood(mapping(UNTOLD).replace(f"      total_amount: {UNTOLD}\n", ""))


@pytest.mark.parametrize("field", ["quantity", "unit_price", "line_total", "currency"])
def test_nothing_else_of_a_record_may_be_untold(field: str) -> None:
    said = mapping(UNTOLD).splitlines()
    changed = [f"      {field}: {UNTOLD}" if f" {field}:" in each else each for each in said]
    assert f"2: {field} must not be missing" in came_of("\n".join(changed), FILE).rules


@pytest.mark.parametrize("told", [{"total_amount": None}, {}])
def test_files_of_our_own_format_have_to_tell_it(told: dict[str, None]) -> None:
    row = {name: value for name, value in order(1, 1).items() if name != "total_amount"} | told
    [refused] = RowParser(ORDERS, 1, 1).parse([json.dumps(row).encode()], 1).rejections
    assert [each["field"] for each in refused.reasons] == ["total_amount"]
    assert RowParser(ORDERS.of_mappings, 1, 1).parse([json.dumps(row).encode()], 1).rows
    assert RowParser(ORDERS.of_mappings, 1, 1).parse([line(GOOD["orders"])], 1).rows


def test_what_is_not_told_is_loaded_as_that_left_out_of_the_totals_and_counted(
    engine: sa.Engine,
) -> None:
    text = mapping('[Total, {is: ""}]', UNTOLD)
    load(engine, text, FILE)
    orders = finals(engine)["orders"].values()
    told = {row["external_order_id"]: row["total_amount"] for row in orders}
    assert told == {"A": 12, "B": None, "C": 0}
    assert {row["price"] for row in finals(engine)["products"].values()} == {None}
    query = offenders.totals_that_differ
    found = offenders_result(
        engine, query(), left_out={name: each() for name, each in query.left_out.items()}
    )
    assert found.metadata["offenders"].value == 1  # C says 0.00, and its item 7.00
    assert found.metadata["totals_not_told"].value == 1
    assert load(engine, text, FILE).by_target["orders"]["unchanged"] == 3
    assert_sound(engine)
    load(engine, mapping("[Total, {is: '3'}]", UNTOLD), FILE)
    assert {row["total_amount"] for row in finals(engine)["orders"].values()} == {12, 3, 0}
    load(engine, text, FILE)  # the later file wins: what was told is of another file
    told = {row["external_order_id"]: row["total_amount"]
            for row in finals(engine)["orders"].values()}  # fmt: skip
    assert told["B"] is None
