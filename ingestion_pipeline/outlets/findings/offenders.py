"""What must not be found of findings, as queries: one row an offender, a check each."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.tables import analyses
from ingestion_pipeline.foundation.watch.offenders import must_not_be


@must_not_be(
    "analyses:shaped",
    "Every analysis of ours has a verdict, a headline and one to four sentences.",
)
def misshaped() -> sa.Select[Any]:
    """Analyses of ours that lack a part."""
    c = analyses.c
    number = sa.func.jsonb_array_length(c.analysis["sentences"])
    return sa.select(c.tenant_id, c.trace_id, c.kpi_id, c.source).where(
        c.source != "sender",
        sa.or_(
            c.analysis["verdict"].astext.not_in(["normal", "watch", "act", "unknown"]),
            ~sa.func.length(c.analysis["headline"].astext).between(1, 90),
            ~number.between(1, 4),
        ),
    )
