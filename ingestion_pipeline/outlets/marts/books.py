"""Income of books by day, each row estimated or settled, and no sale both.

What Amazon has settled for a month (reports `prior_month_*`) takes the place of its estimates of
that month, as in `daily_sales`. What it has paid for settles its month, shop and currency
(`settling.py`). Everything else that it reports is an estimate. Of other sellers a row is settled,
unless something is known to be missing: the event is provisional, or its amount is not told (free
copies have none, and pages none but in settled months). Payments are never added to what they paid
for: they say what it came to.

The day of an instant is the tenant's own. A report that says a day and no time says midnight UTC:
that is its day, whatever the tenant's clock.
"""

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import FREE, PAGES, PAYMENT
from ingestion_pipeline.outlets.marts.own_days import PARTS, ZONES
from ingestion_pipeline.outlets.marts.refresh import Mart
from ingestion_pipeline.outlets.marts.settling import PAID

_DELETE = sa.text(f"""
    DELETE FROM book_income_daily AS known USING {PARTS}
    WHERE known.tenant_id = part.tenant_id AND known.platform = part.key
      AND known.month = part.day
""")  # noqa: S608


def lines(parts: str) -> str:
    """What is summed up, as a query: events that count, and what payments have beyond them.

    Args:
        parts: a FROM item, `part (tenant_id, key, day)`: sellers and months.
    """
    return f"""
    WITH paid AS MATERIALIZED (
        SELECT paid.tenant_id, paid.platform, paid.month, lower(btrim(marketplace)) AS shop,
               min(marketplace) AS marketplace, currency, sum(accrued) AS accrued,
               bool_or(settles) AS settles, bool_or(settles AND of_pages) AS of_pages,
               bool_or(settles AND of_sales) AS of_sales
        FROM {parts} JOIN ({PAID}) AS paid
          ON paid.tenant_id = part.tenant_id AND paid.platform = part.key AND paid.month = part.day
        GROUP BY 1, 2, 3, 4, 6),
    replacing AS MATERIALIZED (
        SELECT DISTINCT known.tenant_id, known.platform, part.day AS month, known.report
        FROM {parts} JOIN sales_events AS known
          ON known.tenant_id = part.tenant_id AND known.platform = part.key
         AND known.occurred_at = CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
        WHERE known.report LIKE 'prior\\_month\\_%'),
    events AS MATERIALIZED (
        SELECT event.tenant_id, event.platform, part.day AS month,
               CASE WHEN date_precision = 'month' THEN part.day
                    WHEN occurred_at = date_trunc('day', occurred_at, 'UTC')
                    THEN CAST(occurred_at AT TIME ZONE 'UTC' AS date)
                    ELSE CAST(occurred_at AT TIME ZONE coalesce(clock.zone, 'UTC') AS date)
               END AS day,
               coalesce(title, '') AS title, coalesce(event.marketplace, '') AS marketplace,
               coalesce(event.currency, '') AS currency, event_type, quantity, amount,
               greatest(refunded_units,
                        CASE WHEN event_type = 'refund' THEN -quantity ELSE 0 END) AS refunded,
               amount IS NULL AND event_type <> '{PAGES}' AS unknown,
               CASE WHEN settled.shop IS NOT NULL THEN 'settled'
                    WHEN event.platform = 'amazon_kdp' AND report NOT LIKE 'prior\\_month\\_%'
                      OR provisional
                      OR amount IS NULL AND event_type NOT IN ('{PAGES}', '{FREE}')
                    THEN 'estimated' ELSE 'settled' END AS basis,
               settled.shop, settled.currency AS paid_in
        FROM {parts}
        JOIN sales_events AS event ON event.tenant_id = part.tenant_id
         AND event.platform = part.key
         AND event.occurred_at >= CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
         AND event.occurred_at < (part.day + interval '1 month') AT TIME ZONE 'UTC'
        LEFT JOIN {ZONES} AS clock ON clock.tenant_id = part.tenant_id
        LEFT JOIN LATERAL (
            SELECT shop, paid.currency FROM paid
            WHERE paid.tenant_id = event.tenant_id AND paid.platform = event.platform
              AND paid.month = part.day AND settles
              AND shop IN ('', lower(btrim(coalesce(event.marketplace, ''))))
              AND paid.currency = coalesce(event.currency, paid.currency)
              AND CASE event_type WHEN '{PAGES}' THEN of_pages ELSE of_sales END
            ORDER BY shop DESC, paid.currency LIMIT 1) AS settled ON true
        WHERE event_type <> '{PAYMENT}'
          AND (event.tenant_id, event.platform, part.day, 'prior_month_' || event.report) NOT IN (
              SELECT tenant_id, platform, month, report FROM replacing)),
    beyond AS (
        SELECT paid.tenant_id, paid.platform, paid.month, paid.marketplace, paid.currency,
               paid.accrued - coalesce(told.amount, 0) AS amount
        FROM paid LEFT JOIN (
            SELECT tenant_id, platform, month, shop, paid_in, sum(amount) AS amount
            FROM events GROUP BY 1, 2, 3, 4, 5) AS told
          ON (told.tenant_id, told.platform, told.month, told.shop, told.paid_in)
           = (paid.tenant_id, paid.platform, paid.month, paid.shop, paid.currency))
    SELECT tenant_id, platform, month, day, title, marketplace, currency, basis, event_type,
           quantity, amount, refunded, unknown, 1 AS events
    FROM events
    UNION ALL
    SELECT tenant_id, platform, month, month, '', marketplace, currency, 'settled', '{PAYMENT}',
           0, amount, 0, false, 0
    FROM beyond WHERE amount <> 0
    """  # noqa: S608


_INSERT = sa.text(f"""
    INSERT INTO book_income_daily (tenant_id, platform, month, day, title, marketplace, currency,
                                   basis, units, units_refunded, units_free, pages_read, income,
                                   events, unknown_amounts)
    SELECT tenant_id, platform, month, day, title, marketplace, currency, basis,
           coalesce(sum(quantity) FILTER (WHERE event_type NOT IN ('{PAGES}', '{FREE}')), 0),
           sum(refunded),
           coalesce(sum(quantity) FILTER (WHERE event_type = '{FREE}'), 0),
           coalesce(sum(quantity) FILTER (WHERE event_type = '{PAGES}'), 0),
           coalesce(sum(amount), 0), sum(events), count(*) FILTER (WHERE unknown)
    FROM ({lines(PARTS)}) AS line GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
""")  # noqa: S608


def make(connection: sa.Connection, parts: str) -> int:
    """Work some sales months of sellers out; returns how many rows there are of them."""
    connection.execute(_DELETE, {"parts": parts})
    return connection.execute(_INSERT, {"parts": parts}).rowcount


TOLD = f"""
    SELECT tenant_id, platform AS key,
           CAST(date_trunc('month', occurred_at AT TIME ZONE 'UTC') AS date) AS day
    FROM sales_events
    UNION SELECT tenant_id, platform, month FROM ({PAID}) AS paid
"""  # noqa: S608
"""Sellers and months of which something is told, as a query."""

BOOKS = Mart(
    name="books",
    source="sales_events",
    most=24,
    everything=f"{TOLD} UNION SELECT tenant_id, platform, month FROM book_income_daily",  # noqa: S608
    make=make,
)
