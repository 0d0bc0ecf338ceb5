"""Rows of KDP's royalty and KENP sheets as events.

Rows are known again by month, book, marketplace, royalty type and currency, which all sheets have;
the transaction type differs between them (a hardcover is `Standard - Paperback` in `Combined
Sales`) and by language, so only its class is part of the key.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from ingestion_pipeline.domains.book_sales.contract.events import (
    DAY,
    FREE,
    MONTH,
    PAGES,
    REFUND,
    SALE,
    Event,
    Occurrences,
    RowError,
)
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Notation
from ingestion_pipeline.domains.book_sales.sources.formats.values import (
    currency,
    identity,
    moment,
    net_of,
    number,
    required,
    text_of,
    whole,
)
from ingestion_pipeline.domains.book_sales.sources.kdp import columns as columns_
from ingestion_pipeline.domains.book_sales.sources.kdp.tables import Table
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown

_PERCENT = re.compile(r"([0-9]{1,3})(?:[.,]0+)?[ ]?%")
_FRACTION = re.compile(r"[01]?[.,][0-9]{1,4}|[01]")
_UNITS = {
    "net_units": "Net Units Sold", "units_sold": "Units Sold", "units_refunded": "Units Refunded",
}  # fmt: skip


def royalty(
    table: Table, values: Mapping[str, Cell], row: Row, ids: Occurrences, notation: Notation
) -> Event:
    """A sale, a refund or a free copy.

    Raises:
        RowError: a field is missing or is not what it has to be.
    """
    occurred_at, precision = _moment("Royalty Date", table, values, notation)
    book = identity(
        "ASIN/ISBN", values.get("isbn") or values.get("asin_isbn") or values.get("asin") or ""
    )
    if not book:
        raise RowError("ASIN/ISBN", "is missing")
    is_isbn = book.isascii() and book.isdigit()
    sold = whole("Units Sold", values.get("units_sold", ""), notation)
    refunded = whole("Units Refunded", values.get("units_refunded", ""), notation)
    net = number("Net Units Sold", values.get("net_units", ""), notation)
    quantity = sold - refunded
    if net is not None:
        quantity = whole("Net Units Sold", values["net_units"], notation)
    elif number("Units Sold", values.get("units_sold", ""), notation) is None:
        raise RowError("Units Sold", "is missing")
    net_of(
        values, notation, net="net_units", sold="units_sold", returned="units_refunded",
        names=_UNITS,
    )  # fmt: skip
    money = currency("Currency", values["currency"])
    plan = shown(values.get("transaction_type", values.get("payout_plan", "")))
    sort = _sort(plan)
    kind = _percent(values.get("royalty_type", ""))
    key = (
        occurred_at.date().isoformat() if precision == DAY else f"{occurred_at:%Y-%m}",
        book, shown(values["marketplace"]), kind, sort, money,
    )  # fmt: skip
    natural, external_id = ids.next(table.report, key)
    event_type = FREE if sort == FREE else SALE
    return Event(
        event_type=REFUND if quantity < 0 or (refunded > 0 and sold == 0) else event_type,
        report=table.report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision,
        title=text_of(values["title"]), author=text_of(values.get("author", "")),
        asin=text_of(values.get("asin", "")) or (None if is_isbn else book),
        isbn=text_of(values.get("isbn", "")) or (book if is_isbn else None),
        marketplace=text_of(values["marketplace"]), quantity=quantity,
        refunded_units=max(refunded, -quantity, 0),
        list_price=number("List Price", values.get("list_price", ""), notation, money=money),
        amount=required("Royalty", number("Royalty", values["royalty"], notation, money=money)),
        currency=money, raw=table.raw(row), source_row=row.number,
    )  # fmt: skip


def kenp(
    table: Table, values: Mapping[str, Cell], row: Row, ids: Occurrences, notation: Notation
) -> Event:
    """Pages that were read; their money only where the sheet says it.

    Raises:
        RowError: a field is missing or is not what it has to be.
    """
    occurred_at, precision = _moment("Date", table, values, notation)
    asin = text_of(values.get("asin", values.get("asin_isbn", "")))
    if asin is None:
        raise RowError("ASIN", "is missing")
    key = (occurred_at.date().isoformat(), precision, asin, shown(values["marketplace"]))
    report = columns_.KENP if table.month is None else f"prior_month_{columns_.KENP}"
    natural, external_id = ids.next(report, key)
    said = text_of(values.get("currency", ""))
    money = currency("Currency", said) if said else None
    pages = values.get("pages", values.get("net_units", ""))
    required("KENP Read", number("KENP Read", pages, notation))
    earned = number("Royalty", values.get("royalty", ""), notation, money=money)
    return Event(
        event_type=PAGES, report=report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision,
        title=text_of(values["title"]), author=text_of(values.get("author", "")), asin=asin,
        marketplace=text_of(values["marketplace"]),
        quantity=whole("KENP Read", pages, notation),
        amount=earned, currency=money, refunded_units=0, raw=table.raw(row),
        source_row=row.number,
    )  # fmt: skip


def _moment(
    field: str, table: Table, values: Mapping[str, Cell], notation: Notation
) -> tuple[datetime, str]:
    """When a row was: of its own date, or the month that the sheet says above its header."""
    if table.month is None:
        return moment(field, values.get("date", ""), notation)
    at, _ = moment("Sales Period", table.month, notation)
    return at.replace(day=1, hour=0, minute=0, second=0), MONTH


def _sort(transaction_type: str) -> str:
    name = columns_.plain(transaction_type)
    if "free" in name or "gratui" in name or "gratis" in name:
        return FREE
    return "expanded" if "expanded" in name or "ampliad" in name else "standard"


def _percent(cell: Cell) -> str:
    """A royalty type as KDP writes it: spreadsheets make 0.7 of 70%."""
    text = shown(cell)
    if found := _PERCENT.fullmatch(text):
        return f"{int(found[1])}%"
    if _FRACTION.fullmatch(text):
        return f"{(Decimal(text.replace(',', '.')) * 100).normalize():f}%"
    return text
