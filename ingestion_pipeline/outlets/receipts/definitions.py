"""What Dagster is given of receipts."""

import dagster as dg

from ingestion_pipeline.outlets.receipts.assets import ASSETS
from ingestion_pipeline.outlets.receipts.automation import add_up_receipts, daily_receipts
from ingestion_pipeline.outlets.receipts.checks import CHECKS

definitions = dg.Definitions(
    assets=ASSETS, asset_checks=CHECKS, jobs=[add_up_receipts], schedules=[daily_receipts]
)
