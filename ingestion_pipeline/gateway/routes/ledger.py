"""`/api/ledger`: the ledger for programs beside ours, such as the prediction API.

They record their own jobs, events, requests and cache lookups; all of it belongs to the tenant of
the key. From Python: `ingestion_pipeline.foundation.ledger.outside`.
"""

import asyncio
from typing import Any

import sqlalchemy as sa
from fastapi import Request, Response
from pydantic import BaseModel

from ingestion_pipeline.foundation.ledger import metrics, outside, outside_names
from ingestion_pipeline.foundation.loading.known import KIND
from ingestion_pipeline.foundation.loading.progress import for_sender
from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.front import Caller, Gateway, gateway_of, row_number_of
from ingestion_pipeline.gateway.openapi import READS, WRITES, described, router_of
from ingestion_pipeline.gateway.routes.ledger_bodies import (
    B,
    JobStatus,
    LoggedEvent,
    LoggedLookups,
    LoggedRequests,
    NewJob,
    parse,
)

router = router_of("ledger")


class Said(BaseModel):
    """It is recorded."""

    status: str
    message: str


class SaidOfJob(Said):
    """A job is recorded."""

    job_id: int


class SaidOfEvent(Said):
    """An event is recorded."""

    ingestion_id: str


class LedgerJob(Said):
    """A job, and how it goes; its payload is not shown."""

    job_id: int
    kind: str
    attempt: int
    max_attempts: int
    result: dict[str, Any] | None
    error: str | None
    created_at: str
    updated_at: str


@router.post(
    "/api/ledger/jobs",
    **described(
        summary="Record a job that you will do",
        answers={201: SaidOfJob},
        refusals=WRITES,
        body=NewJob,
        examples={"a prediction": {"kind": "prediction", "payload": {"model": "rent-2"}}},
    ),
)
async def post_job(request: Request) -> Response:
    """It is `pending`; none of our own workers takes it. `Location` is where it can be read."""
    gateway = gateway_of(request)
    caller, job = await _received(gateway, request, NewJob)
    await _admit(gateway, caller, "kind", {job.kind})
    job_id = await gateway.run(
        outside.create_job, tenant_id=caller.tenant_id, kind=job.kind, payload=job.payload,
        max_attempts=job.max_attempts,
    )  # fmt: skip
    document = {"status": "pending", "message": "recorded", "job_id": job_id}
    return answer(201, document, headers={"location": f"/api/ledger/jobs/{job_id}"})


@router.get(
    "/api/ledger/jobs/{job_id}",
    **described(summary="A job of the tenant's", answers={200: LedgerJob}, refusals=READS),
)
async def get_job(request: Request, job_id: str) -> Response:
    """Whoever does it, the sender or one of our own workers."""
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    job = await gateway.run(outside.read_job, tenant_id=caller.tenant_id, job_id=_number(job_id))
    if job is None:
        raise _no_such_job()
    if (kind := str(job["kind"])).startswith(KIND):
        job = {**job, "error": for_sender(job["error"], kind.removeprefix(KIND))}
    return answer(200, {"message": f"the job is {job['status']}", **job})


@router.post(
    "/api/ledger/jobs/{job_id}/status",
    **described(
        summary="Say how a job goes",
        answers={200: SaidOfJob},
        refusals=(*WRITES, 404),
        body=JobStatus,
        examples={
            "begun": {"status": "processing"},
            "done": {"status": "completed", "result": {"rows": 12}},
        },
    ),
)
async def post_status(request: Request, job_id: str) -> Response:
    """`processing` begins an attempt, the others end it. A completed job stays completed (422)."""
    gateway = gateway_of(request)
    caller, said = await _received(gateway, request, JobStatus)
    number = _number(job_id)
    known = await gateway.run(
        outside.update_job_status, tenant_id=caller.tenant_id, job_id=number, status=said.status,
        result=said.result, error=said.error,
    )  # fmt: skip
    if not known:
        raise _no_such_job()
    return answer(200, {"status": said.status, "message": "recorded", "job_id": number})


