"""Refreshes of large parts: work grows with the rows, not with their square.

A day of 2,000 orders once took 2,000 times 2,000 comparisons, by joins that PostgreSQL chose of a
CTE's guessed size, or of a table that was empty when the first refresh began.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.outlets.marts import books, orders
from ingestion_pipeline_tests.outlets.marts.filling import new_customer

MANY = 2_000
_ORDERS = sa.text("""
    INSERT INTO orders (tenant_id, order_id, external_order_id, customer_id, customer_name_snapshot,
                        customer_email_snapshot, total_amount, currency, order_status, order_date,
                        raw_payload, created_at, upload_id)
    SELECT tenant_id, gen_random_uuid(), 'x', customer_id, 'Ada', 'a@example.com', 1, 'EUR', 'paid',
           '2026-03-01Z', '{}', now(), 0
    FROM customers
""")
_CUSTOMERS = sa.text("""
    INSERT INTO customers (tenant_id, customer_id, name, email, metadata, upload_id)
    SELECT tenant_id, gen_random_uuid(), name, email, metadata, 0
    FROM customers, generate_series(2, :many)
""")
# As Amazon tells a month as a whole: all at its first instant.
_SALES = sa.text("""
    INSERT INTO sales_events (tenant_id, platform, external_id, event_type, report, occurred_at,
                              date_precision, title, quantity, amount, currency, raw, source_file,
                              source_row, received_at)
    SELECT :tenant_id, 'amazon_kdp', n, 'sale', 'royalty', '2026-03-01Z', 'month', 'Book ' || n, 1,
           1, 'USD', '{}', 'f', 1, now()
    FROM generate_series(1, :many) AS n
""")


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _assert_no_square(
    connection: sa.Connection, statement: sa.TextClause, parts: dict[str, str]
) -> None:
    explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.text}"
    [told] = connection.execute(sa.text(explain), parts).scalar_one()
    for node in _nodes(told["Plan"]):
        loops = node["Actual Loops"]
        compared = node.get("Rows Removed by Join Filter", 0) * max(loops, 1)
        assert compared <= 10 * MANY, node
        is_scan = node["Node Type"] == "Seq Scan" or "CTE Scan" in node["Node Type"]
        assert not (is_scan and loops > 100 and node["Actual Rows"] > 10), node
        assert not (node["Node Type"] == "Seq Scan" and loops > 100), node


@pytest.mark.parametrize("is_first", [True, False], ids=["first refresh", "again"])
def test_a_day_of_many_orders(engine: sa.Engine, tenant_id: int, is_first: bool) -> None:
    parts = json.dumps([{"tenant_id": tenant_id, "key": "", "day": "2026-03-01"}])
    with engine.begin() as connection:
        new_customer(connection, tenant_id)
        connection.execute(_CUSTOMERS, {"many": MANY})
        connection.execute(_ORDERS)
        if not is_first:
            orders.make(connection, parts)
    with engine.begin() as connection:
        _assert_no_square(connection, orders._CUSTOMERS, {"parts": parts})
        own = json.dumps([{"tenant_id": tenant_id, "day": "2026-03-01", "zone": "UTC"}])
        connection.execute(orders._DELETE, {"days": own})
        _assert_no_square(connection, orders._INSERT, {"days": own})


def test_a_month_of_many_sales(engine: sa.Engine, tenant_id: int) -> None:
    parts = json.dumps([{"tenant_id": tenant_id, "key": "amazon_kdp", "day": "2026-03-01"}])
    with engine.begin() as connection:
        connection.execute(_SALES, {"tenant_id": tenant_id, "many": MANY})
    with engine.begin() as connection:
        _assert_no_square(connection, books._INSERT, {"parts": parts})
