"""Figures of pages are those of the tables, over marts that were made of them: to the cent."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline_tests.outlets.dashboards.serving import PagesServer, Visiting
from ingestion_pipeline_tests.outlets.marts.filling import (
    new_customer,
    new_order,
    new_sale,
    new_vintage,
    refresh_all,
)

ZONE = "America/Sao_Paulo"
# 1:00 UTC of the 2nd is 22:00 of the 1st there; the 31 March is out of the 30 days to 30 April.
FIRST, LAST = datetime(2026, 4, 2, 1, tzinfo=UTC), datetime(2026, 5, 1, 2, 59, tzinfo=UTC)
BEFORE = datetime(2026, 4, 1, 2, 59, tzinfo=UTC)


@pytest.fixture(scope="module")
def acme(pages: PagesServer) -> Iterator[Visiting]:
    with pages.visiting("acme") as made:
        with pages.engine.begin() as connection:
            connection.execute(
                sa.text("UPDATE tenants SET time_zone = :zone WHERE tenant_id = :t"),
                {"zone": ZONE, "t": made.tenant_id},
            )
        yield made


def table(visitor: Visiting, path: str, name: str, **more: str) -> list[dict[str, Any]]:
    answer = visitor.http.get(path, params={"table": name, "format": "csv", **more})
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_orders_that_are_not_in_the_mart_yet_have_come(pages: PagesServer, acme: Visiting) -> None:
    assert "No order yet" in acme.http.get("/commerce").text
    with pages.engine.begin() as connection:
        ada = new_customer(connection, acme.tenant_id)
        for at, total, currency, more in (
            (FIRST, "10.10", "EUR", {"discount": "0.90"}),
            (LAST, "1000000.01", "EUR", {"refunded": "0.02"}),
            (LAST, "-5.25", "EUR", {}),
            (LAST, "77.00", "EUR", {"status": "Cancelled"}),
            (LAST, "3.33", "BRL", {}),
            (BEFORE, "20.00", "EUR", {}),
        ):
            new_order(
                connection, acme.tenant_id, ada, at=at, total=total, currency=currency, **more
            )
    for path in ("/commerce", "/morning", "/commerce/products"):
        text = acme.http.get(path).text
        assert "No order yet" not in text
        assert "still being worked out" in text
        assert "Nothing has come yet" not in text
    refresh_all(pages.engine)
    for path in ("/commerce", "/morning"):
        assert "being worked out" not in acme.http.get(path).text


def test_orders_are_told_by_the_tenants_own_day_to_the_cent(
    pages: PagesServer, acme: Visiting
) -> None:
    found = {row["currency"]: row for row in table(acme, "/commerce", "currencies")}
    with pages.engine.connect() as connection:
        expected = connection.execute(sa.text("""
            SELECT currency, sum(total_amount) FROM orders
            WHERE tenant_id = :t AND lower(order_status) <> 'cancelled'
              AND (order_date AT TIME ZONE :zone)::date > DATE '2026-04-30' - 30
            GROUP BY 1
        """), {"t": acme.tenant_id, "zone": ZONE}).all()  # fmt: skip
    assert {row.currency: row.sum for row in expected} == {
        "EUR": Decimal("1000004.86"), "BRL": Decimal("3.33"),
    }  # fmt: skip
    for currency, net in expected:
        assert Decimal(found[currency]["net"]) == net
        assert f"{net:,.2f}" in acme.http.get("/commerce").text
        assert f"{net:,.2f}" in acme.http.get("/morning").text
    euro = found["EUR"]
    assert (euro["orders"], euro["returns"], euro["cancelled"]) == ("2", "1", "1")
    assert Decimal(euro["refunds"]) == Decimal("5.27")
    assert Decimal(euro["discounts"]) == Decimal("0.90")
    days = table(acme, "/commerce", "days", currency="EUR")
    assert [row["day"] for row in days] == ["2026-04-30", "2026-04-01", "2026-03-31"]
    assert "Days are those of America/Sao_Paulo" in acme.http.get("/commerce").text


def test_an_average_is_told_to_the_cent(acme: Visiting) -> None:
    text = acme.http.get("/commerce").text
    assert ">500,005.06<" in text  # (1,000,000.03 + 10.10) / 2, of 500005.065


def test_products_are_those_of_orders_that_count(pages: PagesServer, acme: Visiting) -> None:
    names = ("=cmd()", "Tea, green")
    with pages.engine.begin() as connection:
        for name in names:
            connection.execute(sa.text("""
                INSERT INTO products (tenant_id, product_id, sku, name, price, active, upload_id)
                VALUES (:t, gen_random_uuid(), :name, :name, 1, true, 0)
            """), {"t": acme.tenant_id, "name": name})  # fmt: skip
        connection.execute(sa.text("""
            INSERT INTO order_items (tenant_id, order_item_id, order_id, product_id, quantity,
                                     unit_price, line_total, upload_id)
            SELECT tenant_id, gen_random_uuid(), order_id, product_id, 2, 1.11,
                   CASE name WHEN '=cmd()' THEN 2.22 ELSE 0.01 END, 0
            FROM orders JOIN products USING (tenant_id) WHERE tenant_id = :t
        """), {"t": acme.tenant_id})  # fmt: skip
    answer = acme.http.get("/commerce/products?table=products&format=json")
    found = [(row["product"], row["currency"], row["amount"], row["quantity"])
             for row in answer.json()]  # fmt: skip
    assert found == [
        ("=cmd()", "BRL", 2.22, 2), ("Tea, green", "BRL", 0.01, 2),
        ("=cmd()", "EUR", 6.66, 6), ("Tea, green", "EUR", 0.03, 6),
    ]  # fmt: skip
    assert {row["currency"] for row in table(acme, "/commerce/products", "products",
                                             currency="BRL")} == {"BRL"}  # fmt: skip


def test_books_are_told_by_currency_basis_and_place_to_the_cent(
    pages: PagesServer, acme: Visiting
) -> None:
    at = datetime(2026, 3, 3, 12, tzinfo=UTC)
    with pages.engine.begin() as connection:
        for number, amount, currency, platform in (
            ("1", "3.4250", "USD", "amazon_kdp"), ("2", "0.0050", "USD", "amazon_kdp"),
            ("3", "-3.4250", "USD", "amazon_kdp"), ("4", "250", "JPY", "amazon_kdp"),
            ("5", "1.0049", "USD", "smashwords"),
        ):  # fmt: skip
            new_sale(connection, acme.tenant_id, number=number, at=at, amount=amount,
                     currency=currency, platform=platform)  # fmt: skip
    assert "still being worked out" in acme.http.get("/books").text
    refresh_all(pages.engine)
    assert "being worked out" not in acme.http.get("/books").text
    sums = {"USD": Decimal("1.0099"), "JPY": Decimal(250)}
    for name in ("incomes", "places", "titles", "months"):
        told = dict.fromkeys(sums, Decimal(0))
        for row in table(acme, "/books", name):
            told[row["currency"]] += Decimal(row["income"])
        assert told == sums, name
    places = {(row["platform"], row["currency"]): Decimal(row["income"])
              for row in table(acme, "/books", "places")}  # fmt: skip
    assert places == {
        ("amazon_kdp", "USD"): Decimal("0.0050"), ("amazon_kdp", "JPY"): Decimal(250),
        ("smashwords", "USD"): Decimal("1.0049"),
    }  # fmt: skip


def test_a_macro_series_is_told_as_it_was_known_on_a_day(
    pages: PagesServer, acme: Visiting
) -> None:
    first, second = date(2026, 1, 1), date(2026, 4, 1)
    with pages.engine.begin() as connection:
        new_vintage(connection, first, "100.5", since=date(2026, 2, 1), until=date(2026, 4, 30))
        new_vintage(connection, first, "101.25", since=date(2026, 5, 1))
        new_vintage(connection, second, "102", since=date(2026, 5, 1))
    refresh_all(pages.engine)
    [row] = table(acme, "/markets", "macro")
    asked = {"series": row["series"], "as_of": "2026-04-30"}
    [then] = table(acme, "/markets/series", "vintage", **asked)
    assert (then["observed_on"], then["known_then"], then["value"], then["revised"]) == (
        "2026-01-01", "100.5", "101.25", "0.75",
    )  # fmt: skip
    text = acme.http.get("/markets/series", params=asked).text
    assert "As it was known on 2026-04-30" in text
    [revised] = table(acme, "/markets/series", "revisions", series=row["series"])
    assert revised["number"] == "2"
    for wrong in ("soon", "2026-02-30", "٢٠٢٦-٠١-٠١", "0001-01-01", "9999-12-31"):
        answer = acme.http.get("/markets/series", params={**asked, "as_of": wrong})
        assert answer.status_code == 200, wrong


def test_coverage_counts_the_hours_without_samples_and_degrees_are_celsius(
    pages: PagesServer, acme: Visiting
) -> None:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    with pages.engine.begin() as connection:
        connection.execute(sa.text("""
            INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 's');
        """), {"t": acme.tenant_id})  # fmt: skip
        connection.execute(sa.text("""
            INSERT INTO collected_days (site_name, day, configured_points, missing_points, fetched,
                                        kept, result)
            VALUES ('s', :day, '{}', '{}', 0, 0, '{}')
        """), {"day": day.date()})  # fmt: skip
        connection.execute(sa.text("""
            INSERT INTO building_hours (site_name, point_name, hour, unit, room, measure, samples,
                                        minimum, maximum, mean, coverage)
            SELECT 's', room || '/temperature', CAST(:day AS timestamptz) + n * interval '1 hour',
                   unit, room, 'temperature', 60, mean, mean, mean, 1
            FROM (VALUES ('floor/a', 'degF', 68.0, 12), ('floor/b', '°C', 22.0, 24))
                 AS r (room, unit, mean, hours), generate_series(0, hours - 1) AS n
        """), {"day": day})  # fmt: skip
    [site] = table(acme, "/buildings", "sites")
    assert float(site["coverage"]) == pytest.approx(75)
    assert float(site["temperature"]) == pytest.approx((12 * 20 + 24 * 22) / 36)
    rooms = {row["room"]: row for row in table(acme, "/buildings/site", "rooms", site="s")}
    assert float(rooms["floor/a"]["coverage"]) == pytest.approx(50)
    assert float(rooms["floor/a"]["temperature"]) == pytest.approx(20)
    points = table(acme, "/buildings/site", "points", site="s")
    assert {(row["unit"], round(float(row["coverage"]))) for row in points} == {
        ("°F", 50), ("°C", 100),
    }  # fmt: skip
    heat = table(acme, "/buildings/site", "heat", site="s", measure="temperature", room="floor/a")
    assert {float(value) for row in heat for value in list(row.values())[1:] if value} == {20}
    assert ">a</a>" in acme.http.get("/buildings/site?site=s").text  # what all share is left out
