"""What Dagster is given of buildings."""

import dagster as dg

from ingestion_pipeline.domains.buildings.assets import (
    ASSETS,
)
from ingestion_pipeline.domains.buildings.automation import (
    archive_buildings,
    collect_buildings,
    daily_collection,
    hourly_weather,
    monthly_archive,
    snapshot_of_weather,
    stopped_days,
)
from ingestion_pipeline.domains.buildings.checks import CHECKS

definitions = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[collect_buildings, snapshot_of_weather, archive_buildings],
    schedules=[daily_collection, hourly_weather, monthly_archive, stopped_days],
)
