"""Items of an order that one file tells as a set (`replace: order_id`): these, and no others."""

from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.commerce.mapped import SINK
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.mapping.faults import MappingError
from ingestion_pipeline_tests.domains.commerce import builders
from ingestion_pipeline_tests.domains.commerce.builders import assert_sound, finals, staged_rows
from ingestion_pipeline_tests.domains.commerce.mapping_files import (
    Came,
    came,
    land,
    load,
    understood,
)
from ingestion_pipeline_tests.domains.commerce.test_mapped import (
    HEADER,
    SHOP,
    first,
    line_totals,
    more,
)

FURTHER = SHOP.replace("    replace: order_id\n", "")
A_AND_B = HEADER + first("7", "A", "10.00", total="30.00") + more("7", "B", "20.00")
ONLY_A = HEADER + first("7", "A", "10.00", total="10.00")


def settle(engine: sa.Engine, file: Came) -> dict[str, dict[str, int]]:
    """Land and merge a file that has come."""
    land(engine, file)
    return SINK.settle(engine, file.delivery).by_target


def amounts(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def test_a_line_that_an_edit_took_away_goes(engine: sa.Engine) -> None:  # pitfall 25
    load(engine, SHOP, A_AND_B)
    load(engine, SHOP, ONLY_A)
    assert line_totals(engine) == amounts("10.00")
    taken = load(engine, SHOP, ONLY_A).by_target["order_items"]
    assert taken == {"inserted": 0, "updated": 0, "unchanged": 1, "superseded": 0, "waiting": 0}
    assert_sound(engine)


def test_one_of_three_equal_lines_with_another_price_is_three_lines(engine: sa.Engine) -> None:
    equal = first("7", "A", "25.00", total="75.00") + 2 * more("7", "A", "25.00")
    load(engine, SHOP, HEADER + equal)  # pitfall 26
    edited = first("7", "A", "25.00", total="70.00") + more("7", "A", "25.00")
    load(engine, SHOP, HEADER + edited + more("7", "A", "20.00"))
    assert line_totals(engine) == amounts("20.00", "25.00", "25.00")
    assert_sound(engine)


def test_an_order_without_lines_has_none_left(engine: sa.Engine) -> None:
    filled = SHOP.replace("replace: order_id", "replace: order_id\n    where: {Note: blank}")
    load(engine, filled, A_AND_B)
    load(engine, filled, HEADER + first("7", "A", "10.00", total="0.00", note="no line"))
    assert line_totals(engine) == []
    assert [row["total_amount"] for row in finals(engine)["orders"].values()] == [0]
    load(engine, filled, A_AND_B)
    assert line_totals(engine) == amounts("10.00", "20.00")


def test_a_line_that_was_away_comes_back(engine: sa.Engine) -> None:
    for file in (A_AND_B, ONLY_A, A_AND_B):
        load(engine, SHOP, file)
    assert line_totals(engine) == amounts("10.00", "20.00")
    assert_sound(engine)


def test_an_order_that_is_refused_loses_no_line(engine: sa.Engine) -> None:
    load(engine, SHOP, A_AND_B)
    refused = HEADER + first("7", "A", "x", total="10.00")
    load(engine, SHOP, refused + first("8", "A", "1.00", total="1.00"))
    assert line_totals(engine) == amounts("1.00", "10.00", "20.00")
    too_long = "\x01" * 200_000  # which only commerce refuses
    taken = load(engine, SHOP, HEADER + first("7", "A", "10.00", total="10.00", note=too_long))
    assert len(taken.rejected) == 2
    assert line_totals(engine) == amounts("1.00", "10.00", "20.00")
    assert_sound(engine)


def test_an_older_file_that_is_loaded_later_brings_no_line_back(engine: sa.Engine) -> None:
    older, newer = came(engine, SHOP, A_AND_B), came(engine, SHOP, ONLY_A)
    settle(engine, newer)
    taken = settle(engine, older)
    assert taken["order_items"]["superseded"] == 2
    assert line_totals(engine) == amounts("10.00")
    assert [row["total_amount"] for row in finals(engine)["orders"].values()] == [10]
    assert_sound(engine)


def test_two_files_that_landed_before_either_was_merged_come_to_the_later_ones(
    engine: sa.Engine,
) -> None:
    older, newer = came(engine, SHOP, A_AND_B), came(engine, SHOP, ONLY_A)
    land(engine, newer)
    land(engine, older)
    SINK.settle(engine, older.delivery)
    assert line_totals(engine) == amounts("10.00")
    assert [row["total_amount"] for row in finals(engine)["orders"].values()] == [10]
    assert_sound(engine)
    assert staged_rows(engine) == 0


def test_lines_that_wait_go_with_the_edit_that_took_them_away(
    engine: sa.Engine, tmp_path: Path
) -> None:
    waiting = FURTHER[: FURTHER.index("  customers:")] + FURTHER[FURTHER.index("  orders:") :]
    waiting = waiting.replace("  order_items:\n", "  order_items:\n    replace: order_id\n")
    load(engine, waiting, A_AND_B)
    load(engine, waiting, ONLY_A)
    assert line_totals(engine) == []
    assert staged_rows(engine) == 2  # the order, and the line that is left
    assert_sound(engine)
    load(engine, SHOP, HEADER + first("8", "B", "1.00", total="1.00"))
    assert_sound(engine)
    load(engine, SHOP, ONLY_A)
    assert line_totals(engine) == amounts("1.00", "10.00")
    assert staged_rows(engine) == 0
    assert_sound(engine)


def test_lines_of_other_sources_orders_and_tenants_stay(engine: sa.Engine, tmp_path: Path) -> None:
    other = SHOP.replace("source: shop", "source: other")
    load(engine, SHOP, A_AND_B)
    load(engine, other, A_AND_B)
    load(engine, SHOP, A_AND_B, tenant="second")
    load(engine, SHOP, HEADER + first("9", "A", "4.00", total="4.00"))
    [order] = [
        row for row in finals(engine, "acme")["orders"].values() if row["external_order_id"] == "#9"
    ]
    [line] = [
        row for row in finals(engine, "acme")["order_items"].values()
        if row["order_id"] == order["order_id"]
    ]  # fmt: skip
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
    path = tmp_path / "order_items_1.ndjson"
    native = builders.order_item(1, 1, 1, line_total="3.00") | {
        "order_id": str(order["order_id"]), "product_id": str(line["product_id"]),
    }  # fmt: skip
    path.write_bytes(builders.line(native) + b"\n")
    builders.merge_file(engine, builders.stage_file(engine, tenant_id, path))
    load(engine, SHOP, HEADER + first("9", "B", "5.00", total="5.00"))
    load(engine, SHOP, ONLY_A)
    assert len(finals(engine, "second")["order_items"]) == 2
    totals = sorted(
        str(row["line_total"]) for row in finals(engine, "acme")["order_items"].values()
    )
    assert totals == ["10.00", "10.00", "20.00", "3.00", "5.00"]
    assert_sound(engine)


def test_what_a_mapping_told_before_it_said_replace_goes_too(engine: sa.Engine) -> None:
    load(engine, FURTHER, A_AND_B)
    load(engine, FURTHER, ONLY_A)
    assert line_totals(engine) == amounts("10.00", "20.00")
    load(engine, SHOP, ONLY_A)
    assert line_totals(engine) == amounts("10.00")


def test_two_labels_of_lines_are_one_set(engine: sa.Engine) -> None:
    both = (
        SHOP
        + """
  order_items/postage:
    each: group
    replace: order_id
    fields:
      order_item_id: {id: [postage, Id]}
      order_id:      {id: [order, Id]}
      product_id:    {id: [product, Lineitem sku]}
      quantity:      {is: "1"}
      unit_price:    {is: "2.00"}
      line_total:    {is: "2.00"}
"""
    )
    load(engine, both, A_AND_B)
    assert line_totals(engine) == amounts("2.00", "10.00", "20.00")
    taken = load(engine, both, A_AND_B).by_target["order_items"]
    assert taken["unchanged"] == 3
    load(engine, both, ONLY_A)
    assert line_totals(engine) == amounts("2.00", "10.00")
    assert_sound(engine)


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("replace: order_id", "replace: product_id", "allowed are order_id"),
        ("replace: order_id", "replace: order_id\n    only_new: true", "can't stand beside"),
        ("only_new: true\n    fields:\n      product", "replace: sku\n    fields:\n      product",
         "products"),
    ],
)  # fmt: skip
def test_what_replace_cannot_say_is_a_fault_with_its_place(
    before: str, after: str, rule: str
) -> None:
    with pytest.raises(MappingError, match=rule):
        understood(SHOP.replace(before, after))


