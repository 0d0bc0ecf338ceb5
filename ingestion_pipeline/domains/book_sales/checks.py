"""What must hold of book sales, as asset checks."""

from typing import TYPE_CHECKING

from ingestion_pipeline.domains.book_sales import offenders
from ingestion_pipeline.domains.book_sales.assets import WING
from ingestion_pipeline.domains.book_sales.contract.events import EVENT_TYPES
from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline.orchestration.checks import checks_of, schema_check

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


CHECKS = [
    *checks_of(WING, offenders),
    schema_check(
        asset=WING.key("sales_events"),
        table=sales_events,
        newest_first=sales_events.c.recorded_at,
        schema=events_schema,
    ),
]
