"""Sales events as mappings make them. What is empty in a row is not told; an amount that is told
later fills in the same event."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.book_sales.contract.events import (
    DAY,
    EVENT_TYPES,
    MONTH,
    REFUND,
    SALE,
)
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField
from ingestion_pipeline.foundation.spreadsheets import SHORTENED_RULE, is_shortened

_LIMIT = 10**10  # NUMERIC(14,4) has ten digits before the point
_MOST_UNITS = 2**31


def _text(name: str, length: int | None = None) -> TargetField:
    return TargetField(name, "text", required=False, nullable=True, maximum_length=length)


def _amount(name: str) -> TargetField:
    return TargetField(
        name, "decimal", required=False, nullable=True, decimals=4, maximum=_LIMIT
    )  # fmt: skip


def _currency(name: str) -> TargetField:
    return TargetField(
        name, "currency", required=False, nullable=True, choices=tuple(sorted(CURRENCIES))
    )  # fmt: skip


SALES_EVENTS = Target(
    name="sales_events",
    key="external_id",
    keyed=True,
    fields=(
        TargetField("event_type", "choice", choices=EVENT_TYPES),
        TargetField("external_id", "text", maximum_length=255),
        TargetField("occurred_at", "instant"),
        TargetField(
            "date_precision", "choice", required=False, nullable=True,
            choices=(DAY, MONTH),
        ),
        _text("title"),
        _text("author"),
        _text("asin"),
        _text("isbn"),
        _text("marketplace"),
        TargetField("quantity", "integer", maximum=_MOST_UNITS),
        _amount("list_price"),
        _currency("list_currency"),
        _amount("amount"),
        _currency("currency"),
        TargetField(
            "refunded_units", "integer", required=False, nullable=True, minimum=0,
            maximum=_MOST_UNITS,
        ),
    ),
    sums=("amount", "event_type", "currency"),
)  # fmt: skip

TARGETS = {SALES_EVENTS.name: SALES_EVENTS}


def fault_of(record: Mapping[str, Any], *, latest: datetime) -> tuple[str, str, str] | None:
    """The rule of events as a whole that a record breaks: field, rule and value; None: none.

    Args:
        record: as the mapping made it; decimals and instants are texts.
        latest: what is after it, lies in the future.
    """
    kind, quantity, amount = record["event_type"], record["quantity"], record.get("amount")
    if not record["external_id"].strip():
        return "external_id", "must not be missing", ""
    for name in ("external_id", "isbn", "asin"):
        if is_shortened(record.get(name, "")):
            return name, SHORTENED_RULE, record[name]
    if datetime.fromisoformat(record["occurred_at"]) > latest:
        return "occurred_at", "is in the future", record["occurred_at"]
    if kind == REFUND and quantity > 0:
        return "quantity", "of a refund must not be above 0 (say negate)", str(quantity)
    if kind == REFUND and amount is not None and Decimal(amount) > 0:
        return "amount", "of a refund must not be above 0 (say negate)", amount
    if kind == SALE and quantity < 0:
        return "quantity", "of a sale must not be below 0: it is a refund", str(quantity)
    if amount is not None and record.get("currency") is None:
        return "currency", "must not be missing where there is an amount", ""
    has_currency = record.get("list_currency") or record.get("currency")
    if record.get("list_price") is not None and not has_currency:
        return "list_currency", "must not be missing where there is a list_price", ""
    return None
