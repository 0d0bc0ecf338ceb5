"""KPIs at the gateway: readings, error reports, announced jobs, analyses; and reading them back."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import quote

import msgspec

# Here, where nobody waits: the first GET of an ungraded package would load it in mid-air.
import numpy as np  # noqa: F401
import sqlalchemy as sa
from fastapi import Request, Response

from ingestion_pipeline.domains.kpis.contract import answers, batch
from ingestion_pipeline.domains.kpis.contract.announcements import (
    parse_analysis,
    parse_announcement,
)
from ingestion_pipeline.domains.kpis.contract.batch import Refused, Sent
from ingestion_pipeline.domains.kpis.contract.instants import parse_instant
from ingestion_pipeline.domains.kpis.contract.readings import (
    Readings,
    Update,
    is_kpi_id,
    parse_readings,
)
from ingestion_pipeline.domains.kpis.contract.reports import ErrorReport, parse_report
from ingestion_pipeline.domains.kpis.land.analyses import land_analysis
from ingestion_pipeline.domains.kpis.land.corrections import find_point, read_point, replacement
from ingestion_pipeline.domains.kpis.land.jobs import Reported, land_announcement, land_reports
from ingestion_pipeline.domains.kpis.land.readings import Accepted, land_readings_together
from ingestion_pipeline.domains.kpis.land.receipts import MOST_KEPT, Refusals, land_refusals
from ingestion_pipeline.domains.kpis.publish import refusals, said
from ingestion_pipeline.domains.kpis.publish.packages import read_package
from ingestion_pipeline.domains.kpis.publish.reading import parse_range, read_job, read_series
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.gateway.answers import Refusal, answer, error_document
from ingestion_pipeline.gateway.files.unpacked import unpacked
from ingestion_pipeline.gateway.front import Caller, Gateway, gateway_of, too_large
from ingestion_pipeline.gateway.group_commit import Work, is_outage
from ingestion_pipeline.gateway.json_bodies import why_no_json
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of

router = router_of("kpis")

_SMALL = 65_536  # bytes of a body that are decoded at once, in a millisecond or two
_TOGETHER = 500  # readings of a batch that go into one transaction, with those of others


@router.post(
    "/api/kpi-data",
    **described(
        summary="Send a reading, several of one instant, or up to 10,000",
        answers={202: answers.RecordedOneOrSeveral, 200: answers.RecordedOneOrSeveral},
        refusals=WRITES,
        content=answers.DATA_BODY,
        shapes=(answers.KPIDataUpdate,),
    ),
)
async def post_data(request: Request) -> Response:
    """202 when something is new, 200 when all of it was there: the first write of an instant is
    kept, and `conflict` says that its value is another one; `"correct": true` replaces it. With
    `kpiIds` in place of `kpiId` the answer has `results` by KPI.

    A JSON array or NDJSON (`Content-Type: application/x-ndjson`), gzip or not, brings up to 10,000
    readings in 8 MiB. Each is answered on its own in `results`, in order; a bad one costs only
    itself. The request may be sent again whole: what it has recorded is a duplicate then.
    """
    gateway = gateway_of(request)
    ndjson = batch.is_ndjson(request.headers.get("content-type", ""))
    usual = gateway.configuration.max_json_bytes
    most = max(usual, batch.MOST_BYTES)

    def limit_of(beginning: bytes) -> int:
        return most if batch.may_hold_several(beginning, ndjson=ndjson) else usual

    caller, content = await gateway.receive_content(request, limit_of=limit_of)
    try:
        content = await unpacked(request, content, limit=most)
        if len(content) <= _SMALL:
            body = _decoded(request, content, ndjson=ndjson, most=usual)
        else:  # which may take a while, and others need not wait for it
            body = await asyncio.to_thread(_decoded, request, content, ndjson=ndjson, most=usual)
        if isinstance(body, list):
            return await _post_several(gateway, caller, body)
        readings = parse_readings(
            body, tenant_id=caller.tenant_id, now=datetime.now(UTC), request_id=caller.request_id
        )
    except (ContractError, Refusal) as error:
        await _note_refused(gateway, caller, [refusals.of_body(str(error), error.errors)])
        raise
    if unusable := refusals.of_kpis(readings):
        await _note_refused(gateway, caller, unusable)
    updates = readings.updates
    if not updates:
        return _nothing_usable(readings)
    accepted = await _land(gateway, updates)
    if readings.multiple:
        status = 200 if all(each.duplicate for each in accepted) else 202
        document = said.of_kpis(readings, accepted)
        return answer(status, document, headers={"location": _job_path(readings.trace_id)})
    return _recorded(updates[0], accepted[0])


@router.put(
    "/api/kpis/{kpi_id}/points/{instant}",
    **described(
        summary="Correct the value of a point",
        answers={202: answers.Recorded, 200: answers.Recorded},
        refusals=(*WRITES, 404),
        body=answers.PointReplacement,
        examples=answers.POINT_EXAMPLES,
    ),
)
async def put_point(request: Request, kpi_id: str, instant: str) -> Response:
    """202 when it had another value, which is kept in the history; 200 when it had this one.
    `instant` may be written in any way that names it.
    """
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    point = await gateway.run(
        find_point, tenant_id=caller.tenant_id, kpi_id=_kpi(kpi_id), observed_at=_instant(instant)
    )
    if point is None:
        raise Refusal(404, "the series has no point of that instant; POST it to /api/kpi-data")
    update = replacement(
        body, point, tenant_id=caller.tenant_id, now=datetime.now(UTC),
        request_id=caller.request_id,
    )  # fmt: skip
    [accepted] = await _land(gateway, [update])
    return _recorded(update, accepted)


@router.get(
    "/api/kpis/{kpi_id}/points/{instant}",
    **described(
        summary="A point and the history of its value",
        answers={200: answers.PointWithHistory},
        refusals=(*READS, 422),
    ),
)
async def get_point(request: Request, kpi_id: str, instant: str) -> Response:
    """`corrections`, oldest first: what the value was, with what it had come, who replaced it."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    point = await gateway.run(
        read_point, tenant_id=caller.tenant_id, kpi_id=_kpi(kpi_id), observed_at=_instant(instant)
    )
    if point is None:
        raise Refusal(404, "the series has no point of that instant")
    number = len(point["corrections"])
    document = {"status": "success", "message": f"corrected {number} times", **point}
    return Response(encode_json(document) + "\n", media_type="application/json")


