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
from ingestion_pipeline.foundation.storage.statements import statements

_SQL = statements(__name__)

_RECORD_ERROR = _SQL["record_error"].bindparams(
    sa.bindparam("observed_at", type_=sa.DateTime(timezone=True))
)


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
    connection.execute(_SQL["ensure_jobs"], {"jobs": _traces(traces), "timeout": timeout})


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
    new = connection.execute(_SQL["announce"], {**key, "timeout": timeout}).scalar_one()
    kpi_ids = list(announcement.kpi_ids)
    connection.execute(_SQL["await_kpis"], {**key, "kpi_ids": kpi_ids})
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
    connection.execute(_SQL["lock_jobs"], {"jobs": _traces(traces)})
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
    connection.execute(_SQL["touch_jobs"], {"jobs": _traces(traces)})
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
        connection.execute(_SQL["fail_kpis"], {"kpis": encode_json(rows)})
    return results


def expire(connection: sa.Connection) -> int:
    """End the waiting of jobs whose timeout has passed; how many jobs and KPIs that changed."""
    jobs = connection.execute(_SQL["expire_jobs"]).rowcount
    return jobs + connection.execute(_SQL["expire_kpis"]).rowcount


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
