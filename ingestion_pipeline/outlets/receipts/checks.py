"""What must hold of receipts, as asset checks."""

from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.outlets.receipts import offenders
from ingestion_pipeline.outlets.receipts.assets import WING

CHECKS = checks_of(WING, offenders)
