"""Which two purchases are one gift."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.book_sales.sources.gumroad.gifts import pairs
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import (
    Telling,
    read_ping,
    read_sale,
)
from ingestion_pipeline_tests.domains.book_sales.builders import gumroad_ping, gumroad_sale

BOUGHT = datetime(2026, 1, 5, 19, 0, tzinfo=UTC)


def giver(name: str, seconds: int = 0, **values: object) -> dict[str, list[Telling]]:
    at = (BOUGHT + timedelta(seconds=seconds)).isoformat()
    said = gumroad_sale(id=name, created_at=at, is_gift_sender_purchase=True, **values)
    return {name: [read_sale(said, told_at=BOUGHT)]}


def receiver(name: str, seconds: int = 0, **values: str) -> dict[str, list[Telling]]:
    at = (BOUGHT + timedelta(seconds=seconds)).isoformat()
    fields = {"is_gift_receiver_purchase": "true", "price": "0", "gift_price": "1000", **values}
    said = gumroad_ping(sale_id=name, sale_timestamp=at, **fields)
    return {name: [read_ping(said, told_at=BOUGHT)]}


def test_halves_of_one_order_are_a_pair() -> None:
    assert pairs(giver("g") | receiver("r", 2)) == {"r": "g"}
    assert pairs(receiver("r", 2)) == {}


def test_another_price_product_number_or_time_is_another_gift() -> None:
    assert pairs(giver("g", price=900) | receiver("r")) == {}
    assert pairs(giver("g", product_name="Another") | receiver("r")) == {}
    assert pairs(giver("g", quantity=2) | receiver("r")) == {}
    assert pairs(giver("g", 3700) | receiver("r")) == {}


def test_a_product_that_was_renamed_is_known_by_its_id() -> None:
    named = giver("g", product_name="New name", product_id="P") | receiver("r", product_id="P")
    assert pairs(named) == {"r": "g"}
    assert pairs(giver("g", product_id="Q") | receiver("r", product_id="P")) == {}


def test_the_nearest_are_a_pair_and_nobody_is_in_two() -> None:
    two = giver("g1") | giver("g2", 60) | receiver("r1", 1) | receiver("r2", 61)
    assert pairs(two) == {"r1": "g1", "r2": "g2"}
    assert pairs(giver("g1") | receiver("r1", 1) | receiver("r2", 2)) == {"r1": "g1"}


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_the_order_of_arrival_changes_no_pair(order: list[int]) -> None:
    halves = [
        giver("g1"), giver("g2", 30), giver("g3", 3000),
        receiver("r1", 1), receiver("r2", 31), receiver("r3", 2999),
    ]  # fmt: skip
    told: dict[str, list[Telling]] = {}
    for at in order:
        told |= halves[at]
    assert pairs(told) == {"r1": "g1", "r2": "g2", "r3": "g3"}
