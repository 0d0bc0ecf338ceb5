"""Receipts as an asset: what was sent in seven days, by way in, and whether it is explained."""

from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Database
from ingestion_pipeline.orchestration.wing import Wing
from ingestion_pipeline.outlets.receipts.balances import sums_since
from ingestion_pipeline.outlets.receipts.senders import SENDERS

WING = Wing("receipts")
_UPSTREAM = ("commerce/uploads", "kpis/updates", "markets/events", "book_sales/reports")


@WING.asset(
    "balances",
    deps=[dg.AssetKey.from_user_string(each) for each in _UPSTREAM],
    kinds={"postgres"},
    description="What all tenants sent in seven days and what became of it, by way in: sent = "
    "stored + refused + waiting. Nothing is written: the numbers are each domain's own, and a "
    "check says where they do not add up. Senders see theirs at `/receipts`.",
)
def balances(database: Database) -> dg.MaterializeResult[None]:
    """Add it up."""
    with database.engine().connect() as connection:
        found = sums_since(connection, sa.func.now() - sa.text("interval '7 days'"))
    rows = [
        {
            "way in": SENDERS[sender].title, "of": SENDERS[sender].unit, "sent": each.sent,
            "stored": each.stored, "refused": each.refused, "waiting": each.waiting,
            "unexplained": each.unexplained,
        }
        for sender, each in sorted(found.items())
    ]  # fmt: skip
    unexplained = sum(each.unexplained for each in found.values())
    metadata: dict[str, Any] = {
        "unexplained": unexplained,
        **({"balances": as_table(rows)} if rows else {}),
    }
    return dg.MaterializeResult(metadata=metadata)


ASSETS = [balances]
