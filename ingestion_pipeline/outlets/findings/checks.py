"""What must hold of findings, as asset checks."""

from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.outlets.findings import offenders
from ingestion_pipeline.outlets.findings.assets import WING

CHECKS = checks_of(WING, offenders)
