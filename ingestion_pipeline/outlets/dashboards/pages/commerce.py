"""Commerce: orders by day, each currency for itself; nothing is ever added across currencies."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.recent import Recent, recent
from ingestion_pipeline.outlets.dashboards.spans import address
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import share_of

DAYS = 30
_SPARK_DAYS = 90
NEWEST = sa.text("""
    SELECT max(day) FROM orders_daily WHERE tenant_id = :tenant_id AND day <= :today
""")
_CURRENCIES = sa.text("""
    SELECT currency, day > :middle AS recent, sum(net) AS net, sum(gross) AS gross,
           sum(discounts) AS discounts, sum(refunds) AS refunds, sum(orders) AS orders,
           sum(new_customers) AS new, sum(returns) AS returns, sum(cancelled) AS cancelled,
           sum(untold) AS untold
    FROM orders_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
    GROUP BY 1, 2
""")
_NETS = sa.text("""
    SELECT currency, day, net FROM orders_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
""")
_DAYS = sa.text("""
    SELECT day, currency, orders, gross, discounts, refunds, net, average, new_customers,
           returning_customers, untold
    FROM orders_daily
    WHERE tenant_id = :tenant_id AND (:currency = '' OR currency = :currency)
    ORDER BY day DESC, currency LIMIT :limit OFFSET :offset
""")
# What one looks for first stands first: a telephone shows no more than that.
_FIRST = Column("net", "net", "money")
_AMOUNTS = (
    Column("gross", "gross", "money"),
    Column("discounts", "discounts", "money"),
    Column("refunds", "refunds", "money"),
)
_BY_CURRENCY = (
    Column("currency", "currency", link="link"),
    _FIRST,
    Column("change", "change", "change", level="level"),
    Column("orders", "orders", "count"),
    Column("average", "average", "average"),
    *_AMOUNTS,
    Column("new", "new customers", "count"),
    Column("returns", "returns", "count"),
    Column("cancelled", "cancelled", "count"),
    Column("untold", "without a total", "count"),
    Column("days", f"{_SPARK_DAYS} days", "spark", shown_only=True),
)
BRIEFLY = ("currency", "net", "change", "orders", "average", "days")
_OF_DAYS = (
    Column("day", "day", "day"),
    Column("currency", "currency"),
    _FIRST,
    Column("orders", "orders", "count"),
    Column("average", "average", "average"),
    *_AMOUNTS,
    Column("new", "new customers", "count"),
    Column("returning", "returning", "count"),
    Column("untold", "without a total", "count"),
)


@page("/commerce", nav="Commerce")
def commerce(ask: Ask) -> Shown:
    """By currency, and by day."""
    by_currency, recently = currencies(ask)
    currency = ask.text("currency")
    rows = ask.rows(_DAYS, tenant_id=ask.tenant_id, currency=currency, **ask.window)
    days = recently.table(
        "days", f"Days with orders{f' in {currency}' if currency else ''}, newest first", _OF_DAYS,
        [{**row._asdict(), "new": row.new_customers, "returning": row.returning_customers}
         for row in rows],
        empty="No order yet.",
    )  # fmt: skip
    tables = (by_currency, days.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting))
    return Shown("commerce.html", "Commerce", tables, {"recent": recently, "currency": currency})


def currencies(ask: Ask) -> tuple[Table, Recent]:
    """The last days by currency against as many before; and how far the mart is."""
    recently = recent(ask, NEWEST, "orders")
    rows = [] if recently.newest is None else _rows(ask, recently.newest)
    table = recently.table(
        "currencies", f"Orders of {DAYS} days by currency, against the {DAYS} before", _BY_CURRENCY,
        rows, empty="No order yet. Files in the drop folder, or by HTTP, bring the first.",
    )  # fmt: skip
    return table, recently


def _rows(ask: Ask, newest: date) -> list[dict[str, Any]]:
    middle, start = newest - timedelta(days=DAYS), newest - timedelta(days=2 * DAYS)
    sums = {
        (row.currency, row.recent): row
        for row in ask.rows(_CURRENCIES, tenant_id=ask.tenant_id, middle=middle, start=start,
                            newest=newest)
    }  # fmt: skip
    lines = _lines(ask, newest)
    told: list[dict[str, Any]] = []
    for currency in sorted({currency for currency, _ in sums}):
        now, before = sums.get((currency, True)), sums.get((currency, False))
        moved = share_of(now.net if now else Decimal(0), before.net if before else None)
        of = now.orders - now.untold if now else 0
        told.append({
            **(now._asdict() if now else {}),
            "currency": currency, "link": address("/commerce", currency=currency), "change": moved,
            "average": (now.gross - now.discounts) / of if now and of else None,
            "level": "" if moved is None else "good" if moved >= 0 else "warn",
            "days": lines[currency],
        })  # fmt: skip
    return sorted(told, key=lambda row: (-(row.get("orders") or 0), row["currency"]))


def _lines(ask: Ask, newest: date) -> dict[str, list[float]]:
    """Net amounts by currency, day by day; a day without an order, or of none that tells its
    total, is 0."""
    start = newest - timedelta(days=_SPARK_DAYS)
    lines: dict[str, list[float]] = defaultdict(lambda: [0.0] * _SPARK_DAYS)
    for row in ask.rows(_NETS, tenant_id=ask.tenant_id, start=start, newest=newest):
        lines[row.currency][(row.day - start).days - 1] = float(row.net or 0)
    return lines
