"""What Dagster is given of kpis."""

import dagster as dg

from ingestion_pipeline.domains.kpis.assets import (
    ASSETS,
    UPDATES,
)
from ingestion_pipeline.domains.kpis.automation import (
    check_kpis,
    kpi_timeouts,
    pending_updates,
    publish_documents,
    publish_readings,
)
from ingestion_pipeline.domains.kpis.checks import CHECKS

definitions = dg.Definitions(
    assets=[UPDATES, *ASSETS],
    asset_checks=CHECKS,
    jobs=[publish_readings, publish_documents, check_kpis],
    sensors=[pending_updates],
    schedules=[kpi_timeouts],
)
