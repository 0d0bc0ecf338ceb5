"""Daily sales from events, by pandas, and how they look.

What Amazon has settled for a month (Prior Month Royalties) takes the place of its estimates of that
month, which stay in `sales_events`. Payments are no sales. Events whose precision is a month count
on its first day.
"""

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import FREE, PAGES, PAYMENT
from ingestion_pipeline.domains.book_sales.sources.registry import canonical
from ingestion_pipeline.domains.book_sales.tables import daily_sales
from ingestion_pipeline.foundation.sparkline import LINES, POINTS, picture
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.bulk import copy_rows

if TYPE_CHECKING:
    import pandas as pd

_KEY = ["tenant_id", "day", "platform", "title", "marketplace", "currency"]
_COLUMNS = [
    *_KEY, "events", "units", "refunded_units", "free_units", "pages", "amount", "pending_events",
]  # fmt: skip
# An estimate goes where the same month is settled; `report` is `royalty` or `prior_month_royalty`.
_EVENTS = sa.text("""
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
          AND settled.occurred_at = date_trunc('month', event.occurred_at))
""")


def publish_days(engine: sa.Engine, platform: str) -> "pd.DataFrame":
    """Make the daily sales of a platform anew from its events; returns them."""
    import pandas as pd

    platform = canonical(platform)
    with engine.begin() as connection:
        locks.hold(connection, locks.SUMMARIZING_SALES.of(platform))
        events = pd.read_sql(
            _EVENTS, connection, params={"platform": platform, "payment": PAYMENT},
            coerce_float=False,
        )  # fmt: skip
        daily = of_events(events)
        connection.execute(sa.delete(daily_sales).where(daily_sales.c.platform == platform))
        rows = [tuple(_plain(value) for value in row) for row in daily.itertuples(index=False)]
        copy_rows(connection, "daily_sales", _COLUMNS, rows)
    return daily


def of_events(events: "pd.DataFrame") -> "pd.DataFrame":
    """Events by day, title, platform, marketplace and currency; amounts stay exact decimals."""
    import pandas as pd

    if events.empty:
        return pd.DataFrame(columns=_COLUMNS)
    kind, quantity = events["event_type"], events["quantity"]
    sold = ~kind.isin([PAGES, FREE])
    with_measures = events.assign(
        events=1,
        units=quantity.where(sold, 0),
        refunded_units=events["refunded"],
        free_units=quantity.where(kind == FREE, 0),
        pages=quantity.where(kind == PAGES, 0),
        pending_events=(events["amount"].isna() & (kind != PAGES)).astype(int),
        # Pages have no money but in settled months; an amount of None is 0 in a sum.
        amount=[value if value is not None else 0 for value in events["amount"]],
    )
    return with_measures.groupby(_KEY, as_index=False)[_COLUMNS[len(_KEY) :]].sum()[_COLUMNS]


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


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
