"""A tenant's own days: another clock makes its daily marts anew, and leaves no row of the old."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ingestion_pipeline_tests.outlets.marts.filling import (
    new_customer,
    new_order,
    new_points,
    refresh_all,
)

LATE = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "Asia/Kolkata"])
def test_another_clock_makes_the_days_anew(engine: sa.Engine, tenant_id: int, zone: str) -> None:
    with engine.begin() as connection:
        customer = new_customer(connection, tenant_id)
        for hours in (0, 12, 36):
            at = LATE + timedelta(hours=hours)
            new_order(connection, tenant_id, customer, at=at)
            new_points(connection, tenant_id, {at: 1.0})
    for clock in (zone, "UTC", zone):
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE tenants SET time_zone = :zone"), {"zone": clock})
        refresh_all(engine)
        with engine.connect() as connection:
            wanted = connection.execute(
                sa.text("SELECT CAST(order_date AT TIME ZONE :zone AS date), count(*) FROM orders "
                        "GROUP BY 1 ORDER BY 1"),
                {"zone": clock},
            ).all()  # fmt: skip
            for table, number in (("orders_daily", "orders"), ("kpi_daily", "points")):
                rows = connection.execute(
                    sa.text(f"SELECT day, {number} FROM {table} ORDER BY day")
                )
                assert rows.all() == wanted, (table, clock)
