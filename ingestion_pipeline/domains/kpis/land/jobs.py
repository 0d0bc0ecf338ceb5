"""Jobs: announced, reported on, expired; and the state that follows from their KPIs.

    pending ──update──▶ completed        a late success upgrades `failed` and `timeout`
       │ ├───error────▶ failed           a late error never downgrades `completed`
       │ └──timeout───▶ timeout

A job has no state of its own: it is derived from its KPIs whenever somebody asks. So updates of
one job never wait for each other at a counter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.announcements import Announcement
from ingestion_pipeline.domains.kpis.contract.reports import ErrorReport
from ingestion_pipeline.foundation.storage.json_rows import encode_json

_ENSURE_JOBS = sa.text("""
    INSERT INTO kpi_jobs (tenant_id, trace_id, timeout_at)
    SELECT tenant_id, trace_id, now() + CAST(:timeout AS interval)
    FROM json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
    ORDER BY tenant_id, trace_id
    ON CONFLICT DO NOTHING
""")
# Numbers of errors are given one transaction after the other.
_LOCK_JOBS = sa.text("""
    SELECT tenant_id, trace_id FROM kpi_jobs
    JOIN json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
        USING (tenant_id, trace_id)
    ORDER BY tenant_id, trace_id FOR NO KEY UPDATE OF kpi_jobs
""")
# The timeout that was announced first stays; one that came with an update was only a guess.
_ANNOUNCE = sa.text("""
    INSERT INTO kpi_jobs AS known (tenant_id, trace_id, announced_at, timeout_at)
    VALUES (:tenant_id, :trace_id, now(), now() + CAST(:timeout AS interval))
    ON CONFLICT (tenant_id, trace_id) DO UPDATE SET
        announced_at = coalesce(known.announced_at, now()),
        timeout_at = CASE WHEN known.announced_at IS NULL
                          THEN excluded.timeout_at ELSE known.timeout_at END,
        expired_at = CASE WHEN known.announced_at IS NULL THEN NULL ELSE known.expired_at END,
        updated_at = now(), pending = true, changed = known.changed + 1
    RETURNING changed = 0
""")
_AWAIT_KPIS = sa.text("""
    INSERT INTO kpi_job_kpis (tenant_id, trace_id, kpi_id, status)
    SELECT :tenant_id, :trace_id, kpi_id, 'pending'
    FROM unnest(CAST(:kpi_ids AS text[])) AS sent (kpi_id)
    ORDER BY kpi_id
    ON CONFLICT DO NOTHING
""")
_RECORD_ERROR = sa.text("""
    INSERT INTO kpi_errors (tenant_id, sha256, trace_id, kpi_ids, message, code, type, retry_count,
                            observed_at, n, body, request_id)
    VALUES (:tenant_id, :sha256, :trace_id, :kpi_ids, :message, :code, :type, :retry_count,
            coalesce(:observed_at, now()),
            1 + (SELECT count(*) FROM kpi_errors
                 WHERE tenant_id = :tenant_id AND trace_id = :trace_id
                   AND observed_at = coalesce(:observed_at, now())),
            CAST(:body AS jsonb), :request_id)
    ON CONFLICT (tenant_id, sha256) DO NOTHING
    RETURNING error_id
""").bindparams(sa.bindparam("observed_at", type_=sa.DateTime(timezone=True)))
_FAIL_KPIS = sa.text("""
    INSERT INTO kpi_job_kpis AS known (tenant_id, trace_id, kpi_id, status, error, retry_count)
    SELECT tenant_id, trace_id, kpi_id, 'failed', message, retry_count
    FROM json_to_recordset(CAST(:kpis AS json)) AS sent
        (tenant_id integer, trace_id text, kpi_id text, message text, retry_count integer)
    ORDER BY tenant_id, trace_id, kpi_id
    ON CONFLICT (tenant_id, trace_id, kpi_id) DO UPDATE SET
        status = 'failed', error = excluded.error,
        retry_count = greatest(known.retry_count, excluded.retry_count), updated_at = now(),
        pending = true, changed = known.changed + 1
    WHERE known.status <> 'completed'
""")
_TOUCH_JOBS = sa.text("""
    UPDATE kpi_jobs SET pending = true, changed = changed + 1, updated_at = now()
    FROM json_to_recordset(CAST(:jobs AS json)) AS sent (tenant_id integer, trace_id text)
    WHERE kpi_jobs.tenant_id = sent.tenant_id AND kpi_jobs.trace_id = sent.trace_id
""")
# Rows that are locked are being changed; they are looked at again a minute later.
_EXPIRE_JOBS = sa.text("""
    UPDATE kpi_jobs SET expired_at = now(), pending = true, changed = changed + 1,
                        updated_at = now()
    WHERE (tenant_id, trace_id) IN (
        SELECT tenant_id, trace_id FROM kpi_jobs
        WHERE expired_at IS NULL AND timeout_at <= now() FOR UPDATE SKIP LOCKED)
