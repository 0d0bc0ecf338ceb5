"""When receipts are added up: every day; pages and the API do it whenever somebody asks."""

import dagster as dg

from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.outlets.receipts.assets import WING

add_up_receipts = dg.define_asset_job(
    "add_up_receipts",
    selection=dg.AssetSelection.groups(WING.name),
    description="Add up what was sent in seven days, and check that all of it is explained.",
    tags=sensing.run_tags(WING.name),
)

daily_receipts = dg.ScheduleDefinition(
    name="daily_receipts",
    job=add_up_receipts,
    cron_schedule="27 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Adds up every day what was sent, and checks that all of it is explained.",
)
