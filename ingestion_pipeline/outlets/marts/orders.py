"""Orders by day and currency, and who ordered for the first time.

An order counts unless its status says that it came to nothing (`NOTHING`). What it came to before
refunds is `total_amount + refunded_amount`, as far as the latter is told; below 0 it is a return:
money that goes back, and no order. So of each day and currency

    net       = sum of total_amount
    refunds   = sum of refunded_amount, and of returns (positive)
    discounts = sum of discount_amount, as far as told, of orders
    gross     = net + discounts + refunds
    average   = (gross - discounts) / orders whose total is told

An order whose status alone says that it was refunded counts with the total that is told. Items have
no say: the total is what the sender says, with items or without. An order whose total nobody tells
is an order, of a customer, and `untold`: it is in no amount, and in no average. Where no order of a
day tells its total there is neither gross nor net: 0 would be a sum.

A customer is new on the first day on which an order of theirs counts, in any currency. Orders that
come late may make a later day's new customer a returning one: these days are worked out again, too.
"""

import sqlalchemy as sa

from ingestion_pipeline.outlets.marts.own_days import OWN_DAYS, within
from ingestion_pipeline.outlets.marts.refresh import Mart

NOTHING = (
    "cancelled", "canceled", "wc-cancelled", "void", "voided", "declined", "failed", "wc-failed",
)  # fmt: skip
"""States of orders that came to nothing, in lower case."""

