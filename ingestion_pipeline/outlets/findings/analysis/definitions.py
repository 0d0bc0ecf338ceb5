"""What Dagster is given of analyses."""

import dagster as dg

from ingestion_pipeline.outlets.findings.analysis.assets import analyses
from ingestion_pipeline.outlets.findings.analysis.automation import (
    analyse_packages,
    packages_without_analysis,
)

definitions = dg.Definitions(
    assets=[analyses], jobs=[analyse_packages], sensors=[packages_without_analysis]
)
