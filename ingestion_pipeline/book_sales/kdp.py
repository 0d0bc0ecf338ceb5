"""Amazon KDP: workbooks (royalties, orders, KENP, prior months, payments), and CSV of one sheet.

Several sheets tell the same sales: `Combined Sales` repeats the royalty sheets, the order sheets
repeat them without money. A sale counts once: from the royalty sheets, or from `Combined Sales`
where it comes alone. Rows are known again by month, book, marketplace, royalty type and currency,
which all of them have; the transaction type differs between them (a hardcover is `Standard -
Paperback` in `Combined Sales`) and by language, so only its class is part of the key.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion_pipeline.book_sales import kdp_columns as columns_
from ingestion_pipeline.book_sales.contract import (
    DAY,
    FREE,
    PAGES,
    PAYMENT,
    REFUND,
    SALE,
    Event,
    Occurrences,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.book_sales.delimited import is_workbook, read_text
from ingestion_pipeline.book_sales.tabular import require_width
from ingestion_pipeline.book_sales.values import currency, moment, number, text_of, whole
from ingestion_pipeline.book_sales.workbooks import Row, Sheet, read_workbook
from ingestion_pipeline.errors import ContractError

_PERIOD = frozenset({"sales period", "periodo de ventas"})


@dataclass(frozen=True)
class _Table:
    """A sheet with its header understood.

    Attributes:
        month: of all rows, where the sheet says it above its header (Prior Month Royalties).
    """

    name: str
    kind: str
    header: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Row]
    month: str | None = None
    decimal_comma: bool = False

    @property
    def report(self) -> str:
        """The kind of report in ids: what Amazon settled is told apart from its estimates."""
        return self.kind if self.month is None else f"prior_month_{self.kind}"


def parse(content: bytes, *, file_name: str) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it is none that is known: the message says what was found and is known.
    """
    if is_workbook(content):
        tables, parsed = _of_workbook(content)
    else:
        tables, parsed = _of_text(content, file_name), Parsed()
    occurrences = Occurrences()
    for table in tables:
        for row in table.rows:
            if not any(cell.strip() for cell in row.cells):
                continue
            _add(parsed, table, row, occurrences)
    return parsed


def _of_workbook(content: bytes) -> tuple[list[_Table], Parsed]:
    parsed = Parsed()
    tables: list[_Table] = []
    for sheet in read_workbook(io.BytesIO(content)):
        kind = columns_.kind_of_sheet(sheet.name)
        if kind != columns_.NOTES and sheet.rows:
            tables.append(_table(sheet, kind))
    in_detail = any(table.kind == columns_.ROYALTY for table in tables)
    kept = []
    for table in tables:
        if table.kind == columns_.ORDERS or (in_detail and table.kind == columns_.COMBINED):
            parsed.pass_over(f"{table.name}: repeats the royalty sheets", len(table.rows))
        else:
            kept.append(_as_royalty(table))
    if not tables:
        raise ContractError("file: the workbook has no sheet with rows")
    return kept, parsed


def _of_text(content: bytes, file_name: str) -> list[_Table]:
    text = read_text(content)
    table = _table(Sheet(file_name, text.rows), None)
    if table.kind == columns_.ORDERS:
        raise ContractError(
            "file: orders carry no royalties, and the royalty sheets repeat them; "
            "send the report of royalties"
        )
    return [
        _as_royalty(
            _Table(table.name, table.kind, table.header, table.columns, table.rows, table.month,
                   decimal_comma=text.decimal_comma)
        )
    ]  # fmt: skip


def _as_royalty(table: _Table) -> _Table:
    """`Combined Sales` without the sheets that it combines: its rows are the same sales."""
    if table.kind != columns_.COMBINED:
        return table
    return _Table(table.name, columns_.ROYALTY, table.header, table.columns, table.rows,
                  table.month, table.decimal_comma)  # fmt: skip


def _table(sheet: Sheet, kind: str | None) -> _Table:
    rows = [row for row in sheet.rows if any(cell.strip() for cell in row.cells)]
    month = None
    if rows and columns_.plain(rows[0].cells[0]) in _PERIOD:
        month = rows[0].cells[1] if len(rows[0].cells) > 1 else ""
        rows = rows[1:]
    header = rows[0].cells if rows else []
    columns = columns_.columns_of(sheet.name, header)
    kind = kind or columns_.kind_of_columns(columns)
    if kind is None:
        raise ContractError(
            f"file: {sheet.name}: the columns {', '.join(map(repr, header))} are those of no known "
            f"sheet; known are {', '.join(sorted(columns_.SHEETS))}"
        )
    columns_.require(sheet.name, kind, columns)
    return _Table(sheet.name, kind, header, columns, rows[1:], month)


