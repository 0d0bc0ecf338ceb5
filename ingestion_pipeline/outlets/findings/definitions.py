"""What Dagster is given of findings."""

import dagster as dg

from ingestion_pipeline.outlets.findings.assets import analyses, findings, silences
from ingestion_pipeline.outlets.findings.automation import (
    analyse_packages,
    check_analyses,
    checks_of_analyses,
    half_hourly_silences,
    listen_for_silences,
    look_for_findings,
    packages_without_analysis,
    watched_series,
)
from ingestion_pipeline.outlets.findings.checks import CHECKS

definitions = dg.Definitions(
    assets=[findings, silences, analyses],
    asset_checks=CHECKS,
    jobs=[look_for_findings, listen_for_silences, analyse_packages, check_analyses],
    sensors=[watched_series, packages_without_analysis],
    schedules=[half_hourly_silences, checks_of_analyses],
)
