"""What the marts say, by hand-made rows: each definition once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.marts import offenders
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_order,
    new_points,
    new_sale,
    new_vintage,
    refresh_all,
)


def _all(engine: sa.Engine, query: str) -> list[Any]:
    refresh_all(engine)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def test_money_of_a_day_is_told_by_currency_and_adds_up(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        one, other = (new_customer(connection, tenant_id) for _ in range(2))
        new_order(connection, tenant_id, one, total="90.00", discount="10.00")
        new_order(connection, tenant_id, other, total="60.00", refunded="40.00")
        new_order(connection, tenant_id, other, total="-15.50", status="credit")
        new_order(connection, tenant_id, one, total="500.00", status="Cancelled")
        new_order(connection, tenant_id, one, total="7.00", currency="USD")
    query = (
        "SELECT currency, orders, gross, discounts, refunds, net, average, new_customers, returns, "
        "cancelled, cancelled_amount FROM orders_daily ORDER BY 1"
    )
    d = Decimal
    assert _all(engine, query) == [
        ("EUR", 2, d("200"), d("10"), d("55.50"), d("134.50"), d("95"), 2, 1, 1, d("500")),
        ("USD", 1, d("7"), d(0), d(0), d("7"), d("7"), 1, 0, 0, d(0)),
    ]


def test_an_order_whose_total_nobody_tells_is_an_order_and_in_no_amount(
    engine: sa.Engine, tenant_id: int
) -> None:
    """It counted as 0.00, and made the average of the day smaller."""
    with engine.begin() as connection:
        one = new_customer(connection, tenant_id)
        new_order(connection, tenant_id, one, total="90.00", discount="10.00")
        new_order(connection, tenant_id, one, total=None, discount="3.00", refunded="4.00")
        new_order(connection, tenant_id, one, total=None, status="canceled")
        new_order(connection, tenant_id, one, total=None, currency="BRL")
        new_order(connection, tenant_id, one, total="8.00", currency="BRL", status="canceled")
        new_order(connection, tenant_id, one, total=None, currency="CHF", status="canceled")
    query = (
        "SELECT currency, orders, untold, gross, discounts, refunds, net, average, new_customers, "
        "returns, cancelled, cancelled_amount FROM orders_daily ORDER BY 1"
    )
    d = Decimal
    assert _all(engine, query) == [
        ("BRL", 1, 1, None, d(0), d(0), None, None, 1, 0, 1, d("8")),
        ("CHF", 0, 0, d(0), d(0), d(0), d(0), None, 0, 0, 1, d(0)),
        ("EUR", 2, 1, d("100"), d("10"), d(0), d("90"), d("90"), 1, 0, 1, d(0)),
    ]
    with engine.connect() as connection:
        for check in (
            offenders.orders_that_do_not_add_up, offenders.days_out_of_balance,
            offenders.customers_that_do_not_add_up,
        ):  # fmt: skip
            assert connection.execute(check()).all() == []


def test_an_order_that_comes_late_makes_a_later_days_customer_a_returning_one(
    engine: sa.Engine, tenant_id: int
) -> None:
    query = "SELECT day, new_customers, returning_customers FROM orders_daily ORDER BY day"
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        new_order(connection, tenant_id, customer, at=BASE + timedelta(days=9))
    assert _all(engine, query) == [(date(2026, 3, 10), 1, 0)]
    with engine.begin() as connection:
        new_order(connection, tenant_id, customer)
    assert _all(engine, query) == [(date(2026, 3, 1), 1, 0), (date(2026, 3, 10), 0, 1)]
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM orders WHERE order_date < '2026-03-05'")
    assert _all(engine, query) == [(date(2026, 3, 10), 1, 0)]


def test_what_is_settled_takes_the_place_of_estimates_and_only_of_its_month(
    engine: sa.Engine, tenant_id: int
) -> None:
    query = "SELECT month, basis, income FROM book_income_daily ORDER BY month"
    with engine.begin() as connection:
        new_sale(connection, tenant_id, number="1", at=BASE + timedelta(days=3), amount="1.10")
        new_sale(connection, tenant_id, number="2", at=BASE + timedelta(days=40), amount="2.20")
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    estimated = (april, "estimated", Decimal("2.2000"))
    assert _all(engine, query) == [(march, "estimated", Decimal("1.1000")), estimated]
    with engine.begin() as connection:
        new_sale(
            connection, tenant_id, number="3", report="prior_month_royalty", amount="1.05",
            precision="month",
        )  # fmt: skip
        new_sale(connection, tenant_id, number="4", kind="payment", report="payments")
    assert _all(engine, query) == [(march, "settled", Decimal("1.0500")), estimated]


def test_the_year_before_is_told_by_date_and_revision_since_the_first_print(
    engine: sa.Engine,
) -> None:
    with engine.begin() as connection:
        for quarter, value in enumerate(("10", "11", "12", "13", "15")):
            on = date(2025 + quarter // 4, 1 + quarter % 4 * 3, 1)
            if on.year == 2026:
                ended = date(2026, 5, 31)
                new_vintage(connection, on, "14.5", since=date(2026, 5, 1), until=ended)
                new_vintage(connection, on, value, since=date(2026, 6, 1))
            else:
                new_vintage(connection, on, value)
    query = (
        "SELECT value, previous, change, year_before_on, year_before, first_print, revision "
        "FROM macro_latest WHERE newest"
    )
    found = [15, 13, 2, date(2025, 1, 1), 10, Decimal("14.5"), Decimal("0.5")]
    assert _all(engine, query) == [tuple(found)]


def test_means_of_the_largest_numbers_are_numbers(engine: sa.Engine, tenant_id: int) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(minutes=n): 1.7e308 for n in range(3)})
    assert _all(engine, "SELECT points, mean FROM kpi_daily") == [(3, 1.7e308)]


def test_what_is_usual_is_unknown_at_first_and_then_a_band(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        new_points(
            connection,
            tenant_id,
            {BASE + timedelta(days=n): 100.0 + n * 7 % 5 for n in range(100)},
        )
    rows = _all(engine, "SELECT usual_low, usual_middle, usual_high FROM kpi_daily ORDER BY day")
    assert rows[20] == (None, None, None)
    low, middle, high = rows[-1]
    assert low < middle < high


def test_minutes_count_where_somebody_is_there(engine: sa.Engine, tenant_id: int) -> None:
    """Monday: 8 to 18 by the tenant's clock, which is two hours ahead in June."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tenants SET time_zone = 'Europe/Berlin'")
        connection.execute(sa.text("INSERT INTO tenant_sites VALUES (:id, 'hq')"),
                           {"id": tenant_id})  # fmt: skip
        connection.exec_driver_sql("SELECT make_timeseries_month('2026-06-01')")
        for quarter in range(96):
            connection.execute(
                sa.text("INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, "
                        "quality) VALUES ('hq', 'hq/room 1/co2', :at, :value, 'good')"),
                {"at": start + timedelta(minutes=15 * quarter), "value": 900 + quarter % 2 * 200},
            )  # fmt: skip
        connection.exec_driver_sql(
            "INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, samples, coverage) "
            "SELECT site_name, point_name, date_trunc('hour', timestamp), 'ppm', count(*), 1 "
            "FROM timeseries_raw GROUP BY 1, 2, 3"
        )
    query = (
        "SELECT room, measure, sum(occupied_minutes), sum(minutes_above), min(hour) "
        "FROM building_hours WHERE occupied_minutes > 0 GROUP BY 1, 2"
    )
    told = ("hq/room 1", "co2", 600.0, 300.0, start.replace(hour=6))
    assert _all(engine, query) == [told]
    with engine.begin() as connection:  # the month is archived: its minutes stay
        connection.exec_driver_sql("DELETE FROM timeseries_raw")
        connection.exec_driver_sql("UPDATE timeseries_hourly SET samples = samples")
    assert _all(engine, query) == [told]
