"""KPIs at the gateway: readings, error reports, announced jobs, analyses; and reading them back."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

# Here, where nobody waits: the first GET of an ungraded package would load it in mid-air.
import numpy as np  # noqa: F401
from fastapi import Request, Response

from ingestion_pipeline.errors import FieldError
from ingestion_pipeline.gateway.answers import Refusal, answer, error_document
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.gateway.openapi import described, router_of
from ingestion_pipeline.kpis import answers
from ingestion_pipeline.kpis.accept import Accepted, accept_together
from ingestion_pipeline.kpis.contract import Readings, Unusable, Update, parse_readings
from ingestion_pipeline.kpis.encoding import encode_json
from ingestion_pipeline.kpis.jobs import announce, report_errors
from ingestion_pipeline.kpis.orders import parse_analysis, parse_announcement
from ingestion_pipeline.kpis.packages import put_analysis, read_package
from ingestion_pipeline.kpis.read import parse_range, read_job, read_series
from ingestion_pipeline.kpis.reports import parse_report

router = router_of("kpis")

_REFUSALS = (400, 401, 408, 413, 415, 422, 429, 503)
_DUPLICATE = "the series has a point of that instant already, which is kept"
_CONFLICT = "the series has a point of that instant with another value, which is kept"


@router.post(
    "/api/kpi-data",
    **described(
        summary="Send a reading, or several of one instant",
        answers={202: answers.RecordedOneOrSeveral, 200: answers.RecordedOneOrSeveral},
        refusals=_REFUSALS,
        body=answers.KPIDataUpdate,
        examples=answers.EXAMPLES,
    ),
)
async def post_data(request: Request) -> Response:
    """202 when something is new, 200 when all of it was there: the first write of an instant is
    kept, and `conflict` says that its value is another one. With `kpiIds` in place of `kpiId` the
    answer has `results` by KPI.
    """
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    readings = parse_readings(
        body, tenant_id=caller.tenant_id, now=datetime.now(UTC), request_id=caller.request_id
    )
    updates = readings.updates
    if not updates:
        return _nothing_usable(readings)
    accepted = await gateway.together(accept_together, updates)
    status = 200 if all(each.duplicate for each in accepted) else 202
    if readings.multiple:
        results = _results(readings, accepted)
        usable = len(updates) == len(results)
        document = {
            "status": "success" if usable else "partial",
            "message": f"{len(updates)} of {len(results)} KPIs recorded",
            "traceId": readings.trace_id,
            "results": results,
        }
        return answer(status, document, headers={"location": _job_path(readings.trace_id)})
    said = _said(updates[0].kpi_id, accepted[0])
    headers = {"location": _package_path(updates[0])}
    return answer(status, {"traceId": readings.trace_id, **said}, headers=headers)


@router.post(
    "/api/kpi-error",
    **described(
        summary="Report an error of a workflow",
        answers={202: answers.Reported, 200: answers.Reported},
        refusals=_REFUSALS,
        body=answers.KPIErrorUpdate,
        examples=answers.ERROR_EXAMPLES,
    ),
)
async def post_error(request: Request) -> Response:
    """Fails the KPIs that it names, but those that have come already; without any it is the job's.
    The same report again is a duplicate (200). Nodes and credentials in it are not kept.
    """
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    report = parse_report(body, tenant_id=caller.tenant_id, request_id=caller.request_id)
    reported = await gateway.together(report_errors, report)
    document = {
        "status": "duplicate" if reported.duplicate else "success",
        "message": "known already" if reported.duplicate else "recorded",
        "traceId": report.trace_id,
    }
    headers = {"location": _job_path(report.trace_id)}
    return answer(200 if reported.duplicate else 202, document, headers=headers)


@router.post(
    "/api/kpi-jobs",
    **described(
        summary="Announce a job",
        answers={202: answers.Reported, 200: answers.Reported},
        refusals=_REFUSALS,
        body=answers.JobAnnouncement,
        examples=answers.JOB_EXAMPLES,
    ),
)
async def post_job(request: Request) -> Response:
    """A job that is known already (200) gets the KPIs that are new, and keeps its timeout."""
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    announcement = parse_announcement(body, tenant_id=caller.tenant_id)
    new = await gateway.run(announce, announcement)
    document = {
        "status": "success",
        "message": "announced" if new else "known already; its KPIs are added",
        "traceId": announcement.trace_id,
    }
    headers = {"location": _job_path(announcement.trace_id)}
    return answer(202 if new else 200, document, headers=headers)


@router.post(
    "/api/kpi-analysis",
    **described(
        summary="Put an analysis on a package",
        answers={200: answers.Recorded},
        refusals=(400, 401, 404, 408, 413, 415, 422, 429, 503),
        body=answers.KPIAnalysis,
        examples=answers.ANALYSIS_EXAMPLES,
    ),
)
async def post_analysis(request: Request) -> Response:
    """The last write wins; the reading sent again does not wipe it."""
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    analysis = parse_analysis(body, tenant_id=caller.tenant_id)
    if not await gateway.run(put_analysis, analysis):
        raise Refusal(404, f"trace {analysis.trace_id} has no package of {analysis.kpi_id}")
    document = {
        "status": "success",
        "message": "the package has this analysis now",
        "traceId": analysis.trace_id,
        "kpiId": analysis.kpi_id,
    }
    return answer(200, document)


@router.get(
    "/api/kpi-jobs/{trace_id}",
    **described(
        summary="A job and its KPIs", answers={200: answers.Job}, refusals=(401, 404, 429, 503)
    ),
)
async def get_job(request: Request, trace_id: str) -> Response:
    """`status` is the job's state, derived from those of its KPIs."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    job = await gateway.run(read_job, tenant_id=caller.tenant_id, trace_id=_known(trace_id))
    if job is None:
        raise Refusal(404, "no such job")
    numbers = job["metadata"]
    message = f"{numbers['completedKPIs']} of {numbers['totalKPIs']} KPIs completed"
    return answer(200, {**job, "message": message})


