"""An analysis put on a package: its sender's last one is kept, and never replaced by ours."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.announcements import Analysis
from ingestion_pipeline.foundation.storage.json_rows import encode_json

_TOUCH_UPDATES = sa.text("""
    UPDATE kpi_updates SET pending = true, changed = changed + 1
    WHERE update_id = (
        SELECT update_id FROM kpi_updates
        WHERE tenant_id = :tenant_id AND trace_id = :trace_id AND kpi_id = :kpi_id
        ORDER BY observed_at DESC LIMIT 1)
""")


_PUT_ANALYSIS = sa.text("""
    INSERT INTO kpi_analyses (tenant_id, trace_id, kpi_id, analysis)
    VALUES (:tenant_id, :trace_id, :kpi_id, CAST(:analysis AS jsonb))
    ON CONFLICT (tenant_id, trace_id, kpi_id) DO UPDATE SET
        analysis = excluded.analysis, updated_at = now(), source = 'sender', of_value = NULL,
        observed_at = NULL, model = NULL, tokens = NULL, note = NULL
""")

_PUT_OURS = sa.text("""
    INSERT INTO kpi_analyses (tenant_id, trace_id, kpi_id, analysis, source, of_value, observed_at,
                              model, tokens, note)
    VALUES (:tenant_id, :trace_id, :kpi_id, CAST(:analysis AS jsonb), :source, :of_value,
            :observed_at, :model, :tokens, :note)
    ON CONFLICT (tenant_id, trace_id, kpi_id) DO UPDATE SET
        analysis = excluded.analysis, updated_at = now(), source = excluded.source,
        of_value = excluded.of_value, observed_at = excluded.observed_at, model = excluded.model,
        tokens = excluded.tokens, note = excluded.note
    WHERE kpi_analyses.source <> 'sender'
""")


@dataclass(frozen=True)
class OurAnalysis:
    """An analysis of ours.

    Attributes:
        source: template, or model.
        of_value, observed_at: the reading that it is of; of another one it is not published.
        note: why the template stays, of one that a server was asked for; None: none was asked.
    """

    analysis: dict[str, object]
    source: str
    of_value: float
    observed_at: datetime
    model: str | None = None
    tokens: int | None = None
    note: str | None = None


def land_ours(connection: sa.Connection, key: tuple[int, str, str], ours: OurAnalysis) -> bool:
    """Put an analysis of ours on a package (tenant, trace, KPI), unless its sender has put one."""
    which = dict(zip(("tenant_id", "trace_id", "kpi_id"), key, strict=True))
    # In this order, as the gateway does it: else the two could wait for each other.
    if not connection.execute(_TOUCH_UPDATES, which).rowcount:
        return False
    values = {**which, **vars(ours), "analysis": encode_json(ours.analysis)}
    return bool(connection.execute(_PUT_OURS, values).rowcount)


def land_analysis(connection: sa.Connection, analysis: Analysis) -> bool:
    """Put an analysis on a package, which is to be published again; False when there is none."""
    key = {
        "tenant_id": analysis.tenant_id,
        "trace_id": analysis.trace_id,
        "kpi_id": analysis.kpi_id,
    }
    if not connection.execute(_TOUCH_UPDATES, key).rowcount:
        return False
    connection.execute(_PUT_ANALYSIS, {**key, "analysis": encode_json(analysis.analysis)})
    return True
