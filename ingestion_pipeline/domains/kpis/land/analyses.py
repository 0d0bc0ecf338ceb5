"""An analysis put on a package: the last one is kept."""

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
        analysis = excluded.analysis, updated_at = now()
""")


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
