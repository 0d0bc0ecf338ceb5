"""What Dagster is given of markets."""

import dagster as dg

from ingestion_pipeline.domains.markets.assets import (
    ASSETS,
    EVENTS,
)
from ingestion_pipeline.domains.markets.automation import (
    apply_events,
    cache_warming,
    check_markets,
    daily_checks,
    daily_macro,
    recorded_events,
    refresh_macro,
)
from ingestion_pipeline.domains.markets.checks import CHECKS

definitions = dg.Definitions(
    assets=[EVENTS, *ASSETS],
    asset_checks=CHECKS,
    jobs=[apply_events, refresh_macro, check_markets],
    sensors=[recorded_events],
    schedules=[cache_warming, daily_macro, daily_checks],
)
