"""Packages: the document of one KPI within one trace, made from the tables.

One function makes it, for readers and for the publisher alike: a GET right after a POST gives the
package that is published seconds later.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import instant_text
from ingestion_pipeline.domains.kpis.merge.grade import quality_of_point
from ingestion_pipeline.foundation.storage.json_rows import encode_json

PackageKey = tuple[int, str, str]  # tenant, trace, KPI

DEFAULT_SOURCE = "workflow"

# A trace that sent several instants of a KPI has the package of the newest. An analysis of ours is
# of one reading: of one that was corrected since, it says what is not true any more.
_ROWS = sa.text("""
    SELECT DISTINCT ON (sent.tenant_id, sent.trace_id, sent.kpi_id)
           sent.tenant_id, sent.trace_id, sent.kpi_id, sent.observed_at, sent.timestamp_text,
           sent.kpi_type, sent.data, sent.metadata, sent.chart, sent.received_at,
           point.quality, analysis.analysis
    FROM json_to_recordset(CAST(:keys AS json)) AS wanted
            (tenant_id integer, trace_id text, kpi_id text)
    JOIN kpi_updates AS sent USING (tenant_id, trace_id, kpi_id)
    LEFT JOIN kpi_points AS point
        ON point.tenant_id = sent.tenant_id AND point.kpi_id = sent.kpi_id
        AND point.observed_at = sent.observed_at
    LEFT JOIN kpi_analyses AS analysis
        ON analysis.tenant_id = sent.tenant_id AND analysis.trace_id = sent.trace_id
        AND analysis.kpi_id = sent.kpi_id
        AND (analysis.source = 'sender' OR (analysis.of_value = sent.value
                                            AND analysis.observed_at = sent.observed_at))
    ORDER BY sent.tenant_id, sent.trace_id, sent.kpi_id, sent.observed_at DESC
""")


def package_rows(connection: sa.Connection, keys: Iterable[PackageKey]) -> Sequence[Any]:
    """What packages are made from: one row a package that is there."""
    wanted = [dict(zip(("tenant_id", "trace_id", "kpi_id"), key, strict=True)) for key in keys]
    return connection.execute(_ROWS, {"keys": encode_json(wanted)}).all()


def package_document(connection: sa.Connection, row: Any, *, late: timedelta) -> dict[str, Any]:
    """The package of a row; `late`: how long after its instant a reading counts as that.

    What the sender said of it in `metadata` is kept; quality and time of creation are ours.
    """
    grade = row.quality or quality_of_point(
        connection,
        tenant_id=row.tenant_id,
        kpi_id=row.kpi_id,
        observed_at=row.observed_at,
        late=late,
    )
    sent: dict[str, Any] = row.metadata or {}
    ours = {
        "source": sent.get("source") or DEFAULT_SOURCE,
        "createdAt": instant_text(row.received_at),
        "quality": grade,
    }
    return {
        "traceId": row.trace_id,
        "kpiId": row.kpi_id,
        "timestamp": instant_text(row.observed_at),
        "timestampText": row.timestamp_text,
        "kpiType": row.kpi_type,
        "data": row.data,
        "chart": row.chart,
        "analysis": row.analysis,
        "metadata": {**sent, **ours},
    }


def read_package(
    connection: sa.Connection, *, tenant_id: int, trace_id: str, kpi_id: str, late: timedelta
) -> dict[str, Any] | None:
    """The package of a KPI within a trace, if there is one; `late` as `package_document` has it."""
    rows = package_rows(connection, [(tenant_id, trace_id, kpi_id)])
    return package_document(connection, rows[0], late=late) if rows else None
