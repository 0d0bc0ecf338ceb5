"""Draft2Digital's CSV of ebooks or print books: a row a title, vendor, country and period.

A row's period is a day, but for Apple's, which are weeks or months: such a row counts on the
first day of its period, with the precision of a month. Rows at the end that sum up the rest name
neither a book nor a vendor; a row that names a vendor only has lost its book (a spreadsheet's
merged cells do that), and is refused.
"""

from collections.abc import Mapping
from datetime import datetime

from ingestion_pipeline.domains.book_sales.contract.events import (
    DAY,
    FREE,
    MONTH,
    REFUND,
    SALE,
    Event,
    Occurrences,
    Parsed,
    RowError,
)
from ingestion_pipeline.domains.book_sales.sources.formats.notation import (
    NOTHING_TOLD,
    Notation,
    Told,
)
from ingestion_pipeline.domains.book_sales.sources.formats.tabular import Kinds, read_table
from ingestion_pipeline.domains.book_sales.sources.formats.values import (
    currency,
    identity,
    moment,
    net_of,
    number,
    required,
    shown_row,
    text_of,
    whole,
)
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown

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
    "Title ID", "Distributor", "Vendor", "Country", "Sales Model", "Retailer", "Currency Code",
)  # fmt: skip
_NAMING = ("Title ID", "Title", "Ebook ISBN", "Paperback ISBN", "Vendor")
_KINDS = Kinds(
    amounts=("List Price Per Unit", "Offer Price Per Unit", "Publisher Share"),
    wholes=("Units Sold", "Units Returned", "Net Unit Sales"),
    dates=("Start Date", "End Date"),
)  # fmt: skip


def parse(content: bytes, *, file_name: str, told: Told = NOTHING_TOLD) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it has other columns, or leaves open how numbers or dates are to be read.
    """
    known = (*_COMMON, *_EBOOK, *_PRINT)
    table = read_table(content, file_name=file_name, known=known, needed=_COMMON)
    report = "print" if "Paperback ISBN" in table.header else "ebook"
    titles = [at for at, name in enumerate(table.header) if name in _NAMING]
    parsed, occurrences = Parsed(), Occurrences()
    rows = [row for row in table.filled() if not _sums_up(row, titles)]
    notation = table.notation(_KINDS, told, rows)
    for row in rows:
        try:
            event, end = _event(table.values(row), row.number, occurrences, report, notation)
            parsed.events.append(event)
            parsed.period_end = max(parsed.period_end or end, end)
        except RowError as error:
            table.reject(parsed, row, error)
    if summaries := sum(row.lines for row in table.filled()) - sum(row.lines for row in rows):
        parsed.pass_over("summary rows", summaries)
    table.close(parsed)
    return parsed


def _sums_up(row: Row, titles: list[int]) -> bool:
    named = any(at < len(row.cells) and shown(row.cells[at]) for at in titles)
    return row.problem is None and not named


def _event(
    values: Mapping[str, Cell], row: int, ids: Occurrences, report: str, notation: Notation
) -> tuple[Event, datetime]:
    """A row's event, and the end of its period."""
    start, precision = moment("Start Date", values["Start Date"], notation)
    end, end_precision = moment("End Date", values["End Date"], notation)
    if end < start:
        raise RowError("End Date", "is before the start")
    if not shown(values["Title ID"]) and not shown(values["Title"]):
        raise RowError("Title", "is missing, and so is Title ID")
    isbn = identity("ISBN", values.get("Ebook ISBN") or values.get("Paperback ISBN") or "")
    money = currency("Currency Code", values["Currency Code"])
    quantity = whole("Net Unit Sales", values["Net Unit Sales"], notation)
    share = number("Publisher Share", values["Publisher Share"], notation, money=money)
    amount = required("Publisher Share", share)
    offer = number("Offer Price Per Unit", values["Offer Price Per Unit"], notation, money=money)
    price = number("List Price Per Unit", values["List Price Per Unit"], notation, money=money)
    returned = whole("Units Returned", values["Units Returned"], notation)
    net_of(
        values, notation, net="Net Unit Sales", sold="Units Sold", returned="Units Returned"
    )  # fmt: skip
    # As the platform writes dates: so they are in the keys that are stored.
    period = [at.date().isoformat() if one == DAY else f"{at:%Y-%m}"
              for at, one in ((start, precision), (end, end_precision))]  # fmt: skip
    key = [*period, *(shown(values[name]) for name in _KEY), isbn]
    natural, external_id = ids.next(report, key)
    event_type = SALE
    if quantity < 0 or amount < 0:
        event_type = REFUND
    elif offer == 0:
        event_type = SALE if amount else FREE
    one_day = start == end and precision == end_precision == DAY
    event = Event(
        event_type=event_type, report=report, external_id=external_id, natural_key=natural,
        occurred_at=start, date_precision=DAY if one_day else MONTH,
        title=text_of(values["Title"]), author=text_of(values["Primary Author"]),
        isbn=text_of(isbn), marketplace=text_of(values["Vendor"]), quantity=quantity,
        refunded_units=max(returned, -quantity, 0), list_price=price, amount=amount,
        currency=money, raw=shown_row(values), source_row=row,
    )  # fmt: skip
    return event, end
