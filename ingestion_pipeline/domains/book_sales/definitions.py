"""What Dagster is given of book sales."""

import dagster as dg

from ingestion_pipeline.domains.book_sales.assets import ASSETS, REPORTS
from ingestion_pipeline.domains.book_sales.automation import (
    dropped_reports,
    import_sales,
    imports_every_five_minutes,
    queued_imports,
)
from ingestion_pipeline.domains.book_sales.checks import CHECKS

definitions = dg.Definitions(
    assets=[REPORTS, *ASSETS],
    asset_checks=CHECKS,
    jobs=[import_sales],
    sensors=[queued_imports, dropped_reports],
    schedules=[imports_every_five_minutes],
)
