"""What a sale comes to, from all that is known of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.book_sales.sources.gumroad.books import events_of
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import (
    Telling,
    read_ping,
    read_sale,
)
from ingestion_pipeline_tests.domains.book_sales.builders import gumroad_ping, gumroad_sale

FIRST = datetime(2026, 1, 6, tzinfo=UTC)


def sale(hour: int = 0, /, **values: object) -> Telling:
    return read_sale(gumroad_sale(**values), told_at=FIRST + timedelta(hours=hour))


def ping(hour: int = 0, /, **values: str) -> Telling:
    return read_ping(gumroad_ping(**values), told_at=FIRST + timedelta(hours=hour))


def books(*tellings: Telling, **more: Any) -> list[tuple[str, int, Decimal | None, bool]]:
    events = events_of(tellings, **more)
    assert {event.currency for event in events} <= {"USD"}
    return [(each.event_type, each.quantity, each.amount, each.provisional) for each in events]


SOLD = ("sale", 1, Decimal("9.40"), False)
LOST = ("refund", -1, Decimal("-9.40"), False)


def test_a_sale_is_worth_its_price_without_the_fee_and_the_affiliates_share() -> None:
    assert books(sale()) == [SOLD]
    assert books(sale(affiliate={"amount": "$2.50"})) == [("sale", 1, Decimal("6.90"), False)]
    assert books(ping(affiliate_credit_amount_cents="250")) == [("sale", 1, Decimal("6.90"), False)]


def test_the_list_price_is_of_one_copy() -> None:
    [event] = events_of([sale(price=2997, gumroad_fee=350, quantity=3)])
    assert (event.quantity, event.list_price, event.amount) == (
        3, Decimal("9.99"), Decimal("26.47"),
    )  # fmt: skip
    [uneven] = events_of([sale(quantity=3)])
    assert uneven.list_price == Decimal("3.3333")


def test_a_partial_refund_of_a_ping_has_no_amount_until_the_api_says_it() -> None:
    partial = ping(1, resource_name="refund")
    assert books(ping(), partial) == [SOLD, ("refund", 0, None, True)]
    api = {"partially_refunded": True, "amount_refundable_in_currency": "8"}
    said = ("refund", 0, Decimal("-2.00"), False)
    assert books(ping(), partial, sale(2, **api)) == [SOLD, said]
    # The API was asked before that Ping: there may have been another refund since.
    assert books(ping(), partial, sale(0, **api)) == [SOLD, (*said[:3], True)]
    # It was asked, and knows of no refund yet: the Ping is not forgotten.
    assert books(ping(), partial, sale(2)) == [SOLD, ("refund", 0, None, True)]


def test_a_full_refund_behind_partial_ones_is_what_was_earned_and_no_more() -> None:
    partial, full = ping(1, resource_name="refund"), ping(3, refunded="true")
    again = ping(2, resource_name="refund")
    assert books(ping(), partial, again, full) == [SOLD, LOST]
    assert books(sale(0, partially_refunded=True), full) == [SOLD, LOST]


def test_a_dispute_loses_the_sale_until_it_is_won() -> None:
    disputed = ping(1, resource_name="dispute", disputed="true")
    won = ping(2, resource_name="dispute_won", disputed="true", dispute_won="true")
    assert books(ping(), disputed) == [SOLD, LOST]
    assert books(ping(), disputed, won) == [SOLD]
    assert books(sale(chargedback=True)) == [SOLD, LOST]
    assert books(disputed, sale(3, disputed=True, dispute_won=True)) == [SOLD]
    refunded = ping(3, resource_name="refund", refunded="true")
    assert books(ping(), disputed, won, refunded) == [SOLD, LOST]
    assert books(ping(), disputed, refunded) == [SOLD, LOST]
    partly = ping(3, resource_name="refund")
    assert books(ping(), disputed, won, partly) == [SOLD, ("refund", 0, None, True)]


def test_a_refund_that_comes_before_its_sale_stands() -> None:
    assert books(ping(0, resource_name="refund", refunded="true"), ping(1)) == [SOLD, LOST]


def test_an_older_record_of_the_api_takes_no_refund_back() -> None:
    assert books(sale(0), ping(1, resource_name="refund", refunded="true")) == [SOLD, LOST]
    assert books(sale(2), ping(1, resource_name="refund", refunded="true")) == [SOLD, LOST]


def test_tests_preorders_and_parts_of_bundles_are_nothing() -> None:
    assert books(ping(test="true")) == []
    assert books(ping(is_preorder_authorization="true")) == []
    assert books(sale(is_bundle_product_purchase=True, price=0)) == []


def test_a_preorder_that_is_charged_is_a_sale() -> None:
    assert books(ping(is_preorder_authorization="true"), ping(1)) == [SOLD]
    assert books(ping(is_preorder_authorization="true"), sale(1)) == [SOLD]


def test_a_part_of_a_bundle_is_nothing_once_the_api_says_that_it_is_one() -> None:
    part = ping(price="0", gumroad_fee="0")  # a Ping has no word for it
    assert books(part) == [("free", 1, Decimal(0), False)]
    assert books(part, sale(1, price=0, is_bundle_product_purchase=True)) == []


def test_a_test_ping_that_repeats_a_genuine_sale_changes_nothing() -> None:
    assert books(ping(), ping(1, test="true", refunded="true")) == [SOLD]


def test_a_free_trial_is_free_also_where_a_ping_told_its_price() -> None:
    free = ("free", 1, Decimal(0), False)
    first = ping(0, subscription_id="s")
    assert books(first) == [("sale", 1, Decimal("9.40"), True)]
    trial = {"subscription_id": "s", "free_trial_ends_on": "Feb 1, 2026", "recurring_charge": False}
    assert books(first, sale(1, **trial)) == [free]
    assert books(first, sale(1, subscription_id="s", recurring_charge=False)) == [SOLD]


def test_a_free_copy_costs_no_fee_and_has_no_refund() -> None:
    assert books(sale(price=0, gumroad_fee=60, refunded=True)) == [("free", 1, Decimal(0), False)]


def test_a_fee_that_nobody_told_is_missing_not_zero() -> None:
    assert books(sale(gumroad_fee=None)) == [("sale", 1, Decimal("10.00"), True)]
    assert books(sale(gumroad_fee=None), ping()) == [SOLD]


def test_a_gift_is_one_paid_copy_whichever_half_is_told() -> None:
    receiver = ping(is_gift_receiver_purchase="true", price="0", gift_price="1000")
    assert books(receiver) == [SOLD]
    assert books(receiver, given=True) == []
    giver = sale(is_gift_sender_purchase=True)
    refunded = ping(1, is_gift_receiver_purchase="true", price="0", refunded="true")
    assert books(giver, of_receiver=[receiver]) == [SOLD]
    assert books(giver, of_receiver=[refunded]) == [SOLD, LOST]
    # The fee that a receiver's Ping tells is the receiver's: none.
    without_fee = ping(
        is_gift_receiver_purchase="true", price="0", gift_price="1000", gumroad_fee="0"
    )
    assert books(without_fee) == [("sale", 1, Decimal("10.00"), True)]
    assert books(sale(is_gift_receiver_purchase=True, price=0)) == [("sale", 1, None, True)]


TELLINGS = [
    ping(0),
    ping(1, resource_name="refund"),
    ping(4, resource_name="refund", refunded="true"),
    ping(2, resource_name="dispute", disputed="true"),
    ping(3, resource_name="dispute_won", disputed="true", dispute_won="true"),
    ping(5, test="true"),
    ping(6, subscription_id="s"),
    sale(0),
    sale(2, partially_refunded=True, amount_refundable_in_currency="8"),
    sale(3, chargedback=True),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(TELLINGS), min_size=1, max_size=6), st.randoms())
def test_the_order_of_arrival_changes_nothing_and_neither_does_hearing_it_twice(
    told: Sequence[Telling], random: Any
) -> None:
    shuffled = [*told, *told[:2]]
    random.shuffle(shuffled)
    assert books(*shuffled) == books(*told)


@settings(deadline=None)
@given(
    st.integers(1, 10**8), st.floats(0, 0.5), st.floats(0, 0.4), st.integers(1, 1000), st.booleans()
)
def test_what_is_refunded_in_full_comes_to_nothing(
    price: int, fee: float, share: float, quantity: int, disputed: bool
) -> None:
    cents = int(price * share)
    told = sale(
        price=price, gumroad_fee=int(price * fee), quantity=quantity, refunded=not disputed,
        chargedback=disputed, affiliate={"amount": f"${cents // 100:,}.{cents % 100:02}"},
    )  # fmt: skip
    sold, lost = events_of([told])
    assert sold.amount is not None
    assert lost.amount == -sold.amount
    assert lost.quantity == -quantity
    assert sold.amount == Decimal(price - int(price * fee) - cents) / 100
    of_one = Decimal(price) / 100 / quantity
    assert sold.list_price == of_one.quantize(Decimal("0.0001"), ROUND_HALF_UP)


@pytest.mark.parametrize("resource", ["sale", "refund", "dispute"])
def test_a_sale_known_by_its_refund_only_is_still_a_sale(resource: str) -> None:
    assert books(ping(resource_name=resource))[0] == SOLD