@router.post(
    "/api/kpi-error",
    **described(
        summary="Report an error of a workflow",
        answers={202: answers.Reported, 200: answers.Reported},
        refusals=WRITES,
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
    reported = await gateway.together(_reports_with(gateway.configuration.kpi_job_timeout), report)
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
        refusals=WRITES,
        body=answers.JobAnnouncement,
        examples=answers.JOB_EXAMPLES,
    ),
)
async def post_job(request: Request) -> Response:
    """A job that is known already (200) gets the KPIs that are new, and keeps its timeout."""
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    announcement = parse_announcement(body, tenant_id=caller.tenant_id)
    new = await gateway.run(
        land_announcement, announcement, job_timeout=gateway.configuration.kpi_job_timeout
    )
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
        refusals=(*WRITES, 404),
        body=answers.KPIAnalysis,
        examples=answers.ANALYSIS_EXAMPLES,
    ),
)
async def post_analysis(request: Request) -> Response:
    """The last write wins; the reading sent again does not wipe it."""
    gateway = gateway_of(request)
    caller, body = await gateway.receive_json(request)
    analysis = parse_analysis(body, tenant_id=caller.tenant_id)
    if not await gateway.run(land_analysis, analysis):
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
    **described(summary="A job and its KPIs", answers={200: answers.Job}, refusals=READS),
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
        refusals=READS,
    ),
)
async def get_package(request: Request, trace_id: str, kpi_id: str) -> Response:
    """As it is published; right after the reading was posted already."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    package = await gateway.run(
        read_package,
        tenant_id=caller.tenant_id,
        trace_id=_known(trace_id),
        kpi_id=_known(kpi_id),
        late=gateway.configuration.kpi_late,
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
        refusals=(*READS, 422),
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


def _kpi(text: str) -> str:
    if not is_kpi_id(text):
        raise Refusal(404, "no such KPI")
    return text


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        fault = FieldError("instant", str(error))
        raise Refusal(422, f"instant: {error}", [fault]) from None


def _decoded(request: Request, content: bytes, *, ndjson: bool, most: int) -> Any:
    """The body: one JSON value, or a list of what several are."""
    try:
        return batch.decoded(content, ndjson=ndjson, most=most)
    except batch.TooLargeError:
        raise too_large(most) from None
    except batch.TooManyError as error:
        raise Refusal(413, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "Content-Encoding: the body is neither gzip nor JSON") from None
        raise Refusal(400, f"the body is not JSON: {why_no_json(content, error)}") from None


async def _post_several(gateway: Gateway, caller: Caller, sent: Sequence[Sent]) -> Response:
    """Record readings in their order, some at a time: others come in between."""
    outcomes: list[said.Outcome] = []
    for start in range(0, len(sent), _TOGETHER):
        some = sent[start : start + _TOGETHER]
        parsed = await asyncio.to_thread(_parsed, caller, some)
        recorded = await asyncio.gather(*(_record(gateway, each) for each in parsed))
        outcomes += [
            (each, what, accepted) for each, (what, accepted) in zip(some, recorded, strict=True)
        ]
    refused = [each for one, what, _ in outcomes for each in refusals.of_one(one, what)]
    if refused:
        await _note_refused(gateway, caller, refused)
    status, document = said.of_several(outcomes)
    return answer(status, document)


async def _note_refused(
    gateway: Gateway, caller: Caller, refused: Sequence[refusals.Refusal]
) -> None:
    """Count what is refused before that is answered, together with those of others who wait."""
    first = [fault for each in refused[:MOST_KEPT] for fault in each]
    await gateway.together(land_refusals, Refusals(caller.tenant_id, len(refused), first))


def _parsed(caller: Caller, some: Sequence[Sent]) -> list[Readings | Refused]:
    now = datetime.now(UTC)
    return [
        batch.parsed(each, tenant_id=caller.tenant_id, now=now, request_id=caller.request_id)
        for each in some
    ]


async def _record(
    gateway: Gateway, parsed: Readings | Refused
) -> tuple[Readings | Refused, Sequence[Accepted]]:
    """Record one of several; what the database refuses of it costs only itself."""
    if isinstance(parsed, Refused) or not parsed.updates:
        return parsed, ()
    try:
        return parsed, await _land(gateway, parsed.updates)
    except sa.exc.DBAPIError as error:
        if is_outage(error):
            raise
        rule = "must suit the database: " + str(error.orig).partition("\n")[0]
        return Refused(f"body: {rule}", [FieldError("body", rule)]), ()


def _recorded(update: Update, accepted: Accepted) -> Response:
    document = {"traceId": update.trace_id, **said.of_update(update.kpi_id, accepted)}
    status = 200 if accepted.duplicate else 202
    return answer(status, document, headers={"location": _package_path(update)})


def _nothing_usable(readings: Readings) -> Response:
    document = said.of_kpis(readings, ())
    faults = error_document(document["message"], said.faults_of_kpis(readings))
    return answer(422, {**document, **faults})


async def _land(gateway: Gateway, updates: Sequence[Update]) -> Sequence[Accepted]:
    """Record updates, together with those of others who wait."""
    return await gateway.together(_readings_with(gateway.configuration.kpi_job_timeout), updates)


# Always the same for a timeout, as `together` wants it.
@cache
def _readings_with(job_timeout: timedelta) -> Work[Sequence[Update], list[Accepted]]:
    return partial(land_readings_together, job_timeout=job_timeout)


@cache
def _reports_with(job_timeout: timedelta) -> Work[ErrorReport, Reported]:
    return partial(land_reports, job_timeout=job_timeout)


def _job_path(trace_id: str) -> str:
    return f"/api/kpi-jobs/{quote(trace_id, safe=':')}"


def _package_path(update: Update) -> str:
    return f"/api/kpi-packages/{update.trace_id}/{update.kpi_id}"
