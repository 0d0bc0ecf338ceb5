"""What must hold of the lake, as asset checks."""

from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.outlets.lake import offenders
from ingestion_pipeline.outlets.lake.assets import WING

CHECKS = checks_of(WING, offenders)
