"""Products: which ones sold most, of each currency for itself; with the orders that count.

Items have no mart, so this reads them: a page of its own, that one asks for.
"""

from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.pages.commerce import DAYS, NEWEST
from ingestion_pipeline.outlets.dashboards.recent import recent
from ingestion_pipeline.outlets.dashboards.tables import Column
from ingestion_pipeline.outlets.marts.orders import NOTHING

# Orders of the days that `orders_daily` has, and of the states that count there. A day is the
# tenant's own: the instants, which serve the index, are a day wider.
_PRODUCTS = sa.text("""
    WITH sold AS (
        SELECT ordered.currency, item.product_id, sum(item.quantity) AS quantity,
               sum(item.line_total) AS amount, count(DISTINCT item.order_id) AS orders
        FROM orders AS ordered JOIN order_items AS item USING (tenant_id, order_id)
        WHERE ordered.tenant_id = :tenant_id
          AND ordered.order_date >= CAST(:start AS date) - interval '1 day'
          AND ordered.order_date < CAST(:newest AS date) + interval '2 days'
          AND CAST(ordered.order_date AT TIME ZONE :zone AS date) > :start
          AND CAST(ordered.order_date AT TIME ZONE :zone AS date) <= :newest
          AND lower(btrim(ordered.order_status)) <> ALL (:nothing)
          AND (:currency = '' OR ordered.currency = :currency)
        GROUP BY 1, 2
    ), ranked AS (
        SELECT sold.*, amount / NULLIF(max(amount) OVER (PARTITION BY currency), 0) AS share
        FROM sold
    )
    SELECT product.name, product.sku, ranked.* FROM ranked
    JOIN products AS product
      ON product.tenant_id = :tenant_id AND product.product_id = ranked.product_id
    ORDER BY currency, amount DESC, ranked.product_id LIMIT :limit OFFSET :offset
""")
_COLUMNS = (
    Column("product", "product"),
    Column("sku", "SKU"),
    Column("currency", "currency"),
    Column("amount", "amount", "money"),
    Column("quantity", "units", "count"),
    Column("orders", "orders", "count"),
    Column("share", "of the most", "bar", shown_only=True),
)


@page("/commerce/products")
def products(ask: Ask) -> Shown:
    """What sold most in the last days, `?currency=` of one currency."""
    currency = ask.text("currency")
    recently = recent(ask, NEWEST, "orders")
    rows = [] if recently.newest is None else _rows(ask, recently.newest, currency)
    of_currency = f" in {currency}" if currency else ""
    table = recently.table(
        "products", f"Products by what they came to in {DAYS} days{of_currency}", _COLUMNS, rows,
        empty="No order yet.",
    )  # fmt: skip
    shown = table.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting)
    return Shown("products.html", "Products", (shown,), {"recent": recently, "currency": currency})


def _rows(ask: Ask, newest: date, currency: str) -> list[dict[str, Any]]:
    found = ask.rows(
        _PRODUCTS, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS), newest=newest,
        zone=ask.zone.key, currency=currency, nothing=list(NOTHING), **ask.window,
    )  # fmt: skip
    return [
        {**row._asdict(), "product": row.name or "no name",
         "share": None if row.share is None else float(row.share)}
        for row in found
    ]  # fmt: skip
