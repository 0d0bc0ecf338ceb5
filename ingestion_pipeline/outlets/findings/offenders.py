"""What must not be found of findings, as queries: one row an offender, a check each."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.tables import analyses
from ingestion_pipeline.foundation.watch.offenders import must_not_be
from ingestion_pipeline.outlets.findings.tables import QUIET, findings


def _open(*, quiet: bool) -> sa.Select[Any]:
    c = findings.c
    kinds = c.kind.in_(QUIET) if quiet else c.kind.not_in(QUIET)
    return sa.select(
        c.finding_id, c.tenant_id, c.domain, c.subject, c.kind, c.began_at, c.sentence
    ).where(c.state == "open", kinds)


@must_not_be("findings:none_open", "Nothing is out of the ordinary.", warning=True)
def open_findings() -> sa.Select[Any]:
    """Findings of series that last, and that nobody has called expected."""
    return _open(quiet=False)


@must_not_be("silences:none_open", "Nobody who sends has gone quiet.", warning=True)
def open_silences() -> sa.Select[Any]:
    """Silences that last, and that nobody has called expected."""
    return _open(quiet=True)


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