""")
_EXPIRE_KPIS = sa.text("""
    UPDATE kpi_job_kpis SET status = 'timeout', pending = true, changed = changed + 1,
                            updated_at = now()
    WHERE (tenant_id, trace_id, kpi_id) IN (
        SELECT tenant_id, trace_id, kpi_id
        FROM kpi_job_kpis JOIN kpi_jobs USING (tenant_id, trace_id)
        WHERE kpi_job_kpis.status = 'pending' AND kpi_jobs.timeout_at <= now()
        FOR UPDATE OF kpi_job_kpis SKIP LOCKED)
""")


@dataclass(frozen=True)
class Reported:
    """What became of an error report."""

    duplicate: bool


def job_status(kpi_statuses: Sequence[str], *, expired: bool) -> str:
    """The state of a job by the states of its KPIs; the first rule that fits.

    Args:
        kpi_statuses: of its KPIs: pending, completed, failed, timeout.
        expired: its timeout has passed; that alone ends a job without KPIs.
    """
    if not kpi_statuses:
        return "timeout" if expired else "pending"
    if all(status == "completed" for status in kpi_statuses):
        return "completed"
    if "completed" in kpi_statuses:
        return "partial"
    return "pending" if "pending" in kpi_statuses else "failed"


def ensure_jobs(
    connection: sa.Connection, traces: set[tuple[int, str]], timeout: timedelta
) -> None:
    """Make the jobs (tenant, trace id) that are not there."""
    connection.execute(_ENSURE_JOBS, {"jobs": _traces(traces), "timeout": timeout})


def land_announcement(
    connection: sa.Connection, announcement: Announcement, *, job_timeout: timedelta
) -> bool:
    """Record that a job is about to bring KPIs; whether it is a new one.

    Announcing again adds KPIs, and changes nothing about those that are known.

    Args:
        connection: within a transaction.
        announcement: of the job.
        job_timeout: of a job that says nothing else.
    """
    key = {"tenant_id": announcement.tenant_id, "trace_id": announcement.trace_id}
    timeout = announcement.timeout or job_timeout
    new = connection.execute(_ANNOUNCE, {**key, "timeout": timeout}).scalar_one()
    kpi_ids = list(announcement.kpi_ids)
    connection.execute(_AWAIT_KPIS, {**key, "kpi_ids": kpi_ids})
    return bool(new)


def land_reports(
    connection: sa.Connection,
    reports: Sequence[ErrorReport],
    *,
    job_timeout: timedelta,
) -> list[Reported]:
    """Record error reports, and fail the KPIs that they name; what became of each, in order.

    The same report (tenant and body) again is a duplicate, and changes nothing.
    """
    if not reports:
        return []
    traces = {(report.tenant_id, report.trace_id) for report in reports}
    ensure_jobs(connection, traces, job_timeout)
    connection.execute(_LOCK_JOBS, {"jobs": _traces(traces)})
    results: list[Reported] = []
    failed: dict[tuple[int, str, str], ErrorReport] = {}
    # In the order of what is unique, so that two gateways never wait for each other.
    known: dict[int, bool] = {}
    for index in sorted(
        range(len(reports)), key=lambda i: (reports[i].tenant_id, reports[i].sha256)
    ):
        known[index] = _record(connection, reports[index])
    for index, report in enumerate(reports):
        results.append(Reported(duplicate=known[index]))
        if not known[index]:
            for kpi_id in report.kpi_ids:
                failed[report.tenant_id, report.trace_id, kpi_id] = report
    connection.execute(_TOUCH_JOBS, {"jobs": _traces(traces)})
    rows = [
        {
            "tenant_id": tenant_id,
            "trace_id": trace_id,
            "kpi_id": kpi_id,
            "message": report.message,
            "retry_count": report.retry_count or 0,
        }
        for (tenant_id, trace_id, kpi_id), report in failed.items()
    ]
    if rows:
        connection.execute(_FAIL_KPIS, {"kpis": encode_json(rows)})
    return results


def expire(connection: sa.Connection) -> int:
    """End the waiting of jobs whose timeout has passed; how many jobs and KPIs that changed."""
    jobs = connection.execute(_EXPIRE_JOBS).rowcount
    return jobs + connection.execute(_EXPIRE_KPIS).rowcount


def _record(connection: sa.Connection, report: ErrorReport) -> bool:
    """Record a report; whether it was known."""
    values = {
        "tenant_id": report.tenant_id,
        "sha256": report.sha256,
        "trace_id": report.trace_id,
        "kpi_ids": list(report.kpi_ids),
        "message": report.message,
        "code": report.code,
        "type": report.type,
        "retry_count": report.retry_count,
        "observed_at": report.observed_at,
        "body": encode_json(report.body),
        "request_id": report.request_id,
    }
    return connection.execute(_RECORD_ERROR, values).scalar() is None


def _traces(traces: set[tuple[int, str]]) -> str:
    return encode_json([{"tenant_id": tenant, "trace_id": trace} for tenant, trace in traces])
