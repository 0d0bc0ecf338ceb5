"""What Dagster is given of the lake."""

import dagster as dg

from ingestion_pipeline.outlets.lake.assets import ASSETS
from ingestion_pipeline.outlets.lake.automation import (
    changed_tables,
    check_lake,
    checks_of_lake,
    daily_sweep_of_lake,
    keep_lake,
    write_lake,
)
from ingestion_pipeline.outlets.lake.checks import CHECKS

definitions = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[write_lake, check_lake, keep_lake],
    sensors=[changed_tables],
    schedules=[checks_of_lake, daily_sweep_of_lake],
)
