"""What must hold of marts, as asset checks."""

from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.outlets.marts import offenders
from ingestion_pipeline.outlets.marts.assets import WING

CHECKS = checks_of(WING, offenders)
