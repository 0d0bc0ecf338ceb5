"""KDP's Payments: what was paid, and under each payment what it is made of.

A payment has a number, a date and two currencies: in which royalties accrued, and in which they
were paid out. The rows under it have neither number nor date, but a month (`Detail`), a source
(`Sales`, `KENP Royalties`, …) and an amount; they are kept with their payment, in `raw.parts`.
Their sums are the payment's, currency by currency.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ingestion_pipeline.domains.book_sales.contract.events import (
    PAYMENT,
    Event,
    Occurrences,
    Parsed,
    RejectedRow,
    RowError,
)
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Notation
from ingestion_pipeline.domains.book_sales.sources.formats.values import (
    currency,
    moment,
    number,
    required,
    text_of,
)
from ingestion_pipeline.domains.book_sales.sources.kdp.tables import Table
from ingestion_pipeline.foundation.workbooks.cells import Cell, Row, shown

_KEY = ("payment_number", "period_start", "period_end", "marketplace", "source", "currency",
        "detail")  # fmt: skip
_PERIOD = ("period_start", "period_end")
_WHOLE = ("payment_number", "date", "payment_method", "payout", "payment_status")


def add(parsed: Parsed, table: Table, notation: Notation, ids: Occurrences) -> None:
    """The payments of a sheet, each with its parts."""
    at: int | None = None
    for row in table.rows:
        try:
            values = table.values(row)
            if not any(shown(values.get(name, "")) for name in _WHOLE):
                at = _payment_above(at)
                parsed.events[at] = _with_part(parsed.events[at], values, notation)
                parsed.pass_over(f"{table.name}: what a payment is made of", row.lines)
                continue
            at = None
            event = _payment(table, values, row, ids, notation)
            parsed.events.append(event)
            at = len(parsed.events) - 1
            _end_of_period(parsed, values, notation)
        except RowError as error:
            raw = "\t".join(shown(cell) for cell in row.cells)
            parsed.rejected.append(RejectedRow(row.number, raw, (error.reason,), row.lines))
    parsed.warnings += [
        f"payment {event.raw['Payment Number']}: {fault}"
        for event in parsed.events
        if event.event_type == PAYMENT and (fault := fault_of(event.raw))
    ]


def _payment_above(at: int | None) -> int:
    if at is None:
        raise RowError("Payment Number", "is missing, and no payment is above")
    return at


def fault_of(raw: Mapping[str, object]) -> str | None:
    """Why a payment's parts are not the payment; None: they are, or it has none."""
    parts = raw.get("parts")
    if not isinstance(parts, list) or not parts:
        return None
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        sums[part["currency"]] += Decimal(part["accrued"])
    whole = {str(raw["accrual_currency"]): Decimal(str(raw["accrued"] or 0))}
    told = {money: amount for money, amount in sums.items() if amount}
    if told == {money: amount for money, amount in whole.items() if amount}:
        return None
    made = ", ".join(f"{amount:.2f} {money}" for money, amount in sorted(sums.items()))
    return f"its parts are {made}, it says " + ", ".join(
        f"{amount:.2f} {money}" for money, amount in whole.items()
    )


def _payment(
    table: Table, values: Mapping[str, Cell], row: Row, ids: Occurrences, notation: Notation
) -> Event:
    occurred_at, precision = moment("Date", values.get("date", ""), notation)
    natural, external_id = ids.next(
        table.report, [_key(name, values.get(name, ""), notation) for name in _KEY]
    )
    accrued_in = currency("Currency", values["currency"])
    second = (text_of(values["currency_2"]) or "").upper()
    money = currency("Currency", second) if second not in ("", "N/A") else accrued_in
    amount = number("Payout Amount", values["payout"], notation, money=money)
    accrued = number("Accrued Royalty", values.get("accrued", ""), notation, money=accrued_in)
    # Headers may repeat: both currencies are kept under names of their own.
    both = {"accrual_currency": accrued_in, "payout_currency": shown(values["currency_2"])}
    period = {name: _key(name, values.get(name, ""), notation) for name in _PERIOD}
    return Event(
        event_type=PAYMENT, report=table.report, external_id=external_id, natural_key=natural,
        occurred_at=occurred_at, date_precision=precision, title=None,
        marketplace=text_of(values.get("marketplace", "")), quantity=0, refunded_units=0,
        amount=required("Payout Amount", amount), currency=money, source_row=row.number,
        raw={**table.raw(row), **both, **period,
             "accrued": None if accrued is None else str(accrued), "parts": []},
    )  # fmt: skip


def _key(name: str, cell: Cell, notation: Notation) -> str:
    """A value of the key as KDP writes it, whatever a spreadsheet has made of a date."""
    if name not in _PERIOD or not shown(cell):
        return shown(cell)
    at, _ = moment("Sales Period", cell, replace(notation, last=date.max))
    return at.date().isoformat()


def _month(cell: Cell, notation: Notation) -> str:
    """The month of a part, `2026-01`; as it stands there, where it is none."""
    try:
        at, _ = moment("Detail", cell, replace(notation, last=date.max))
    except RowError:
        return shown(cell)
    return f"{at:%Y-%m}"


def _with_part(payment: Event, values: Mapping[str, Cell], notation: Notation) -> Event:
    money = currency("Currency", values["currency"])
    accrued = number("Accrued Royalty", values.get("accrued", ""), notation, money=money)
    part = {
        "month": _month(values.get("detail", ""), notation),
        "source": shown(values.get("source", "")),
        "currency": money, "accrued": str(required("Accrued Royalty", accrued)),
        "tax": shown(values.get("tax", "")), "net": shown(values.get("net_earnings", "")),
    }  # fmt: skip
    return replace(payment, raw={**payment.raw, "parts": [*payment.raw["parts"], part]})


def _end_of_period(parsed: Parsed, values: Mapping[str, Cell], notation: Notation) -> None:
    if shown(values.get("period_end", "")):
        end, _ = moment("Sales Period - End Date", values["period_end"], notation)
        parsed.period_end = max(parsed.period_end or end, end)
