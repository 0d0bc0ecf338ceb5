"""Rows made on the side (`only_new`): inserted where they are missing, and never more than that."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import CUSTOMERS, ORDERS, PRODUCTS
from ingestion_pipeline.domains.commerce.mapped import SINK
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline_tests.domains.commerce import builders
from ingestion_pipeline_tests.domains.commerce.builders import assert_sound, finals, stage_file
from ingestion_pipeline_tests.domains.commerce.mapping_files import came, land, load

ITEMS = """
source: shop
mapping: sold
emit:
  products:
    only_new: true
    fields:
      product_id: {id: [product, Sku]}
      sku: Sku
      name: Name
      price: Price
      active: {is: "true"}
      created_at: Sold
"""
CATALOGUE = """
source: shop
mapping: catalogue
emit:
  products:
    fields:
      product_id: {id: [product, Sku]}
      sku: Sku
      name: Name
      price: Price
      active: {is: "false"}
"""
SOLD = "Sku,Name,Price,Sold\n"
FULL = "Sku,Name,Price\n"


def products(engine: sa.Engine) -> dict[str, tuple[Any, ...]]:
    """What is known of each product, by SKU."""
    return {
        row["sku"]: (row["name"], str(row["price"]), row["active"], row["created_at"])
        for row in finals(engine)["products"].values()
    }


@pytest.mark.parametrize("catalogue_first", [True, False])
def test_a_product_that_only_an_order_names_never_overwrites_the_catalogues(
    engine: sa.Engine, catalogue_first: bool
) -> None:
    files = [(CATALOGUE, FULL + "A,Whole name,9.00\n"), (ITEMS, SOLD + "A,A,8.00,2026-05-01\n")]
    for mapping, file in files if catalogue_first else reversed(files):
        load(engine, mapping, file)
    # also what a catalogue does not tell is the same in either order: nobody knows it
    assert products(engine) == {"A": ("Whole name", "9.00", False, None)}
    for mapping, file in files:
        assert load(engine, mapping, file).by_target["products"]["unchanged"] == 1
    assert products(engine) == {"A": ("Whole name", "9.00", False, None)}
    assert_sound(engine)


def test_files_whose_side_rows_differ_end_in_unchanged_in_any_order(engine: sa.Engine) -> None:
    files = [SOLD + f"Tip,Tip,{price},2026-05-01\n" for price in ("2.50", "2.25", "3.00")]
    load(engine, ITEMS, files[0])
    for order in permutations(files):
        for file in order:
            assert load(engine, ITEMS, file).by_target["products"] == {
                "inserted": 0, "updated": 0, "unchanged": 1, "superseded": 0, "waiting": 0
            }  # fmt: skip
    assert products(engine)["Tip"][1] == "2.50"


def test_of_several_side_rows_in_a_file_the_first_is_inserted(engine: sa.Engine) -> None:
    file = SOLD + "A,first,1.00,2026-05-01\nB,B,1.00,2026-05-01\nA,second,2.00,2026-05-02\n"
    taken = load(engine, ITEMS, file).by_target["products"]
    assert (taken["inserted"], taken["unchanged"]) == (2, 1)
    assert products(engine)["A"][:2] == ("first", "1.00")
    assert load(engine, ITEMS, file).by_target["products"]["unchanged"] == 3
    assert_sound(engine)


def test_a_row_in_full_that_came_earlier_and_is_loaded_later_overwrites_a_side_row(
    engine: sa.Engine,
) -> None:
    catalogue = came(engine, CATALOGUE, FULL + "A,Whole name,9.00\n")
    load(engine, ITEMS, SOLD + "A,A,8.00,2026-05-01\n")
    land(engine, catalogue)
    assert SINK.settle(engine, catalogue.delivery).by_target["products"]["updated"] == 1
    assert products(engine)["A"] == ("Whole name", "9.00", False, None)


def test_a_row_in_full_that_says_the_same_is_in_full_from_then_on(engine: sa.Engine) -> None:
    same = CATALOGUE.replace('"false"', '"true"')
    oldest = came(engine, same, FULL + "A,Old,1.00\n")
    load(engine, ITEMS, SOLD + "A,A,8.00,\n")
    load(engine, same, FULL + "A,A,8.00\n")
    land(engine, oldest)
    taken = SINK.settle(engine, oldest.delivery).by_target["products"]
    assert taken["superseded"] == 1
    assert products(engine)["A"][:2] == ("A", "8.00")


def _native(engine: sa.Engine, tmp_path: Path, name: str, row: builders.Row) -> None:
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    path = tmp_path / f"{name}_1.ndjson"
    path.write_bytes(builders.line(row) + b"\n")
    stage_file(engine, tenant_id, path)


NATIVE_ORDERS = """
source: native
mapping: orders
emit:
  orders:
    only_new: true
    fields:
      order_id: Order
      external_order_id: Name
      customer_id: Customer
      customer_name_snapshot: Name
      customer_email_snapshot: Name
      total_amount: Total
      currency: {is: EUR}
      order_status: {is: side}
      order_date: {is: "2026-05-01"}
      created_at: {is: "2026-05-01"}
