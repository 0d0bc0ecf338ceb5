"""Books: what the author earns, by currency and by whether it is settled or still estimated."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import EXPORT_ROWS, PAGE_ROWS, Ask, Shown, page
from ingestion_pipeline.outlets.dashboards.recent import Recent, recent
from ingestion_pipeline.outlets.dashboards.tables import Column, Table

DAYS = 90
_MONTHS = 12  # of a sparkline
_NEWEST = sa.text("""
    SELECT max(day) FROM book_income_daily WHERE tenant_id = :tenant_id AND day <= :today
""")
_INCOMES = sa.text("""
    SELECT currency, basis, sum(income) AS income, sum(units) AS units,
           sum(units_refunded) AS refunded, sum(pages_read) AS pages, max(day) AS newest
    FROM book_income_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
    GROUP BY 1, 2 ORDER BY sum(units) DESC, 1, 2
""")
_BY_MONTH = sa.text("""
    SELECT date_trunc('month', day)::date AS month, platform, currency, basis,
           sum(income) AS income, sum(units) AS units, sum(units_refunded) AS refunded,
           sum(pages_read) AS pages
    FROM book_income_daily
    WHERE tenant_id = :tenant_id AND day > :start
    GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4 LIMIT :limit OFFSET :offset
""")
_LINES = sa.text("""
    SELECT date_trunc('month', day)::date AS month, currency, basis, sum(income) AS income
    FROM book_income_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
    GROUP BY 1, 2, 3
""")
_TITLES = sa.text("""
    SELECT title, platform, currency, basis, sum(income) AS income, sum(units) AS units,
           sum(units_refunded) AS refunded, sum(pages_read) AS pages
    FROM book_income_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
      AND position(lower(:like) IN lower(title)) > 0
    GROUP BY 1, 2, 3, 4 ORDER BY sum(units) DESC, 1, 2, 3, 4 LIMIT :titles
""")
# Where a reader buys; of each currency and basis what part of the income.
_PLACES = sa.text("""
    SELECT platform, marketplace, currency, basis, sum(income) AS income, sum(units) AS units,
           sum(units_refunded) AS refunded, sum(pages_read) AS pages,
           sum(income) / NULLIF(sum(sum(income)) OVER (PARTITION BY currency, basis), 0) AS share
    FROM book_income_daily
    WHERE tenant_id = :tenant_id AND day > :start AND day <= :newest
    GROUP BY 1, 2, 3, 4 ORDER BY currency, basis, sum(income) DESC, 1, 2 LIMIT :places
""")
_AMOUNTS = (
    Column("income", "income", "money"),
    Column("units", "units", "count"),
    Column("refunded", "refunded", "count"),
    Column("pages", "pages read", "count"),
)
_WHICH = (Column("currency", "currency"), Column("basis", "basis", level="level"))
_INCOME_COLUMNS = (
    *_WHICH, *_AMOUNTS,
    Column("months", "by month", "spark", shown_only=True),
    Column("newest", "newest", "day"),
)  # fmt: skip
BRIEFLY = ("currency", "basis", "income", "units", "months", "newest")
_OF_PLACES = (
    Column("platform", "platform"),
    Column("marketplace", "marketplace"),
    *_WHICH, *_AMOUNTS,
    Column("share", "of the currency", "bar", shown_only=True),
)  # fmt: skip
_MOST_TITLES, _MOST_PLACES = 100, 200


@page("/books", nav="Books")
def books(ask: Ask) -> Shown:
    """By currency, title, and month."""
    by_currency, recently = incomes(ask)
    newest = recently.newest
    like = ask.text("q").strip()
    titles = [] if newest is None else ask.rows(
        _TITLES, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS), newest=newest,
        like=like, titles=EXPORT_ROWS if ask.exporting else _MOST_TITLES,
    )  # fmt: skip
    places = [] if newest is None else ask.rows(
        _PLACES, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS), newest=newest,
        places=EXPORT_ROWS if ask.exporting else _MOST_PLACES,
    )  # fmt: skip
    months = ask.rows(_BY_MONTH, tenant_id=ask.tenant_id, start=date(1900, 1, 1), **ask.window)
    by_title = recently.table(
        "titles", f"Income of {DAYS} days by title, platform and currency",
        (Column("title", "title"), Column("platform", "platform"), *_WHICH, *_AMOUNTS),
        [_row(row) for row in titles],
        empty=f"No title has {like!r} in it." if like else "No sale yet.",
    )  # fmt: skip
    by_month = recently.table(
        "months", "Income by month, platform and currency, newest first",
        (Column("month", "month"), Column("platform", "platform"), *_WHICH, *_AMOUNTS),
        [{**_row(row), "month": row.month.strftime("%Y-%m")} for row in months],
        empty="No sale yet.",
    )  # fmt: skip
    by_place = recently.table(
        "places", f"Income of {DAYS} days by platform and marketplace, each currency for itself",
        _OF_PLACES, [
            {**_row(row), "share": None if row.share is None else float(row.share)}
            for row in places
        ], empty="No sale yet.",
    )  # fmt: skip
    shown = (
        by_currency,
        by_place,
        by_title,
        by_month.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting),
    )
    return Shown("books.html", "Books", shown, {"recent": recently, "most_titles": _MOST_TITLES})


def incomes(ask: Ask) -> tuple[Table, Recent]:
    """The last days by currency and basis; and how far the mart is."""
    recently = recent(ask, _NEWEST, "sales_events", unit="month")
    rows = [] if recently.newest is None else _rows(ask, recently.newest)
    table = recently.table(
        "incomes", f"What the author earned in {DAYS} days, by currency", _INCOME_COLUMNS, rows,
        empty="No sale yet. Reports in the drop folder bring the first.",
    )  # fmt: skip
    return table, recently


def _rows(ask: Ask, newest: date) -> list[dict[str, Any]]:
    lines = _lines(ask, newest)
    found = ask.rows(
        _INCOMES, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS), newest=newest
    )
    return [{**_row(row), "months": lines[row.currency, row.basis]} for row in found]


def _row(row: sa.Row[Any]) -> dict[str, Any]:
    told = row._asdict()
    told["currency"] = told["currency"] or "not told"
    return {**told, "level": "warn" if row.basis == "estimated" else "good"}


def _lines(ask: Ask, newest: date) -> dict[tuple[str, str], list[float]]:
    """Incomes by currency and basis, month by month; a month without any is 0."""
    last = newest.year * 12 + newest.month - 1
    first = last - _MONTHS + 1
    start = date(first // 12, first % 12 + 1, 1) - timedelta(days=1)
    lines: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * _MONTHS)
    for row in ask.rows(_LINES, tenant_id=ask.tenant_id, start=start, newest=newest):
        at = row.month.year * 12 + row.month.month - 1 - first
        lines[row.currency, row.basis][at] = float(row.income)
    return lines
