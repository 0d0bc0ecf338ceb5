"""What must hold of book sales, as asset checks."""

from typing import TYPE_CHECKING

import dagster as dg

from ingestion_pipeline.domains.book_sales import offenders
from ingestion_pipeline.domains.book_sales.assets import REPORTS, key
from ingestion_pipeline.domains.book_sales.contract.events import EVENT_TYPES
from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline.orchestration.checks import offenders_check, schema_check

if TYPE_CHECKING:
    import pandera.pandas as pa


def events_schema() -> "pa.DataFrameSchema":
    """The contract of an event as a pandera schema."""
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        {
            "event_type": pa.Column(None, pa.Check.isin(EVENT_TYPES)),
            "date_precision": pa.Column(None, pa.Check.isin(["day", "month"])),
            "currency": pa.Column(None, pa.Check.str_matches(r"^[A-Z]{3}$"), nullable=True),
        },
        unique=["tenant_id", "platform", "external_id"],
        strict=False,
    )


CHECKS: list[dg.AssetChecksDefinition] = [
    offenders_check(
        asset=REPORTS.key, name="imported_in_time", offenders=offenders.overdue, warning=True,
        description="Nothing that is queued has been due for an hour.",
    ),
    schema_check(
        asset=key("sales_events"), table=sales_events, schema=events_schema,
        newest_first=sales_events.c.recorded_at,
    ),
    offenders_check(
        asset=key("sales_events"), name="signs", offenders=offenders.refunds_that_are_sales,
        description="Refunds are negative, sales are not.",
    ),
    offenders_check(
        asset=key("sales_events"), name="currency", offenders=offenders.money_without_currency,
        description="Every amount has a currency.",
    ),
    offenders_check(
        asset=key("sales_events"), name="one_precision", offenders=offenders.months_told_twice,
        description="No month of a book was reported both as a whole and by days.", warning=True,
    ),
    offenders_check(
        asset=key("sales_events"), name="payments_add_up",
        offenders=offenders.payments_that_do_not_add_up,
        description="What a payment is made of is the payment, currency by currency.", warning=True,
    ),
    offenders_check(
        asset=key("daily_sales"), name="adds_up", warning=True,
        offenders=offenders.days_that_do_not_add_up,
        description="Days hold as many events as there are; a run may be under way.",
    ),
]  # fmt: skip