@router.post(
    "/api/ledger/events",
    **described(
        summary="Record an event that you have dealt with",
        answers={201: SaidOfEvent, 200: SaidOfEvent},
        refusals=WRITES,
        body=LoggedEvent,
        examples={
            "a prediction": {
                "event_type": "api.prediction", "source": "prediction-api",
                "payload": {"id": 7}, "processing_time_ms": 35.2,
            }
        },
    ),
)  # fmt: skip
async def post_event(request: Request) -> Response:
    """As applied, or with `error` as failed. The same payload again is a duplicate (200)."""
    gateway = gateway_of(request)
    caller, event = await _received(gateway, request, LoggedEvent)
    await _admit(gateway, caller, "event_type", {event.event_type})
    recorded = await gateway.run(
        outside.log_ingestion_event, tenant_id=caller.tenant_id, request_id=caller.request_id,
        **event.model_dump(),
    )  # fmt: skip
    document = {
        "status": recorded.status,
        "message": "known already" if recorded.duplicate else "recorded",
        "ingestion_id": recorded.ingestion_id,
    }
    return answer(200 if recorded.duplicate else 201, document)


@router.post(
    "/api/ledger/requests",
    **described(
        summary="Record requests that you have answered",
        answers={201: Said},
        refusals=WRITES,
        body=LoggedRequests,
        examples={"one": {"requests": [{"route": "/predict", "status": 200, "duration_ms": 41.5}]}},
    ),
)
async def post_requests(request: Request) -> Response:
    """Up to 1000 at a time. `service` is `prediction` unless it says otherwise."""
    gateway = gateway_of(request)
    caller, body = await _received(gateway, request, LoggedRequests)
    requests = body.requests
    await _admit(gateway, caller, "service", {each.service for each in requests})
    await _admit(gateway, caller, "route", {each.route for each in requests})
    rows = [
        metrics.request_row(
            **{
                **each.model_dump(),
                "request_id": each.request_id or caller.request_id,
                "tenant_id": caller.tenant_id,
            }
        )
        for each in requests
    ]
    await gateway.together(_write_requests, rows)
    return answer(201, {"status": "success", "message": f"{len(rows)} requests recorded"})


@router.post(
    "/api/ledger/cache-metrics",
    **described(
        summary="Record what your caches did",
        answers={201: Said},
        refusals=WRITES,
        body=LoggedLookups,
        examples={
            "one": {"metrics": [{"service": "macro", "cache_key": "macro_data", "outcome": "hit"}]}
        },
    ),
)
async def post_cache_metrics(request: Request) -> Response:
    """Up to 1000 at a time."""
    gateway = gateway_of(request)
    caller, body = await _received(gateway, request, LoggedLookups)
    lookups = body.metrics
    await _admit(gateway, caller, "service", {each.service for each in lookups})
    rows = [
        metrics.cache_row(**each.model_dump(), tenant_id=caller.tenant_id, outside=True)
        for each in lookups
    ]
    await gateway.together(_write_lookups, rows)
    return answer(201, {"status": "success", "message": f"{len(rows)} lookups recorded"})


async def _received(gateway: Gateway, request: Request, shape: type[B]) -> tuple[Caller, B]:
    """The caller, and the body in its shape; a large one takes a while, and nobody waits for it."""
    caller, body = await gateway.receive_json(request)
    return caller, await asyncio.to_thread(parse, shape, body)


# What this process has seen admitted; no more than tenants times `outside_names.MOST`.
_admitted: set[tuple[int, str, str]] = set()


async def _admit(gateway: Gateway, caller: Caller, sort: str, names: set[str]) -> None:
    """Refuse names beyond those that a tenant may make."""
    new = {(caller.tenant_id, sort, name) for name in names} - _admitted
    if new:
        await gateway.run(
            outside_names.admit, tenant_id=caller.tenant_id, sort=sort,
            names=[name for *_, name in new],
        )  # fmt: skip
        _admitted.update(new)


def _write_requests(connection: sa.Connection, senders: list[list[dict[str, Any]]]) -> list[None]:
    metrics.write_api_requests(connection, [row for rows in senders for row in rows])
    return [None] * len(senders)


def _write_lookups(connection: sa.Connection, senders: list[list[dict[str, Any]]]) -> list[None]:
    metrics.write_cache_metrics(connection, [row for rows in senders for row in rows])
    return [None] * len(senders)


def _number(job_id: str) -> int:
    number = row_number_of(job_id)
    if number is None:
        raise _no_such_job()
    return number


def _no_such_job() -> Refusal:
    return Refusal(404, "no such job")
