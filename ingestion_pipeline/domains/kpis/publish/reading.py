"""Job and time series as readers ask for them, and as they are published."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import instant_text, parse_instant
from ingestion_pipeline.domains.kpis.land.jobs import job_status
from ingestion_pipeline.domains.kpis.tables import points
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.storage.json_rows import encode_json

DEFAULT_LIMIT, LARGEST_LIMIT = 1_000, 10_000

JobKey = tuple[int, str]  # tenant, trace

_JOBS = sa.text("""
    SELECT job.tenant_id, job.trace_id, job.created_at, job.announced_at, job.timeout_at,
           job.expired_at, job.updated_at AS job_updated_at, kpi.kpi_id, kpi.status,
           kpi.completed_at, kpi.error, kpi.retry_count, kpi.updated_at
    FROM json_to_recordset(CAST(:keys AS json)) AS wanted (tenant_id integer, trace_id text)
    JOIN kpi_jobs AS job USING (tenant_id, trace_id)
    LEFT JOIN kpi_job_kpis AS kpi USING (tenant_id, trace_id)
    ORDER BY job.tenant_id, job.trace_id, kpi.kpi_id
""")
_ERRORS = sa.text("""
    SELECT tenant_id, trace_id, kpi_ids, message, code, type, observed_at
    FROM kpi_errors
    JOIN json_to_recordset(CAST(:keys AS json)) AS wanted (tenant_id integer, trace_id text)
        USING (tenant_id, trace_id)
    ORDER BY error_id
