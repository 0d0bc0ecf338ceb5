"""What Dagster is given of commerce."""

import dagster as dg

from ingestion_pipeline.domains.commerce.assets import FINAL_ASSETS, STAGING_ASSETS, UPLOADS
from ingestion_pipeline.domains.commerce.automation import (
    daily_sweep,
    drop_folder,
    load_uploads,
    recorded_uploads,
    sweep_job,
)
from ingestion_pipeline.domains.commerce.checks import CHECKS

definitions = dg.Definitions(
    assets=[UPLOADS, *STAGING_ASSETS, *FINAL_ASSETS],
    asset_checks=CHECKS,
    jobs=[load_uploads, sweep_job],
    sensors=[recorded_uploads, drop_folder],
    schedules=[daily_sweep],
)