def test_one_of_two_kinds_of_lines_cannot_be_the_set_alone() -> None:
    with pytest.raises(MappingError, match="as the other order_items do"):
        understood(
            SHOP
            + """
  order_items/more:
    fields:
      order_item_id: {id: [more, Id]}
      order_id:      {id: [order, Id]}
      product_id:    {id: [product, Lineitem sku]}
      quantity:      {is: "1"}
      unit_price:    {is: "2.00"}
      line_total:    {is: "2.00"}
"""
        )


_numbers = count(1)
SKUS = st.lists(st.sampled_from("ABC"), min_size=1, max_size=4)
FILES = st.lists(st.dictionaries(st.sampled_from("78"), SKUS, min_size=1), min_size=1, max_size=4)


def _file(orders: dict[str, list[str]]) -> str:
    text = HEADER
    for name, (sku, *rest) in sorted(orders.items()):
        text += first(name, sku, "1.00", total=f"{min(2, 1 + len(rest))}.00")
        text += "".join(more(name, each, "1.00") for each in rest)
    return text


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=FILES, data=st.data())
def test_in_whatever_order_files_are_loaded_the_latest_file_of_an_order_says_its_lines(
    engine: sa.Engine, files: list[dict[str, list[str]]], data: st.DataObject
) -> None:
    tenant = f"t{next(_numbers)}"  # of this example
    arrived = [came(engine, SHOP, _file(each), tenant=tenant) for each in files]
    for number in data.draw(st.permutations(range(len(files)))):
        land(engine, arrived[number])
        if data.draw(st.booleans()):
            SINK.settle(engine, arrived[number].delivery)
    SINK.settle(engine, arrived[0].delivery)
    latest = {name: skus for each in files for name, skus in each.items()}
    rows = finals(engine, tenant)
    names = {row["order_id"]: row["external_order_id"] for row in rows["orders"].values()}
    skus = {row["product_id"]: row["sku"] for row in rows["products"].values()}
    lines: dict[str, list[str]] = {}
    for row in rows["order_items"].values():
        lines.setdefault(names[row["order_id"]].removeprefix("#"), []).append(
            skus[row["product_id"]]
        )
    assert {name: sorted(each) for name, each in lines.items()} == {
        name: sorted(each) for name, each in latest.items()
    }
    totals = {row["external_order_id"]: row["total_amount"] for row in rows["orders"].values()}
    assert totals == {f"#{name}": min(2, len(each)) for name, each in latest.items()}
    assert_sound(engine)
