"""For operators: liveness, readiness, metrics."""

import asyncio

import sqlalchemy as sa
from fastapi import Request, Response
from pydantic import BaseModel

from ingestion_pipeline.gateway.answers import Refusal, answer
from ingestion_pipeline.gateway.front import gateway_of
from ingestion_pipeline.gateway.openapi import described, router_of

router = router_of("operations")

_PROBE_SECONDS = 5.0
_WRITABLE = sa.text(
    "SELECT NOT pg_is_in_recovery() AND NOT current_setting('default_transaction_read_only')::bool"
)


class State(BaseModel):
    """Whether it is well."""

    status: str
    message: str


@router.get(
    "/livez",
    **described(summary="Is the process alive?", answers={200: State}, refusals=(), secured=False),
)
async def live(_: Request) -> Response:
    """Answers as long as the process does; looks at nothing else."""
    return answer(200, {"status": "ok", "message": "alive"})


@router.get(
    "/readyz",
    **described(
        summary="Can it record what is sent?", answers={200: State}, refusals=(503,), secured=False
    ),
)
async def ready(request: Request) -> Response:
    """Whether the database is reachable and can be written; upstreams don't matter."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            writable = await gateway_of(request).run(
                lambda connection: connection.scalar(_WRITABLE)
            )
    except TimeoutError:
        raise Refusal(503, "the database does not answer", retry_after=2) from None
    if not writable:
        raise Refusal(503, "the database is read-only", retry_after=2)
    return answer(200, {"status": "ok", "message": "ready"})


@router.get(
    "/metrics",
    **described(summary="Numbers for Prometheus", answers={200: "text/plain"}, refusals=(401, 503)),
)
async def metrics(request: Request) -> Response:
    """Needs `Authorization: Bearer $CRON_SECRET`."""
    gateway_of(request).require_cron_secret(request)
    numbers = request.app.state.metrics
    numbers.log_dropped = request.app.state.request_log.dropped
    return Response(numbers.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
