"""Sales events as mappings make them. What is empty in a row is not told; an amount that is told
later fills in the same event."""

from ingestion_pipeline.domains.book_sales.contract.events import DAY, EVENT_TYPES, MONTH
from ingestion_pipeline.foundation.currencies import CURRENCIES
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField

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
        TargetField("refunded_units", "integer", required=False, nullable=True, minimum=0),
    ),
    sums=("amount", "event_type", "currency"),
)  # fmt: skip

TARGETS = {SALES_EVENTS.name: SALES_EVENTS}
