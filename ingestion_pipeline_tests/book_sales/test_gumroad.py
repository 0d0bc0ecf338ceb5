from decimal import Decimal

import pytest

from ingestion_pipeline.book_sales.contract import RowError
from ingestion_pipeline.book_sales.gumroad import events_of_ping, events_of_sale
from ingestion_pipeline_tests.book_sales.builders import gumroad_sale


def ping(**values: str) -> dict[str, str]:
    fields = {
        "sale_id": "sale-1==", "sale_timestamp": "2026-01-05T19:38:56Z", "price": "1000",
        "product_name": "Pencil Icon PSD", "gumroad_fee": "60", "quantity": "1",
        "currency": "usd", "email": "buyer@example.org", "refunded": "false",
        "url_params[source_url]": "https%3A%2F%2Fgumroad.com", "resource_name": "sale",
    }  # fmt: skip
    return {**fields, **values}


def test_cents_are_exact_amounts_without_the_fee_and_the_affiliate() -> None:
    [sale] = events_of_sale(gumroad_sale(affiliate={"amount": "$2.50"}), row=1)
    assert (sale.list_price, sale.amount, sale.currency) == (
        Decimal("10.00"), Decimal("6.90"), "USD",
    )  # fmt: skip


def test_a_product_may_have_another_currency_and_yen_have_no_cents() -> None:
    [yen] = events_of_sale(gumroad_sale(currency_symbol="¥", price=1500, gumroad_fee=150), row=1)
    assert (yen.amount, yen.currency) == (Decimal(1350), "JPY")
    with pytest.raises(RowError, match="currency_symbol"):
        events_of_sale(gumroad_sale(currency_symbol="¤"), row=1)


def test_a_refund_is_an_event_beside_the_sale() -> None:
    sale, refund = events_of_sale(gumroad_sale(refunded=True, quantity=2), row=1)
    assert (sale.quantity, sale.amount) == (2, Decimal("9.40"))
    assert (refund.event_type, refund.quantity, refund.amount) == ("refund", -2, Decimal("-9.40"))
    assert refund.external_id == f"{sale.external_id}:refund"
    partial = events_of_sale(
        gumroad_sale(partially_refunded=True, amount_refundable_in_currency="8"), row=1
    )[1]
    assert (partial.quantity, partial.amount) == (0, Decimal("-2.00"))


def test_a_dispute_that_was_won_is_no_refund() -> None:
    assert len(events_of_sale(gumroad_sale(chargedback=True), row=1)) == 2
    assert len(events_of_sale(gumroad_sale(chargedback=True, dispute_won=True), row=1)) == 1


def test_a_ping_and_the_api_make_the_same_event() -> None:
    def told(event: object) -> dict[str, object]:
        return {k: v for k, v in vars(event).items() if k not in ("raw",)}

    [from_ping], [from_api] = events_of_ping(ping()), events_of_sale(gumroad_sale(), row=1)
    assert told(from_ping) == told(from_api)
    assert "email" not in from_ping.raw
    assert "email" not in from_api.raw


def test_test_purchases_are_no_sales() -> None:
    assert events_of_ping(ping(test="true")) == []


@pytest.mark.parametrize(
    "values", [{"price": "10.5"}, {"price": None}, {"id": ""}, {"created_at": "yesterday"},
               {"product_name": 7}, {"quantity": True}],
)  # fmt: skip
def test_a_sale_that_is_none_names_the_field(values: dict[str, object]) -> None:
    with pytest.raises(RowError, match=next(iter(values))):
        events_of_sale(gumroad_sale(**values), row=1)
