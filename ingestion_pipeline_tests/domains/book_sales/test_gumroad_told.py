"""Pings and the API's answers, through the queue, to rows: what is told is what is booked."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import gumroad_sync, pings, queue
from ingestion_pipeline.domains.book_sales.merge import claimed as work
from ingestion_pipeline.foundation.credentials import new_key
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.domains.book_sales.builders import gumroad_ping, gumroad_sale
from ingestion_pipeline_tests.domains.book_sales.gumroad_answers import Api, serving_gumroad

Rows = dict[str, tuple[str, int, Decimal | None, bool]]
SALE = ("sale", 1, Decimal("8.10"), False)
LOST = ("refund", -1, Decimal("-8.10"), False)


@pytest.fixture(scope="module")
def serving() -> Iterator[Api]:
    with serving_gumroad() as api:
        yield api


@pytest.fixture
def api(serving: Api) -> Api:
    serving.sales, serving.asked, serving.breaks_at = [], [], None
    return serving


@pytest.fixture
def configuration(configured: Settings, api: Api, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    monkeypatch.setenv("GUMROAD_API_BASE_URL", api.url)
    monkeypatch.setenv("GUMROAD_REQUESTS_PER_MINUTE", "100000")
    settings.cache_clear()
    return settings()


@pytest.fixture
def told(engine: sa.Engine, configuration: Settings, tenant_id: int) -> "Told":
    return Told(engine, configuration, tenant_id)


class Told:
    """A tenant whose sales are told, and what is stored of them."""

    def __init__(self, engine: sa.Engine, configuration: Settings, tenant_id: int) -> None:
        self.engine, self.configuration, self.tenant_id = engine, configuration, tenant_id

    def ping(self, **values: str) -> bool:
        """Whether it was news; it is imported at once."""
        said = {"sale_id": "S1", "product_name": "Short Book", "price": "900", "gumroad_fee": "90"}
        fields = gumroad_ping(**{**said, **values})
        with self.engine.begin() as connection:
            job = pings.land_ping(
                connection, self.configuration, tenant_id=self.tenant_id, fields=fields
            )
        if job is not None:
            assert [outcome.status for outcome in self._tick()] == ["completed"]
        return job is not None

    def sync(self, **payload: str) -> work.Outcome:
        with self.engine.begin() as connection:
            queue.land_import(
                connection, self.configuration, tenant_id=self.tenant_id, platform="gumroad",
                payload={"access_token": "tok1", **payload},
            )  # fmt: skip
        return self._tick()[0]

    def _tick(self) -> list[work.Outcome]:
        return work.tick(self.engine, self.configuration, trigger="test", limit=1)

    def rows(self) -> Rows:
        with self.engine.connect() as connection:
            found = connection.execute(
                sa.text("SELECT * FROM sales_events WHERE currency = 'USD' ORDER BY external_id")
            ).all()
            everything = connection.scalar(sa.text("SELECT count(*) FROM sales_events"))
        assert len(found) == everything
        return {
            row.external_id: (row.event_type, row.quantity, row.amount, row.provisional)
            for row in found
        }


REFUND = {"resource_name": "refund"}
REFUNDED = {"resource_name": "refund", "refunded": "true"}


def test_a_partial_refund_then_another_then_all_of_it(told: Told) -> None:
    told.ping()
    assert told.rows() == {"S1": SALE}
    told.ping(**REFUND)
    assert told.rows() == {"S1": SALE, "S1:refund": ("refund", 0, None, True)}
    told.ping(**REFUND)
    told.ping(**REFUNDED)
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}


def test_pings_in_any_order_come_to_the_same(told: Told) -> None:
    for number, order in enumerate(permutations([{}, REFUND, REFUNDED])):
        for values in order:
            assert told.ping(sale_id=f"S{number}", **values)
    assert set(told.rows().values()) == {SALE, LOST}


def test_a_ping_is_news_unless_it_says_what_the_last_one_said(told: Told) -> None:
    assert told.ping()
    assert not told.ping(retry_count="1", email="another@example.org")  # neither is kept
    assert told.ping(**REFUND)
    assert not told.ping(**REFUND)
    assert told.ping()  # the first one again, behind the refund: it changes nothing
    assert told.rows()["S1:refund"] == ("refund", 0, None, True)


def test_a_disputed_sale_is_lost_and_earned_again_once_it_is_won(told: Told) -> None:
    told.ping(resource_name="dispute", disputed="true")
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}
    told.ping(resource_name="dispute_won", disputed="true", dispute_won="true")
    assert told.rows() == {"S1": SALE}
    told.ping(disputed="true", dispute_won="true", **REFUNDED)
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}


def test_what_is_no_sale_is_not_booked(told: Told) -> None:
    for why in ("test", "is_preorder_authorization", "is_bundle_product_purchase"):
        told.ping(**{why: "true", "sale_id": why})
    assert told.rows() == {}


def test_what_a_buyer_typed_is_no_price_and_no_refund(told: Told) -> None:
    asked = {"custom_fields[name]": "Jane", "custom_fields[refunded]": "true"}
    told.ping(sale_id="S0", **asked)
    assert told.rows() == {"S0": SALE}  # Gumroad's own `refunded` comes behind the buyer's
    told.ping(**{"price": "1", "custom_fields[price]": "1"})
    assert told.rows() == {"S0": SALE}
    with told.engine.connect() as connection:
        [reasons] = connection.scalars(sa.text("SELECT reasons::text FROM rejected_rows"))
    assert "price" in reasons
    assert "missing" in reasons


def test_what_becomes_of_a_subscription_changes_no_money(told: Told) -> None:
    for name in ("cancellation", "subscription_ended", "subscription_updated"):
        assert not told.ping(resource_name=name)
        assert not told.ping(resource_name=name, sale_id="", refunded="true")
    assert told.rows() == {}


def test_the_display_currency_of_a_ping_is_not_the_currency_of_its_amounts(told: Told) -> None:
    for currency in ("eur", "JPY", "krw", "czk", "???", ""):
        told.ping(sale_id=f"S-{currency}", currency=currency)
    assert set(told.rows().values()) == {SALE}
    assert len(told.rows()) == 6


def gift(**values: str) -> dict[str, str]:
    return {
        "sale_id": "R", "is_gift_receiver_purchase": "true", "price": "0", "gift_price": "900",
        "gumroad_fee": "0", **values,
    }  # fmt: skip


def giver(**values: object) -> dict[str, object]:
    return gumroad_sale(
        id="G", product_name="Short Book", price=900, gumroad_fee=90,
        is_gift_sender_purchase=True, created_at="2026-01-05T19:38:50Z", **values,
    )  # fmt: skip


def test_a_gift_is_one_paid_copy_whoever_is_told_first(told: Told, api: Api) -> None:
    told.ping(**gift(gumroad_fee="90"))
    assert told.rows() == {"R": SALE}
    api.sales = [giver()]
    told.sync()
    assert told.rows() == {"G": SALE}
    told.ping(**gift(gumroad_fee="90", refunded="true"))
    assert told.rows() == {"G": SALE, "G:refund": LOST}


def test_a_gift_that_the_giver_told_of_is_not_told_again_by_the_receiver(
    told: Told, api: Api
) -> None:
    api.sales = [giver()]
    told.sync()
    told.ping(**gift())
    assert told.rows() == {"G": SALE}
    told.ping(**gift(sale_id="R2"))  # a second gift, whose giver is not known
    assert told.rows() == {"G": SALE, "R2": ("sale", 1, Decimal("9.00"), True)}


def test_what_a_ping_can_not_say_is_provisional_until_the_api_says_it(told: Told, api: Api) -> None:
    told.ping()
    told.ping(**REFUND)
    part = api_sale("S1", 900, 90, partially_refunded=True, amount_refundable_in_currency="6.50")
    part = on(30, part)
    api.sales = [part]
    told.sync()
    known = ("refund", 0, Decimal("-2.50"), False)
    assert told.rows() == {"S1": SALE, "S1:refund": known}
    told.ping(refunded="false", resource_name="refund", product_name="Renamed")
    assert told.rows()["S1:refund"] == (*known[:3], True)
    told.sync()
    assert told.rows()["S1:refund"] == known
    api.sales = [{**part, "refunded": True, "partially_refunded": False}]
    told.sync()
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}
    api.sales = [{**part, "refunded": False, "partially_refunded": False}]
    told.sync()
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}  # an answer takes nothing back
    api.sales = []
    assert told.sync().status == "completed"
    assert told.rows() == {"S1": SALE, "S1:refund": LOST}


def api_sale(name: str, price: int, fee: int, **values: object) -> dict[str, object]:
    return {
        "id": name, "created_at": "2026-10-01T08:00:00Z", "product_name": f"Api {name}",
        "price": price, "gumroad_fee": fee, "currency_symbol": "$", "quantity": 1,
        "refunded": False, **values,
    }  # fmt: skip


TRIAL: dict[str, Any] = {"subscription_id": "sub1", "recurring_charge": False,
                         "free_trial_ends_on": "Oct 8, 2026"}  # fmt: skip
SALES = [
    api_sale("sgd", 1000, 150, currency_symbol="SGD$", partially_refunded=False),
    api_sale("zar", 1000, 150, currency_symbol="ZAR"),
    api_sale("czk", 1000, 150, currency_symbol="Kč"),
    api_sale("eur-part", 1100, 160, currency_symbol="€", partially_refunded=True,
             amount_refundable_in_currency="7.50", formatted_display_price="€10"),
    api_sale("jpy-aff", 650, 115, currency_symbol="¥", formatted_display_price="¥1000",
             affiliate={"email": "x@example.org", "amount": "$1.30"}),
    api_sale("qty3", 2997, 350, quantity=3),
    api_sale("bundle", 2000, 250, is_bundle_purchase=True),
    api_sale("bundle-a", 0, 0, is_bundle_product_purchase=True),
    api_sale("bundle-b", 0, 0, is_bundle_product_purchase=True),
    api_sale("gift-sender", 1500, 200, is_gift_sender_purchase=True, product_name="Api gift"),
    api_sale("gift-receiver", 0, 0, is_gift_receiver_purchase=True, product_name="Api gift"),
    api_sale("trial", 900, 140, free_trial_ended=False, **TRIAL),
    api_sale("old", 5000, 550),
]  # fmt: skip
EARNED = {
    "sgd": "8.50", "zar": "8.50", "czk": "8.50", "eur-part": "9.40", "eur-part:refund": "-2.75",
    "jpy-aff": "4.05", "qty3": "26.47", "bundle": "17.50", "gift-sender": "13.00", "trial": "0.00",
    "old": "44.50",
}  # fmt: skip


def on(days_ago: int, sale: dict[str, object]) -> dict[str, object]:
    when = datetime.now(UTC) - timedelta(days=days_ago)
    return {**sale, "created_at": when.isoformat().replace("+00:00", "Z")}


def test_an_account_of_every_kind_of_sale_and_a_week_later(told: Told, api: Api) -> None:
    api.sales = [on(300 if sale["id"] == "old" else 30, sale) for sale in SALES]
    first = told.sync()
    assert (first.status, first.result["rejected"]) == ("completed", 0)
    assert {name: str(row[2].quantize(Decimal("0.01"))) for name, row in told.rows().items()
            if row[2] is not None} == EARNED  # fmt: skip
    assert [name for name, row in told.rows().items() if row[3]] == []
    assert told.rows()["trial"][0] == "free"
    charge = api_sale("trial-charge", 900, 140, **{**TRIAL, "recurring_charge": True})
    for sale in api.sales:
        if sale["id"] == "old":
            sale["refunded"] = True
        if sale["id"] == "trial":
            sale["free_trial_ended"] = True
    api.sales = [on(1, charge), *api.sales]
    told.sync()
    after = {**EARNED, "trial-charge": "7.60", "old:refund": "-44.50"}
    assert {name: f"{row[2]:.2f}" for name, row in told.rows().items()} == after
    with told.engine.connect() as connection:
        prices = connection.execute(sa.text("SELECT external_id, list_price FROM sales_events"))
        assert dict(prices.tuples().all())["qty3"] == Decimal("9.99")
    assert told.sync().result["updated"] == 0


def test_few_sales_of_long_ago_are_looked_at_every_time(told: Told, api: Api) -> None:
    api.sales = [on(200, api_sale("a", 900, 90))]
    for _ in range(3):
        told.sync()
    api.sales = [{**api.sales[0], "refunded": True}]
    told.sync()
    assert told.rows() == {"a": SALE, "a:refund": LOST}


def test_many_sales_of_long_ago_are_looked_at_once_a_week_and_as_far_as_they_can_change(
    told: Told, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gumroad_sync, "_FEW", 0)

    def asked_from() -> int:
        """Days before today that the last sync asked from."""
        after = datetime.fromisoformat(api.asked[-1]["after"]).replace(tzinfo=UTC)
        return (datetime.now(UTC) - after).days

    api.sales = [
        on(200, api_sale("a", 900, 90)),
        on(250, api_sale("refunded", 900, 90, refunded=True)),
        on(280, api_sale("free", 0, 0)),
        on(500, api_sale("very-old", 900, 90)),
    ]
    told.sync()
    assert "after" not in api.asked[-1]
    told.sync()
    assert asked_from() in (200, 201)
    told.sync()
    assert asked_from() in (60, 61)
    with told.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE gumroad_syncs SET looked_back_at = looked_back_at - interval '8 days'")
        )
    told.sync()
    assert asked_from() in (200, 201)
    told.ping(sale_timestamp=(datetime.now(UTC) - timedelta(days=100)).isoformat(), **REFUND)
    told.sync()  # which asks at once how much it was
    assert asked_from() in (100, 101)
    told.sync()
    assert asked_from() in (60, 61)
    told.sync(after="2026-01-01")
    assert api.asked[-1]["after"] == "2026-01-01"


def test_a_sync_that_fails_half_way_has_lost_nothing_and_goes_on_as_before(
    told: Told, api: Api
) -> None:
    api.sales = [on(number, api_sale(f"s{number}", 900, 90)) for number in range(25)]
    api.breaks_at = 2
    assert told.sync().status == "failed"
    with told.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM gumroad_sales")) == 20
        assert connection.scalar(sa.text("SELECT count(*) FROM gumroad_syncs")) == 0
    api.breaks_at = None
    outcome = told.sync()
    assert (outcome.result["inserted"], len(told.rows())) == (25, 25)


def test_a_page_that_comes_again_doubles_nothing(told: Told, api: Api) -> None:
    api.sales = [on(1, api_sale("a", 900, 90))] * 12
    assert told.sync().result["inserted"] == 1
    assert told.sync().result["unchanged"] == 1


def test_a_record_of_nonsense_costs_itself_and_overwrites_nothing(told: Told, api: Api) -> None:
    good = on(1, api_sale("a", 900, 90))
    api.sales = [good]
    told.sync()
    api.sales = [
        {**good, "price": "９.００"},
        "nonsense",
        on(2, api_sale("b", 900, 90, order_id=1e308)),
    ]
    api.sales[1:2] = []
    outcome = told.sync()
    assert (outcome.status, outcome.result["rejected"]) == ("completed", 1)
    assert told.rows() == {"a": SALE, "b": SALE}
