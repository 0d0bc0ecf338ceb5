"""Daily sales from events, summed up where they are, and how they look.

What Amazon has settled for a month (Prior Month Royalties) takes the place of its estimates of that
month, which stay in `sales_events`. Payments are no sales. Events whose precision is a month count
on its first day.
"""

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import FREE, PAGES, PAYMENT
from ingestion_pipeline.domains.book_sales.sources.registry import canonical
from ingestion_pipeline.domains.book_sales.tables import daily_sales
from ingestion_pipeline.foundation.sparkline import LINES, POINTS, picture
from ingestion_pipeline.foundation.storage import locks

if TYPE_CHECKING:
    import pandas as pd

_KEY = "tenant_id, day, platform, title, marketplace, currency"
_COLUMNS = f"{_KEY}, events, units, refunded_units, free_units, pages, amount, pending_events"
# An estimate goes where the same month is settled; `report` is `royalty` or `prior_month_royalty`.
# Pages have no money but in settled months.
_SUM = sa.text(f"""
    INSERT INTO daily_sales ({_COLUMNS})
    SELECT {_KEY}, count(*),
           COALESCE(sum(quantity) FILTER (WHERE event_type NOT IN (:pages, :free)), 0),
           sum(refunded),
           COALESCE(sum(quantity) FILTER (WHERE event_type = :free), 0),
           COALESCE(sum(quantity) FILTER (WHERE event_type = :pages), 0),
           COALESCE(sum(amount), 0),
           count(*) FILTER (WHERE amount IS NULL AND event_type <> :pages)
    FROM (
        SELECT tenant_id, CAST(occurred_at AT TIME ZONE 'UTC' AS date) AS day, platform,
               COALESCE(title, '') AS title, COALESCE(marketplace, '') AS marketplace,
               COALESCE(currency, '') AS currency, event_type, quantity, amount,
               GREATEST(refunded_units,
                        CASE WHEN event_type = 'refund' THEN -quantity ELSE 0 END) AS refunded
        FROM sales_events AS event
        WHERE platform = :platform AND event_type <> :payment
          AND NOT EXISTS (
            SELECT FROM sales_events AS settled
            WHERE settled.tenant_id = event.tenant_id AND settled.platform = event.platform
              AND settled.report = 'prior_month_' || event.report
              AND settled.occurred_at = date_trunc('month', event.occurred_at))) AS sold
    GROUP BY {_KEY}
""")  # noqa: S608 - names of ours
_SUMMED = sa.text(f"""
    SELECT {_COLUMNS} FROM daily_sales WHERE platform = :platform ORDER BY {_KEY}
""")  # noqa: S608 - names of ours


def publish_days(engine: sa.Engine, platform: str) -> "pd.DataFrame":
    """Make the daily sales of a platform anew from its events; returns them."""
    import pandas as pd

    with engine.begin() as connection:
        sum_up(connection, platform)
        of_platform = {"platform": canonical(platform)}
        return pd.read_sql(_SUMMED, connection, params=of_platform, coerce_float=False)


def sum_up(connection: sa.Connection, platform: str) -> None:
    """Make the daily sales of a platform anew from its events."""
    platform = canonical(platform)
    locks.hold(connection, locks.SUMMARIZING_SALES.of(platform))
    connection.execute(sa.delete(daily_sales).where(daily_sales.c.platform == platform))
    kinds = {"platform": platform, "payment": PAYMENT, "pages": PAGES, "free": FREE}
    connection.execute(_SUM, kinds)


def totals_by_currency(daily: "pd.DataFrame") -> list[dict[str, str]]:
    """Units, pages and money by currency, for a table."""
    if daily.empty:
        return []
    sums = daily.groupby("currency", as_index=False)[["units", "pages", "amount"]].sum()
    return [
        {str(name): str(value) for name, value in row.items()} for row in sums.to_dict("records")
    ]


def plot(daily: "pd.DataFrame") -> str | None:
    """Earnings by month of the largest currencies, in Markdown; None below two months of money."""
    import pandas as pd

    with_money = daily[daily["currency"] != ""] if not daily.empty else daily
    if with_money.empty:
        return None
    months = pd.to_datetime(with_money["day"]).dt.strftime("%Y-%m")
    money = with_money.assign(month=months, amount=with_money["amount"].astype(float))
    table = money.pivot_table(
        index="month", columns="currency", values="amount", aggfunc="sum", fill_value=0.0
    )
    shown = table.tail(POINTS)
    if len(shown) < 2:
        return None
    largest = shown.abs().sum().sort_values(ascending=False).index[:LINES]
    names = ", ".join(str(name) for name in largest)
    return picture(names, (dict(enumerate(shown[name])) for name in largest))
