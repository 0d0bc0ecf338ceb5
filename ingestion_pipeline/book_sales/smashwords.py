"""Smashwords' sales report: named `.xls`, in truth text with tabs, its lines ended in any way.

A sale is worth `amountFinal (USD)`, which stays empty until the retailer has paid; a later report
fills it in. `id` is the book's number, not the sale's.
"""

from ingestion_pipeline.book_sales.contract import (
    FREE,
    PAYMENT,
    REFUND,
    SALE,
    Event,
    Occurrences,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.book_sales.delimited import read_text
from ingestion_pipeline.book_sales.tabular import Reading, header_of
from ingestion_pipeline.book_sales.values import moment, number, text_of, whole

HEADER = (
    "type", "channel", "location", "id", "isbn", "title", "author", "price", "qty", "amount",
    "couponCode", "retailerCut", "smashwordsCut", "affiliateCut", "transFee", "vat", "net",
    "currency", "amountFinal (USD)", "date", "balanceAdjusted",
)  # fmt: skip
_TYPES = ("sale", "retailer sale", "payment")
_KEY = ("type", "channel", "location", "id", "isbn", "couponCode", "currency", "date")


def parse(content: bytes, *, file_name: str) -> Parsed:
    """The events of a report.

    Raises:
        ContractError: it is not text with these columns.
    """
    text = read_text(content, delimiter="\t", quoted=False)
    reading = Reading(header_of(file_name, text.rows, known=HEADER, needed=HEADER[:19]), text.rows)
    parsed, occurrences = Parsed(), Occurrences()
    for row, values in reading.rows():
        try:
            parsed.events.append(_event(values, row.number, occurrences))
        except RowError as error:
            shown = "\t".join(row.cells)
            parsed.rejected.append(RejectedRow(row.number, shown, (error.reason,)))
    return parsed


def _event(values: dict[str, str], row: int, ids: Occurrences) -> Event:
    kind = values["type"].strip().lower()
    if kind not in _TYPES:
        raise RowError("type", f"must be one of {', '.join(_TYPES)}")
    occurred_at, precision = moment("date", values["date"])
    natural, external_id = ids.next("sales", [values[name].strip() for name in _KEY])
    quantity = 0 if kind == "payment" else whole("qty", values["qty"])
    price = number("price", values["price"])
    amount = number("amountFinal (USD)", values["amountFinal (USD)"])
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
        marketplace=text_of(values["channel"]), quantity=quantity, list_price=price,
        amount=amount, currency="USD", raw=values, source_row=row,
    )  # fmt: skip