""")


@dataclass(frozen=True)
class Range:
    """A part of a time series: from `start` (inclusive) to `end` (exclusive), `limit` points."""

    start: datetime | None = None
    end: datetime | None = None
    limit: int = DEFAULT_LIMIT
    after: datetime | None = None


def read_job(connection: sa.Connection, *, tenant_id: int, trace_id: str) -> dict[str, Any] | None:
    """The job of a trace, if there is one."""
    return job_documents(connection, [(tenant_id, trace_id)]).get((tenant_id, trace_id))


def job_documents(
    connection: sa.Connection, keys: Iterable[JobKey]
) -> dict[JobKey, dict[str, Any]]:
    """The documents of the jobs that are there."""
    wanted = encode_json([{"tenant_id": tenant, "trace_id": trace} for tenant, trace in keys])
    rows = connection.execute(_JOBS, {"keys": wanted}).all()
    errors: dict[JobKey, list[dict[str, Any]]] = {}
    for row in connection.execute(_ERRORS, {"keys": wanted}):
        errors.setdefault((row.tenant_id, row.trace_id), []).append(
            {
                "timestamp": instant_text(row.observed_at),
                "kpiIds": row.kpi_ids,
                "message": row.message,
                "code": row.code,
                "type": row.type,
            }
        )
    return {
        key: _job_document(list(of_job), errors.get(key, []))
        for key, of_job in groupby(rows, key=lambda row: (row.tenant_id, row.trace_id))
    }


def read_series(
    connection: sa.Connection, *, tenant_id: int, kpi_id: str, part: Range
) -> dict[str, Any] | None:
    """A part of a time series, oldest first; None when the KPI has no point at all."""
    of_series = (points.c.tenant_id == tenant_id, points.c.kpi_id == kpi_id)
    query = sa.select(points).where(*of_series).order_by(points.c.observed_at)
    if part.start is not None:
        query = query.where(points.c.observed_at >= part.start)
    if part.end is not None:
        query = query.where(points.c.observed_at < part.end)
    if part.after is not None:
        query = query.where(points.c.observed_at > part.after)
    rows = connection.execute(query.limit(part.limit + 1)).all()
    shown = rows[: part.limit]
    if not rows and not connection.scalar(sa.select(sa.exists().where(*of_series))):
        return None
    more = len(rows) > part.limit
    return {
        "kpiId": kpi_id,
        "dataPoints": [point_document(row) for row in shown],
        "nextCursor": _cursor(shown[-1].observed_at) if more else None,
    }


def series_document(
    connection: sa.Connection, *, tenant_id: int, kpi_id: str, newest: int
) -> dict[str, Any]:
    """The document of a time series: its newest points, oldest first."""
    query = (
        sa.select(points)
        .where(points.c.tenant_id == tenant_id, points.c.kpi_id == kpi_id)
        .order_by(points.c.observed_at.desc())
        .limit(newest)
    )
    rows = connection.execute(query).all()[::-1]
    received = [row.received_at for row in rows]
    return {
        "kpiId": kpi_id,
        "kpiType": rows[-1].kpi_type if rows else None,
        "dataPoints": [point_document(row) for row in rows],
        "lastUpdated": instant_text(max(received)) if rows else None,
        "metadata": {"totalPoints": len(rows)},
    }


def point_document(row: Any) -> dict[str, Any]:
    """A point of a time series."""
    return {
        "timestamp": instant_text(row.observed_at),
        "timestampText": row.timestamp_text,
        "value": row.value,
        "quality": row.quality,
    }


def parse_range(
    *,
    start: str | None = None,
    end: str | None = None,
    limit: str | None = None,
    cursor: str | None = None,
) -> Range:
    """The part of a series that a query asks for.

    Raises:
        ContractError: it breaks the contract; every parameter at fault is listed.
    """
    faults: list[FieldError] = []
    number = DEFAULT_LIMIT
    if limit is not None:
        if limit.isascii() and limit.isdigit() and 1 <= int(limit[:20]) <= LARGEST_LIMIT:
            number = int(limit[:20])
        else:
            faults.append(FieldError("limit", f"must be an integer from 1 to {LARGEST_LIMIT}"))
    instants: dict[str, datetime | None] = {"start": None, "end": None}
    for name, text in (("start", start), ("end", end)):
        if text is not None:
            try:
                instants[name] = parse_instant(_with_plus(text))
            except ValueError as error:
                faults.append(FieldError(name, str(error)))
    after = None
    if cursor is not None:
        try:
            after = parse_instant(base64.urlsafe_b64decode(cursor.encode("ascii")).decode("ascii"))
        except (ValueError, binascii.Error):
            faults.append(FieldError("cursor", "must be the nextCursor of an answer"))
    if faults:
        raise ContractError("; ".join(f"{each.field}: {each.message}" for each in faults), faults)
    return Range(instants["start"], instants["end"], number, after)


def _with_plus(text: str) -> str:
    """A timestamp whose `+` was not quoted, and came out of the query as a space."""
    return text.replace(" ", "+") if "T" in text.upper() else text


def _cursor(instant: datetime) -> str:
    return base64.urlsafe_b64encode(instant_text(instant).encode()).decode()


def _job_document(rows: Sequence[Any], errors: list[dict[str, Any]]) -> dict[str, Any]:
    job = rows[0]
    kpis = [row for row in rows if row.kpi_id is not None]
    statuses = [row.status for row in kpis]
    updated = max([job.job_updated_at, *(row.updated_at for row in kpis)])
    return {
        "traceId": job.trace_id,
        "status": job_status(statuses, expired=job.expired_at is not None),
        "createdAt": instant_text(job.created_at),
        "announcedAt": instant_text(job.announced_at) if job.announced_at else None,
        "updatedAt": instant_text(updated),
        "kpis": {
            row.kpi_id: {
                "kpiId": row.kpi_id,
                "status": row.status,
                "completedAt": instant_text(row.completed_at) if row.completed_at else None,
                "error": row.error,
                "retryCount": row.retry_count,
            }
            for row in kpis
        },
        "errors": errors,
        "metadata": {
            "totalKPIs": len(kpis),
            "completedKPIs": statuses.count("completed"),
            "failedKPIs": statuses.count("failed"),
            "timeoutThreshold": instant_text(job.timeout_at),
        },
    }
