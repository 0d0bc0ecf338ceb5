"""Migration 0017 on a database that holds events of reports of before."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import schema


@pytest.fixture
def older(server_url: sa.URL) -> Iterator[sa.Engine]:
    """A database of the schema before."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE before_0017")
        made = sa.create_engine(server_url.set(database="before_0017"))
        schema.upgrade(made, "0012")
        yield made
        made.dispose()
        connection.exec_driver_sql("DROP DATABASE before_0017 WITH (FORCE)")
    administrator.dispose()


def test_prices_get_their_currency_and_units_that_came_back_their_number(
    older: sa.Engine,
) -> None:
    said = (
        ("smashwords", "S", "sale", 1, {"currency": "GBP"}),
        ("smashwords", "T", "sale", 1, {"currency": ""}),
        ("amazon_kdp", "K", "sale", 2, {"Units Refunded": "1", "Units Sold": "3"}),
        ("amazon_kdp", "R", "refund", -1, {"Units Refunded": "N/A"}),
        ("draft2digital", "D", "sale", 1, {"Units Returned": "0"}),
    )
    with older.begin() as connection:
        for platform, name, event_type, quantity, raw in said:
            connection.execute(
                sa.text("""
                    INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report,
                        occurred_at, date_precision, quantity, list_price, raw, source_file,
                        source_row, received_at)
                    VALUES (1, :platform, :name, :event_type, 'sales', '2026-10-01T08:00Z', 'day',
                        :quantity, 3.99, CAST(:raw AS jsonb), 'report', 1, now())
                """),
                {
                    "platform": platform, "name": name, "event_type": event_type,
                    "quantity": quantity, "raw": json.dumps(raw),
                },
            )  # fmt: skip
    assert schema.upgrade(older) == schema.head_revision()
    with older.connect() as connection:
        rows = connection.execute(
            sa.text("""SELECT external_id, list_price, list_currency, refunded_units
                FROM sales_events ORDER BY external_id""")
        ).all()
    price = Decimal("3.99")
    assert [tuple(row) for row in rows] == [
        ("D", price, None, 0), ("K", price, None, 1), ("R", price, None, 1),
        ("S", price, "GBP", 0), ("T", None, None, 0),
    ]  # fmt: skip
