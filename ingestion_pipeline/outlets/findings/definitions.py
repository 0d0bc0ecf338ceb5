"""What Dagster is given of findings."""

import dagster as dg

from ingestion_pipeline.outlets.findings.assets import analyses
from ingestion_pipeline.outlets.findings.automation import (
    analyse_packages,
    packages_without_analysis,
)
from ingestion_pipeline.outlets.findings.checks import CHECKS

definitions = dg.Definitions(
    assets=[analyses],
    asset_checks=CHECKS,
    jobs=[analyse_packages],
    sensors=[packages_without_analysis],
)