"""


def _side_order(total: str) -> str:
    order, customer = builders.number(3, 1), builders.number(1, 1)
    return f"Order,Name,Customer,Total\n{order},X1,{customer},{total}\n"


@pytest.mark.parametrize("side_first", [True, False])
def test_a_waiting_row_in_full_and_one_made_on_the_side_come_to_the_one_in_full(
    engine: sa.Engine, tmp_path: Path, side_first: bool
) -> None:
    if side_first:
        load(engine, NATIVE_ORDERS, _side_order("1.00"))
        _native(engine, tmp_path, "orders", builders.order(1, 1))
        merge_claimed(engine, ORDERS)
    else:
        _native(engine, tmp_path, "orders", builders.order(1, 1))
        merge_claimed(engine, ORDERS)
        assert (
            load(engine, NATIVE_ORDERS, _side_order("1.00")).by_target["orders"]["unchanged"] == 1
        )
    assert_sound(engine)
    _native(engine, tmp_path, "customers", builders.customer(1))
    merge_claimed(engine, CUSTOMERS)
    merge_claimed(engine, ORDERS)
    [order] = finals(engine)["orders"].values()
    assert (str(order["total_amount"]), order["order_status"]) == ("19.80", "paid")
    assert_sound(engine)
    assert builders.staged_rows(engine) == 0


def test_side_rows_wait_and_come_in_once(engine: sa.Engine, tmp_path: Path) -> None:
    assert load(engine, NATIVE_ORDERS, _side_order("1.00")).by_target["orders"]["waiting"] == 1
    again = load(engine, NATIVE_ORDERS, _side_order("2.00")).by_target["orders"]
    assert (again["waiting"], again["unchanged"]) == (0, 1)
    _native(engine, tmp_path, "customers", builders.customer(1))
    merge_claimed(engine, CUSTOMERS)
    merge_claimed(engine, ORDERS)
    [order] = finals(engine)["orders"].values()
    assert str(order["total_amount"]) == "1.00"
    assert_sound(engine)
    assert builders.staged_rows(engine) == 0


def test_native_files_of_a_tenant_with_side_rows_win_as_ever(
    engine: sa.Engine, tmp_path: Path
) -> None:
    load(engine, ITEMS, SOLD + "A,A,8.00,2026-05-01\n")
    _native(engine, tmp_path, "products", builders.product(1, price="1.00"))
    merge_claimed(engine, PRODUCTS)
    _native(engine, tmp_path, "products", builders.product(1, price="2.00", created_at=None))
    merge_claimed(engine, PRODUCTS)
    product = finals(engine)["products"][builders.number(2, 1)]
    assert str(product["price"]) == "2.00"
    assert product["created_at"] is not None  # kept: it was told in full
    assert_sound(engine)
