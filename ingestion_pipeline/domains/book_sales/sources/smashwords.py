"""Smashwords' sales report: named `.xls`, in truth text with tabs, its lines ended in any way.

A sale is worth `amountFinal (USD)`, which stays empty until the retailer has paid; a later report
fills it in. `id` is the book's number, not the sale's. The price is in the currency of the sale
(`currency`), which is often another than the dollars in which it is booked.
"""

from collections.abc import Mapping
from datetime import datetime

from ingestion_pipeline.domains.book_sales.contract.events import (
    FREE,
    PAYMENT,
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
    number,
    shown_row,
    text_of,
    whole,
)
from ingestion_pipeline.foundation.workbooks.cells import Cell, shown

HEADER = (
    "type", "channel", "location", "id", "isbn", "title", "author", "price", "qty", "amount",
    "couponCode", "retailerCut", "smashwordsCut", "affiliateCut", "transFee", "vat", "net",
    "currency", "amountFinal (USD)", "date", "balanceAdjusted",
)  # fmt: skip
_TYPES = ("sale", "retailer sale", "payment")
_KEY = ("type", "channel", "location", "id", "isbn", "couponCode", "currency")
_KINDS = Kinds(
    amounts=("price", "amountFinal (USD)"), wholes=("qty",), dates=("date",),
)  # fmt: skip


def parse(content: bytes, *, file_name: str, told: Told = NOTHING_TOLD) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it has other columns, or leaves open how numbers or dates are to be read.
    """
    table = read_table(
        content, file_name=file_name, known=HEADER, needed=HEADER[:19], plain_tabs=True,
    )  # fmt: skip
    notation = table.notation(_KINDS, told, list(table.filled()))
    parsed, occurrences = Parsed(), Occurrences()
    for row in table.filled():
        try:
            event = _event(table.values(row), row.number, occurrences, notation)
            parsed.events.append(event)
        except RowError as error:
            table.reject(parsed, row, error)
    table.close(parsed)
    return parsed


def _event(values: Mapping[str, Cell], row: int, ids: Occurrences, notation: Notation) -> Event:
    kind = shown(values["type"]).lower()
    if kind not in _TYPES:
        raise RowError("type", f"must be one of {', '.join(_TYPES)}")
    occurred_at, precision = moment("date", values["date"], notation)
    quantity = 0 if kind == "payment" else whole("qty", values["qty"], notation)
    sold_in = text_of(values["currency"])
    sold_in = currency("currency", sold_in) if sold_in else None
    price = number("price", values["price"], notation, money=sold_in)
    amount = number("amountFinal (USD)", values["amountFinal (USD)"], notation, money="USD")
    for name in ("id", "isbn"):
        identity(name, values[name])
    key = [*(shown(values[name]) for name in _KEY), _key_of(occurred_at)]
    natural, external_id = ids.next("sales", key)
    event_type = SALE
    if kind == "payment":
        event_type = PAYMENT
    elif quantity < 0:
        event_type = REFUND
    elif price == 0 and not amount:
        event_type = FREE
    return Event(
        event_type=event_type, report="sales", external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision, title=text_of(values["title"]),
        author=text_of(values["author"]), isbn=text_of(values["isbn"]),
        marketplace=text_of(values["channel"]), quantity=quantity,
        # A price whose currency nobody says is left out.
        list_price=price if sold_in else None, list_currency=sold_in if price is not None else None,
        amount=amount, currency="USD", raw=shown_row(values), source_row=row,
    )  # fmt: skip


def _key_of(at: datetime) -> str:
    """A date as Smashwords writes it, `2010-08-17 5:18`: so it is in the keys that are stored."""
    seconds = f":{at:%S}" if at.second else ""
    has_time = (at.hour, at.minute, at.second) != (0, 0, 0)
    return f"{at:%Y-%m-%d} {at.hour}:{at:%M}{seconds}" if has_time else f"{at:%Y-%m-%d}"