@router.get(
    "/api/kpi-packages/{trace_id}/{kpi_id}",
    **described(
        summary="A package: one KPI within one trace",
        answers={200: answers.Package},
        refusals=(401, 404, 429, 503),
    ),
)
async def get_package(request: Request, trace_id: str, kpi_id: str) -> Response:
    """As it is published; right after the reading was posted already."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    package = await gateway.run(
        read_package, tenant_id=caller.tenant_id, trace_id=_known(trace_id), kpi_id=_known(kpi_id)
    )
    if package is None:
        raise Refusal(404, "no such package")
    document = {"status": "success", "message": "as recorded", **package}
    # `answer` would write an integer of over 64 bits within `data` as a text.
    return Response(encode_json(document) + "\n", media_type="application/json")


@router.get(
    "/api/kpis/{kpi_id}/timeseries",
    **described(
        summary="A time series",
        answers={200: answers.TimeSeries},
        refusals=(401, 404, 422, 429, 503),
        parameters=answers.SERIES_PARAMETERS,
    ),
)
async def get_timeseries(request: Request, kpi_id: str) -> Response:
    """From `start` (inclusive) to `end` (exclusive), oldest first, in parts of `limit` points."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    query = request.query_params
    part = parse_range(
        start=query.get("start"), end=query.get("end"), limit=query.get("limit"),
        cursor=query.get("cursor"),
    )  # fmt: skip
    series = await gateway.run(
        read_series, tenant_id=caller.tenant_id, kpi_id=_known(kpi_id), part=part
    )
    if series is None:
        raise Refusal(404, "no such time series")
    message = f"{len(series['dataPoints'])} points"
    return answer(200, {"status": "success", "message": message, **series})


def _known(text: str) -> str:
    """An id of a path as the database can be asked for it."""
    if "\0" in text or len(text) > 512:
        raise Refusal(404, "no such id")
    return text


def _said(kpi_id: str, accepted: Accepted) -> dict[str, Any]:
    if accepted.conflict:
        said = {"status": "duplicate", "message": _CONFLICT, "kpiId": kpi_id, "conflict": True}
    elif accepted.duplicate:
        said = {"status": "duplicate", "message": _DUPLICATE, "kpiId": kpi_id}
    else:
        said = {"status": "success", "message": "recorded", "kpiId": kpi_id}
    return said


def _results(readings: Readings, accepted: list[Accepted]) -> list[dict[str, Any]]:
    outcomes = iter(accepted)
    return [
        _said(entry.kpi_id, next(outcomes)) if isinstance(entry, Update) else _unusable(entry)
        for entry in readings.entries
    ]


def _unusable(entry: Unusable) -> dict[str, Any]:
    return {"kpiId": entry.kpi_id, "status": entry.status, "message": entry.message}


def _nothing_usable(readings: Readings) -> Response:
    entries = [entry for entry in readings.entries if isinstance(entry, Unusable)]
    faults = [FieldError(f"data.{entry.kpi_id}", entry.message) for entry in entries]
    document = error_document("no KPI has a value that can be recorded", faults)
    results = [_unusable(entry) for entry in entries]
    return answer(422, {**document, "traceId": readings.trace_id, "results": results})


def _job_path(trace_id: str) -> str:
    return f"/api/kpi-jobs/{quote(trace_id, safe=':')}"


def _package_path(update: Update) -> str:
    return f"/api/kpi-packages/{update.trace_id}/{update.kpi_id}"
