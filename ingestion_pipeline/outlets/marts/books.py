"""Income of books by day, each row estimated or settled, and no sale both.

What Amazon has settled for a month (reports `prior_month_*`) takes the place of its estimates of
that month, as in `daily_sales`. Everything else that it reports is an estimate. Of other sellers a
row is settled, unless something is known to be missing: the event is provisional, or its amount is
not told (free copies have none, and pages none but in settled months). Payments are no income of a
day: they are what months came to.

The day of an instant is the tenant's own. A report that says a day and no time says midnight UTC:
that is its day, whatever the tenant's clock.
"""

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import FREE, PAGES, PAYMENT
from ingestion_pipeline.outlets.marts.own_days import PARTS, ZONES
from ingestion_pipeline.outlets.marts.refresh import Mart

_DELETE = sa.text(f"""
    DELETE FROM book_income_daily AS known USING {PARTS}
    WHERE known.tenant_id = part.tenant_id AND known.platform = part.key
      AND known.month = part.day
""")  # noqa: S608
_INSERT = sa.text(f"""
    WITH events AS (
        SELECT event.tenant_id, event.platform, part.day AS month,
               CASE WHEN date_precision = 'month' THEN part.day
                    WHEN occurred_at = date_trunc('day', occurred_at, 'UTC')
                    THEN CAST(occurred_at AT TIME ZONE 'UTC' AS date)
                    ELSE CAST(occurred_at AT TIME ZONE coalesce(clock.zone, 'UTC') AS date)
               END AS day,
               coalesce(title, '') AS title, coalesce(marketplace, '') AS marketplace,
               coalesce(currency, '') AS currency, event_type, quantity, amount,
               greatest(refunded_units,
                        CASE WHEN event_type = 'refund' THEN -quantity ELSE 0 END) AS refunded,
               amount IS NULL AND event_type <> '{PAGES}' AS unknown,
               CASE WHEN event.platform = 'amazon_kdp' AND report NOT LIKE 'prior\\_month\\_%'
                      OR provisional
                      OR amount IS NULL AND event_type NOT IN ('{PAGES}', '{FREE}')
                    THEN 'estimated' ELSE 'settled' END AS basis
        FROM {PARTS}
        JOIN sales_events AS event ON event.tenant_id = part.tenant_id
         AND event.platform = part.key
         AND event.occurred_at >= CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
         AND event.occurred_at < (part.day + interval '1 month') AT TIME ZONE 'UTC'
        LEFT JOIN {ZONES} AS clock ON clock.tenant_id = part.tenant_id
        WHERE event_type <> '{PAYMENT}' AND NOT EXISTS (
            SELECT FROM sales_events AS settled
            WHERE settled.tenant_id = event.tenant_id AND settled.platform = event.platform
              AND settled.report = 'prior_month_' || event.report
              AND settled.occurred_at = CAST(part.day AS timestamp) AT TIME ZONE 'UTC'))
    INSERT INTO book_income_daily (tenant_id, platform, month, day, title, marketplace, currency,
                                   basis, units, units_refunded, units_free, pages_read, income,
                                   events, unknown_amounts)
    SELECT tenant_id, platform, month, day, title, marketplace, currency, basis,
           coalesce(sum(quantity) FILTER (WHERE event_type NOT IN ('{PAGES}', '{FREE}')), 0),
           sum(refunded),
           coalesce(sum(quantity) FILTER (WHERE event_type = '{FREE}'), 0),
           coalesce(sum(quantity) FILTER (WHERE event_type = '{PAGES}'), 0),
           coalesce(sum(amount), 0), count(*), count(*) FILTER (WHERE unknown)
    FROM events GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
""")  # noqa: S608


def make(connection: sa.Connection, parts: str) -> int:
    """Work some sales months of sellers out; returns how many rows there are of them."""
    connection.execute(_DELETE, {"parts": parts})
    return connection.execute(_INSERT, {"parts": parts}).rowcount


BOOKS = Mart(
    name="books",
    source="sales_events",
    most=24,
    everything="""
        SELECT tenant_id, platform AS key,
               CAST(date_trunc('month', occurred_at AT TIME ZONE 'UTC') AS date) AS day
        FROM sales_events
        UNION SELECT tenant_id, platform, month FROM book_income_daily
    """,
    make=make,
)
