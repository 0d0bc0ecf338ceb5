"""What one Ping or one record of the API says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion_pipeline.domains.book_sales.contract.events import RowError
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import (
    BUNDLE_PART,
    PREORDER,
    RECEIVER,
    TEST,
    Telling,
    kept,
    merged,
    read_ping,
    read_sale,
)
from ingestion_pipeline_tests.domains.book_sales.builders import gumroad_ping, gumroad_sale

NOW = datetime(2026, 1, 6, tzinfo=UTC)


def sale(**values: object) -> Telling:
    return read_sale(gumroad_sale(**values), told_at=NOW)


def ping(**values: str) -> Telling:
    return read_ping(gumroad_ping(**values), told_at=NOW)


@pytest.mark.parametrize("symbol", ["$", "€", "SGD$", "ZAR", "Kč", "₩", "¥", "kr", "", None])
def test_an_amount_is_us_cents_whatever_the_products_currency(symbol: str | None) -> None:
    assert sale(currency_symbol=symbol).price == 1000
    assert ping(currency=symbol or "").price == 1000


def test_a_ping_and_the_api_say_the_same() -> None:
    def money(telling: Telling) -> tuple[Any, ...]:
        return (
            telling.sale_id, telling.sold_at, telling.title, telling.price, telling.fee,
            telling.affiliate, telling.quantity, telling.refunded, telling.disputed,
        )  # fmt: skip

    shared = {"affiliate_credit_amount_cents": "250"}
    assert money(ping(**shared)) == money(sale(affiliate={"email": "a@b.c", "amount": "$2.50"}))


@pytest.mark.parametrize(
    ("text", "cents"),
    [("$1.30", 130), ("$2", 200), ("$1,234.50", 123450), ("$0.50", 50), ("1.3", 130)],
)
def test_an_affiliates_share_is_us_dollars_also_where_the_product_is_shown_in_yen(
    text: str, cents: int
) -> None:
    told = sale(affiliate={"email": "a@example.org", "amount": text}, currency_symbol="¥")
    assert told.affiliate == cents


@pytest.mark.parametrize(
    ("values", "cents"),
    [
        ({"price": 1100, "amount_refundable_in_currency": "7.50", "currency_symbol": "€",
          "formatted_display_price": "€10"}, 275),
        # Two of three copies: `price` is of all of them.
        ({"price": 2997, "quantity": 3, "amount_refundable_in_currency": "9.99"}, 1998),
        ({"price": 650, "amount_refundable_in_currency": "750", "currency_symbol": "¥",
          "formatted_display_price": "¥1000"}, 163),
        ({"price": 100_000, "amount_refundable_in_currency": "1,000,000", "currency_symbol": "₩",
          "formatted_display_price": "₩1,400,000"}, 28571),
        # With shipping and tax a price is more than what is shown; the total has both.
        ({"price": 1650, "amount_refundable_in_currency": "7.50", "currency_symbol": "€",
          "formatted_display_price": "€10", "formatted_total_price": "€15"}, 825),
        ({"price": 1100, "amount_refundable_in_currency": "5", "currency_symbol": "€",
          "formatted_display_price": "€10 a month"}, 550),
        # Nothing says the price in the product's currency; it is not guessed.
        ({"amount_refundable_in_currency": "7.50", "currency_symbol": "€"}, None),
        ({"amount_refundable_in_currency": None}, None),
    ],
)  # fmt: skip
def test_a_partial_refund_is_a_share_of_the_price(
    values: dict[str, object], cents: int | None
) -> None:
    told = sale(partially_refunded=True, **values)
    assert (told.refunded, told.partly_refunded, told.refund) == (False, True, cents)


def test_a_refund_ping_that_is_not_refunded_is_a_partial_refund() -> None:
    partial = ping(resource_name="refund")
    full = ping(resource_name="refund", refunded="true")
    assert (partial.refunded, partial.partly_refunded, partial.refund) == (False, True, None)
    assert (full.refunded, full.partly_refunded) == (True, False)
    assert not ping().partly_refunded


@pytest.mark.parametrize(
    ("told", "disputed", "won"),
    [
        (ping(disputed="true", resource_name="dispute"), True, False),
        (ping(disputed="true"), True, False),
        (ping(disputed="true", dispute_won="true", resource_name="dispute_won"), True, True),
        (sale(chargedback=True), True, False),
        (sale(chargedback=True, disputed=True), True, False),
        (sale(chargedback=False, disputed=True, dispute_won=True), True, True),
        (sale(chargedback=False, disputed=True), True, False),
        (sale(), False, False),
    ],
)
def test_disputes_have_two_spellings(told: Telling, disputed: bool, won: bool) -> None:
    assert (told.disputed, told.dispute_won) == (disputed, won)


@pytest.mark.parametrize("yes", ["true", "True", "1", "yes", "TRUE"])
def test_booleans_of_forms(yes: str) -> None:
    assert ping(refunded=yes).refunded
    assert sale(refunded=yes).refunded


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (ping(test="true"), TEST),
        (ping(is_preorder_authorization="true"), PREORDER),
        (sale(is_preorder_authorization=False), None),
        (sale(is_bundle_product_purchase=True, price=0), BUNDLE_PART),
        (sale(is_bundle_purchase=True), None),
        (ping(), None),
    ],
)
def test_what_is_no_sale_says_why(told: Telling, reason: str | None) -> None:
    assert told.nothing_sold == reason


@pytest.mark.parametrize(
    ("values", "trial"),
    [
        ({"subscription_id": "s", "free_trial_ends_on": "Oct 8, 2026", "recurring_charge": False,
          "free_trial_ended": True}, True),
        ({"subscription_id": "s", "free_trial_ends_on": "Oct 8, 2026", "recurring_charge": True},
         False),
        ({"subscription_id": "s", "recurring_charge": False}, False),
    ],
)  # fmt: skip
def test_a_free_trial_is_the_first_purchase_and_its_charges_are_none(
    values: dict[str, object], trial: bool
) -> None:
    told = sale(**values)
    assert (told.trial, told.may_be_trial) == (trial, False)


def test_a_ping_of_a_subscriptions_first_purchase_may_be_of_a_free_trial() -> None:
    assert ping(subscription_id="s").may_be_trial
    assert not ping(subscription_id="s", is_recurring_charge="true").may_be_trial
    assert not ping().may_be_trial


def test_a_gifts_receiver_tells_what_the_giver_paid() -> None:
    told = ping(is_gift_receiver_purchase="true", price="0", gift_price="900")
    assert (told.gift, told.price) == (RECEIVER, 900)
    silent = sale(is_gift_receiver_purchase=True, price=0)
    assert (silent.gift, silent.price) == (RECEIVER, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"price": "10.5"}, "price"), ({"price": None}, "price"), ({"price": "-5"}, "price"),
        ({"price": "９９９"}, "price"), ({"price": "1e3"}, "price"), ({"price": 10**30}, "price"),
        ({"price": "1_000"}, "price"), ({"gumroad_fee": -1}, "gumroad_fee"),
        ({"id": ""}, "id"), ({"id": "a\x00b"}, "id"), ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
        ({"created_at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}, "created_at"),
        ({"product_name": 7}, "product_name"), ({"quantity": True}, "quantity"),
        ({"quantity": 0}, "quantity"), ({"quantity": 2**31}, "quantity"),
        ({"refunded": "perhaps"}, "refunded"), ({"affiliate": {"amount": "1,30 €"}}, "affiliate"),
        ({"affiliate": {"amount": "$1,3"}}, "affiliate"),
        ({"partially_refunded": True, "amount_refundable_in_currency": "7,50"}, "refundable"),
        ({"partially_refunded": True, "currency_symbol": "€", "formatted_display_price": "€7,50"},
         "formatted_display_price"),
    ],
)  # fmt: skip
def test_a_sale_that_is_none_names_the_field(values: dict[str, object], field: str) -> None:
    with pytest.raises(RowError, match=field):
        sale(**values)


def test_what_is_not_there_is_not_taken_for_nothing() -> None:
    told = sale(gumroad_fee=None)
    assert (told.fee, told.affiliate) == (None, None)
    assert sale(gumroad_fee=0).fee == 0
    assert sale(quantity=None).quantity == 1


def test_nothing_is_kept_that_names_the_buyer_or_an_affiliate() -> None:
    share = {"email": "affiliate@example.org", "amount": "$2.50"}
    found = kept(gumroad_sale(affiliate=share, card={"visual": "4242"}, zip_code="10001"))
    assert "example.org" not in str(found)
    assert found["affiliate"] == {"amount": "$2.50"}
    assert "card" not in found
    said = kept(gumroad_ping(affiliate="affiliate@example.org", gifter_email="g@example.org"))
    assert "example.org" not in str(said)


def test_a_later_record_takes_no_refund_back_and_what_it_leaves_out_stays() -> None:
    older = {"refunded": True, "price": 900, "chargedback": True, "product_name": "Old"}
    newer = {"refunded": False, "price": 900, "chargedback": False, "product_name": "New"}
    assert merged(older, newer) == {**newer, "refunded": True}
    assert merged({"gumroad_fee": 90}, {"price": 1}) == {"gumroad_fee": 90, "price": 1}
