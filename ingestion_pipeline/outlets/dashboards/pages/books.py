"""Books: what the author earns, by currency and by whether it is settled or still estimated."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown, page
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
_AMOUNTS = (
    Column("income", "income", "money"),
    Column("units", "units", "count"),
    Column("refunded", "came back", "count"),
    Column("pages", "pages read", "count"),
)
_WHICH = (Column("currency", "currency"), Column("basis", "", level="level"))
_INCOME_COLUMNS = (
    *_WHICH, *_AMOUNTS,
    Column("months", "by month", "spark", shown_only=True),
    Column("newest", "newest", "day"),
)  # fmt: skip
BRIEFLY = ("currency", "basis", "income", "units", "months", "newest")
_MOST_TITLES = 100


@page("/books", nav="Books")
def books(ask: Ask) -> Shown:
    """By currency, title, and month."""
    by_currency, newest = incomes(ask)
    like = ask.text("q").strip()
    titles = [] if newest is None else ask.rows(
        _TITLES, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS), newest=newest,
        like=like, titles=100_000 if ask.exporting else _MOST_TITLES,
    )  # fmt: skip
    months = ask.rows(_BY_MONTH, tenant_id=ask.tenant_id, start=date(1900, 1, 1), **ask.window)
    by_title = Table(
        "titles", f"Income of {DAYS} days by title, platform and currency",
        (Column("title", "title"), Column("platform", "platform"), *_WHICH, *_AMOUNTS),
        [_row(row) for row in titles],
        empty=f"No title has {like!r} in it." if like else "No sale yet.",
    )  # fmt: skip
    by_month = Table(
        "months", "Income by month, platform and currency, newest first",
        (Column("month", "month"), Column("platform", "platform"), *_WHICH, *_AMOUNTS),
        [{**_row(row), "month": row.month.strftime("%Y-%m")} for row in months],
        empty="No sale yet.",
    )  # fmt: skip
    shown = (by_currency, by_title, by_month.paged(ask.page, size=PAGE_ROWS, whole=ask.exporting))
    return Shown("books.html", "Books", shown, {"newest": newest, "most_titles": _MOST_TITLES})


def incomes(ask: Ask) -> tuple[Table, date | None]:
    """The last days by currency and basis; and which day the newest is."""
    today = ask.now.astimezone(ask.zone).date()
    newest: date | None = ask.rows(_NEWEST, tenant_id=ask.tenant_id, today=today)[0][0]
    rows: list[dict[str, Any]] = []
    if newest is not None:
        lines = _lines(ask, newest)
        found = ask.rows(_INCOMES, tenant_id=ask.tenant_id, start=newest - timedelta(days=DAYS),
                         newest=newest)  # fmt: skip
        rows = [{**_row(row), "months": lines[row.currency, row.basis]} for row in found]
    table = Table(
        "incomes", f"What the author earned in {DAYS} days, by currency", _INCOME_COLUMNS, rows,
        empty="No sale yet. Reports in the drop folder bring the first.",
    )  # fmt: skip
    return table, newest


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