_NAMES = ", ".join(f"'{each}'" for each in NOTHING)
_COUNTED = f"""
    SELECT own.tenant_id, own.day, ordered.currency, ordered.customer_id, ordered.total_amount,
           coalesce(ordered.discount_amount, 0) AS discount,
           coalesce(ordered.refunded_amount, 0) AS refunded,
           coalesce(ordered.total_amount + coalesce(ordered.refunded_amount, 0), 0) AS before,
           ordered.total_amount IS NOT NULL AS told,
           lower(btrim(ordered.order_status)) IN ({_NAMES}) AS nothing
    FROM own CROSS JOIN LATERAL (
        SELECT * FROM orders WHERE tenant_id = own.tenant_id AND {within("order_date")}
        OFFSET 0) AS ordered  -- a look-up a day: a join by tenant would read all orders for each
"""  # noqa: S608
# All of it sees the table as it was: the first days before and after are told from that. NOT IN is
# hashed, and `xmax` asks no table, whatever PostgreSQL believes of a CTE's size, or of a table that
# is empty as yet; NOT EXISTS compared each row with each.
_CUSTOMERS = sa.text(f"""
    WITH own AS MATERIALIZED ({OWN_DAYS}),
    fresh AS MATERIALIZED (
        SELECT tenant_id, customer_id, day, currency, count(*) AS orders FROM ({_COUNTED}) AS each
        WHERE NOT nothing AND before >= 0 GROUP BY 1, 2, 3, 4),
    gone AS (
        DELETE FROM customer_days AS known USING own
        WHERE known.tenant_id = own.tenant_id AND known.day = own.day
          AND (known.tenant_id, known.customer_id, known.day, known.currency) NOT IN (
              SELECT tenant_id, customer_id, day, currency FROM fresh)
        RETURNING known.*),
    came AS (
        INSERT INTO customer_days AS known (tenant_id, customer_id, day, currency, orders)
        SELECT * FROM fresh
        ON CONFLICT (tenant_id, customer_id, day, currency) DO UPDATE SET orders = excluded.orders
        WHERE known.orders <> excluded.orders
        RETURNING known.tenant_id, known.customer_id, known.day, known.xmax = 0 AS is_new),
    changed AS (
        SELECT tenant_id, customer_id FROM gone
        UNION
        SELECT tenant_id, customer_id FROM came WHERE is_new),
    before AS (
        SELECT tenant_id, customer_id, min(day) AS day
        FROM customer_days JOIN changed USING (tenant_id, customer_id) GROUP BY 1, 2),
    after AS (
        SELECT tenant_id, customer_id, min(day) AS day FROM (
            SELECT known.tenant_id, known.customer_id, known.day
            FROM customer_days AS known JOIN changed USING (tenant_id, customer_id)
            WHERE (known.tenant_id, known.customer_id, known.day, known.currency) NOT IN (
                SELECT tenant_id, customer_id, day, currency FROM gone)
            UNION ALL SELECT tenant_id, customer_id, day FROM came) AS still
        GROUP BY 1, 2),
    moved AS (
        SELECT tenant_id, before.day AS old, after.day AS new
        FROM before FULL JOIN after USING (tenant_id, customer_id)
        WHERE before.day IS DISTINCT FROM after.day)
    SELECT CAST(json_agg(due) AS text) FROM (
        SELECT tenant_id, day, zone FROM own
        UNION
        SELECT moved.tenant_id, first.day, own.zone
        FROM moved CROSS JOIN LATERAL (VALUES (old), (new)) AS first (day)
        JOIN (SELECT DISTINCT tenant_id, zone FROM own) AS own USING (tenant_id)
        WHERE first.day IS NOT NULL) AS due
""")  # noqa: S608
_OWN = """
    SELECT * FROM json_to_recordset(CAST(:days AS json)) AS due
        (tenant_id integer, day date, zone text)
"""
_DELETE = sa.text(f"""
    DELETE FROM orders_daily AS known USING ({_OWN}) AS own
    WHERE known.tenant_id = own.tenant_id AND known.day = own.day
""")  # noqa: S608
_INSERT = sa.text(f"""
    WITH own AS MATERIALIZED ({_OWN}),
    sums AS (
        SELECT tenant_id, day, currency,
               count(*) FILTER (WHERE counts) AS orders,
               count(*) FILTER (WHERE counts AND NOT told) AS untold,
               coalesce(sum(discount) FILTER (WHERE counts AND told), 0) AS discounts,
               coalesce(sum(refunded - least(before, 0)) FILTER (WHERE NOT nothing AND told), 0)
                   AS refunds,
               coalesce(sum(total_amount) FILTER (WHERE NOT nothing),
                        CASE WHEN bool_and(nothing) THEN 0 END) AS net,
               count(*) FILTER (WHERE NOT nothing AND before < 0) AS returns,
               count(*) FILTER (WHERE nothing) AS cancelled,
               coalesce(sum(total_amount) FILTER (WHERE nothing), 0) AS cancelled_amount
        FROM (SELECT *, NOT nothing AND before >= 0 AS counts FROM ({_COUNTED}) AS every) AS each
        GROUP BY 1, 2, 3),
    customers AS (
        SELECT known.tenant_id, known.day, known.currency,
               count(*) FILTER (WHERE earlier.day IS NULL) AS new,
               count(earlier.day) AS again
        FROM own JOIN customer_days AS known
          ON known.tenant_id = own.tenant_id AND known.day = own.day
        LEFT JOIN LATERAL (
            SELECT earlier.day FROM customer_days AS earlier
            WHERE earlier.tenant_id = known.tenant_id AND earlier.customer_id = known.customer_id
              AND earlier.day < known.day LIMIT 1) AS earlier ON true
        GROUP BY 1, 2, 3)
    INSERT INTO orders_daily (tenant_id, day, currency, orders, gross, discounts, refunds, net,
                              average, new_customers, returning_customers, returns, cancelled,
                              cancelled_amount, untold)
    SELECT tenant_id, day, currency, orders, net + discounts + refunds, discounts, refunds, net,
           round((net + refunds) / nullif(orders - untold, 0), 4), coalesce(new, 0),
           coalesce(again, 0), returns, cancelled, cancelled_amount, untold
    FROM sums LEFT JOIN customers USING (tenant_id, day, currency)
""")  # noqa: S608


def make(connection: sa.Connection, parts: str) -> int:
    """Work out the days that some UTC days lie in; returns how many rows there are of them."""
    days = {"days": connection.scalar(_CUSTOMERS, {"parts": parts})}
    connection.execute(_DELETE, days)
    return connection.execute(_INSERT, days).rowcount


ORDERS = Mart(
    name="orders",
    source="orders",
    most=100,
    everything="""
        SELECT tenant_id, '' AS key, CAST(order_date AT TIME ZONE 'UTC' AS date) AS day FROM orders
        UNION SELECT tenant_id, '', day FROM orders_daily
        UNION SELECT tenant_id, '', day FROM customer_days
    """,
    make=make,
)