def _add(parsed: Parsed, table: _Table, row: Row, occurrences: Occurrences) -> None:
    cells = [*row.cells, *[""] * (len(table.columns) - len(row.cells))]
    raw = {"sheet": table.name, **dict(zip(table.header, cells, strict=False))}
    try:
        require_width(row, len(table.columns))
        values = dict(zip(table.columns, cells, strict=False))
        parsed.events.append(_KINDS[table.kind](table, values, raw, row.number, occurrences))
    except RowError as error:
        shown = "\t".join(row.cells)
        parsed.rejected.append(RejectedRow(row.number, shown, (error.reason,)))


def _royalty(
    table: _Table, values: Mapping[str, str], raw: Mapping[str, str], row: int, ids: Occurrences
) -> Event:
    occurred_at, precision = moment("Royalty Date", table.month or values.get("date", ""))
    book = values.get("isbn") or values.get("asin_isbn") or values.get("asin") or ""
    if not book.strip():
        raise RowError("ASIN/ISBN", "is missing")
    comma = table.decimal_comma
    sold = whole("Units Sold", values.get("units_sold", ""), decimal_comma=comma)
    refunded = whole("Units Refunded", values.get("units_refunded", ""), decimal_comma=comma)
    net = values.get("net_units", "")
    quantity = whole("Net Units Sold", net, decimal_comma=comma) if net else sold - refunded
    money = currency("Currency", values["currency"])
    sort = _sort(values.get("transaction_type", ""))
    key = (
        occurred_at.date().isoformat() if precision == DAY else f"{occurred_at:%Y-%m}",
        book.strip(), values["marketplace"].strip(), values.get("royalty_type", "").strip(), sort,
        money,
    )  # fmt: skip
    natural, external_id = ids.next(table.report, key)
    event_type = FREE if sort == FREE else SALE
    return Event(
        event_type=REFUND if quantity < 0 or (refunded > 0 and sold == 0) else event_type,
        report=table.report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision,
        title=text_of(values["title"]), author=text_of(values.get("author", "")),
        asin=text_of(values.get("asin", "")) or _asin(book),
        isbn=text_of(values.get("isbn", "")) or _isbn(book),
        marketplace=text_of(values["marketplace"]), quantity=quantity,
        list_price=number("List Price", values.get("list_price", ""), decimal_comma=comma),
        amount=number("Royalty", values["royalty"], decimal_comma=comma),
        currency=money, raw=raw, source_row=row,
    )  # fmt: skip


def _sort(transaction_type: str) -> str:
    name = columns_.plain(transaction_type)
    if "free" in name or "gratui" in name or "gratis" in name:
        return FREE
    return "expanded" if "expanded" in name or "ampliad" in name else "standard"


def _asin(book: str) -> str | None:
    return book.strip() if not book.strip().isdigit() else None


def _isbn(book: str) -> str | None:
    return book.strip() if book.strip().isdigit() else None


def _kenp(
    table: _Table, values: Mapping[str, str], raw: Mapping[str, str], row: int, ids: Occurrences
) -> Event:
    occurred_at, precision = moment("Date", table.month or values.get("date", ""))
    asin = text_of(values["asin"])
    if asin is None:
        raise RowError("ASIN", "is missing")
    key = (occurred_at.date().isoformat(), precision, asin, values["marketplace"].strip())
    natural, external_id = ids.next(table.report, key)
    money = text_of(values.get("currency", ""))
    return Event(
        event_type=PAGES, report=table.report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision,
        title=text_of(values["title"]), author=text_of(values.get("author", "")), asin=asin,
        marketplace=text_of(values["marketplace"]),
        quantity=whole("KENP Read", values["pages"], decimal_comma=table.decimal_comma),
        amount=number("Royalty", values.get("royalty", ""), decimal_comma=table.decimal_comma),
        currency=currency("Currency", money) if money else None, raw=raw, source_row=row,
    )  # fmt: skip


def _payment(
    table: _Table, values: Mapping[str, str], raw: Mapping[str, str], row: int, ids: Occurrences
) -> Event:
    occurred_at, precision = moment("Date", values.get("date", ""))
    key = [
        values.get(name, "").strip()
        for name in ("payment_number", "period_start", "period_end", "marketplace", "source",
                     "currency", "detail")
    ]  # fmt: skip
    natural, external_id = ids.next(table.report, key)
    second = text_of(values["currency_2"]) or ""
    money = second if second.upper() not in ("", "N/A") else values["currency"]
    # Headers may repeat: both currencies are kept under names of their own.
    both = {"accrual_currency": values["currency"], "payout_currency": values["currency_2"]}
    return Event(
        event_type=PAYMENT, report=table.report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision, title=None,
        marketplace=text_of(values.get("marketplace", "")), quantity=0,
        amount=number("Payout Amount", values["payout"], decimal_comma=table.decimal_comma),
        currency=currency("Currency", money), raw={**raw, **both}, source_row=row,
    )  # fmt: skip


_KINDS = {columns_.ROYALTY: _royalty, columns_.KENP: _kenp, columns_.PAYMENTS: _payment}
