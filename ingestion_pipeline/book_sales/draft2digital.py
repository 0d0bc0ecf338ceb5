"""Draft2Digital's CSV of ebooks or print books: a row a title, vendor, country and period.

A row's period is a day, but for Apple's, which are weeks or months: such a row counts on the
first day of its period, with the precision of a month. Rows at the end that sum up the rest name
no title.
"""

from ingestion_pipeline.book_sales.contract import (
    DAY,
    FREE,
    MONTH,
    REFUND,
    SALE,
    Event,
    Occurrences,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.book_sales.delimited import read_text
from ingestion_pipeline.book_sales.tabular import Reading, header_of, require_width
from ingestion_pipeline.book_sales.values import currency, moment, number, text_of, whole

_COMMON = (
    "Start Date", "End Date", "Publisher", "Title ID", "Title", "Primary Author", "Distributor",
    "Vendor", "Country", "Units Sold", "Units Returned", "Net Unit Sales", "Sales Model",
    "Retailer", "List Price Per Unit", "Currency Code", "Offer Price Per Unit", "Royalty Percent",
    "Sales Channel Revenue Per Unit", "Extended Sales Channel Revenue", "Publisher Share",
    "Publisher Share USD (estimated)", "Verified",
)  # fmt: skip
_EBOOK = ("Ebook ISBN", "Sales Channel Fee/Taxes Per Unit", "Sales Channel Share", "D2D Share")
_PRINT = ("Paperback ISBN", "Unit Cost")
EBOOK_HEADER = (*_COMMON, *_EBOOK)
_KEY = (
    "Start Date", "End Date", "Title ID", "Distributor", "Vendor", "Country", "Sales Model",
    "Retailer", "Currency Code",
)  # fmt: skip


def parse(content: bytes, *, file_name: str) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it is not text with these columns.
    """
    text = read_text(content)
    known = (*_COMMON, *_EBOOK, *_PRINT)
    reading = Reading(header_of(file_name, text.rows, known=known, needed=_COMMON), text.rows)
    report = "print" if "Paperback ISBN" in reading.header else "ebook"
    parsed, occurrences = Parsed(), Occurrences()
    for row, values in reading.rows():
        if not values["Title ID"].strip() and not values["Title"].strip():
            parsed.pass_over("summary rows")
            continue
        try:
            require_width(row, len(reading.header))
            event = _event(values, row.number, occurrences, report, comma=text.decimal_comma)
            parsed.events.append(event)
        except RowError as error:
            shown = text.delimiter.join(row.cells)
            parsed.rejected.append(RejectedRow(row.number, shown, (error.reason,)))
    return parsed


def _event(
    values: dict[str, str], row: int, ids: Occurrences, report: str, *, comma: bool
) -> Event:
    start, _ = moment("Start Date", values["Start Date"])
    end, _ = moment("End Date", values["End Date"])
    if end < start:
        raise RowError("End Date", "is before the start")
    isbn = values.get("Ebook ISBN") or values.get("Paperback ISBN") or ""
    natural, external_id = ids.next(report, [*(values[n].strip() for n in _KEY), isbn.strip()])
    quantity = whole("Net Unit Sales", values["Net Unit Sales"], decimal_comma=comma)
    amount = number("Publisher Share", values["Publisher Share"], decimal_comma=comma)
    event_type = SALE
    if quantity < 0 or (amount is not None and amount < 0):
        event_type = REFUND
    elif number("Offer Price Per Unit", values["Offer Price Per Unit"], decimal_comma=comma) == 0:
        event_type = SALE if amount else FREE
    return Event(
        event_type=event_type, report=report, external_id=external_id, natural_key=natural,
        occurred_at=start, date_precision=DAY if start == end else MONTH,
        title=text_of(values["Title"]), author=text_of(values["Primary Author"]),
        isbn=text_of(isbn), marketplace=text_of(values["Vendor"]), quantity=quantity,
        list_price=number(
            "List Price Per Unit", values["List Price Per Unit"], decimal_comma=comma
        ),
        amount=amount, currency=currency("Currency Code", values["Currency Code"]),
        raw=values, source_row=row,
    )  # fmt: skip
