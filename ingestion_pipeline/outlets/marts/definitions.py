"""What Dagster is given of marts."""

import dagster as dg

from ingestion_pipeline.outlets.marts.assets import ASSETS
from ingestion_pipeline.outlets.marts.automation import (
    changed_parts,
    check_marts,
    checks_of_marts,
    refresh_days,
    refresh_whole,
)
from ingestion_pipeline.outlets.marts.checks import CHECKS

definitions = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[refresh_days, refresh_whole, check_marts],
    sensors=[changed_parts],
    schedules=[checks_of_marts],
)
