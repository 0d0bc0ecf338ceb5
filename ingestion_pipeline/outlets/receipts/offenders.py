"""What must not be found of receipts, as queries: one row an offender, a check each."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.watch.offenders import must_not_be
from ingestion_pipeline.outlets.receipts.balances import unexplained

_RECENT = timedelta(days=7)


@must_not_be(
    "balances:explained",
    "Of all that was sent in seven days everything is stored, refused or waiting.",
    warning=True,
)
def explained() -> sa.Select[Any]:
    """Deliveries of the last seven days of which something is not accounted for."""
    since = sa.func.now() - _RECENT
    return unexplained(since)
