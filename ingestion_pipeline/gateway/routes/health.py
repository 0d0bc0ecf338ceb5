"""`GET /api/health/data`: how well all is, computed once in HEALTH_INTERVAL at most."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from ingestion_pipeline.foundation.watch.gathering import SERVICES, Questions, gather
from ingestion_pipeline.foundation.watch.health import document, for_strangers, unreachable
from ingestion_pipeline.foundation.watch.health_of_tenant import health_of
from ingestion_pipeline.gateway.answers import answer
from ingestion_pipeline.gateway.errors import OUTAGES
from ingestion_pipeline.gateway.front import Gateway, gateway_of
from ingestion_pipeline.gateway.openapi import described, router_of

logger = logging.getLogger(__name__)
router = router_of("operations")

_PATIENCE_SECONDS = 6.0

Document = dict[str, Any]


class HealthDocument(BaseModel):
    """How well all is."""

    status: str
    message: str
    as_of: datetime
    services: dict[str, dict[str, Any]]
    metrics: dict[str, Any]


class TenantHealth(HealthDocument):
    """How well all is that is the tenant's."""

    tenant: str
    jobs: dict[str, dict[str, int]]


class KeptHealth:
    """The newest document, and the one computation of the next that everybody waits for.

    A caller that goes away does not end the computation: the others still wait for it.
    """

    def __init__(self, compute: Callable[[], Awaitable[Document]], *, seconds: float) -> None:
        self._compute = compute
        self._seconds = seconds
        self._document: Document = {}
        self._until = 0.0
        self._task: asyncio.Task[Document] | None = None

    async def get(self) -> Document:
        """A document that is young enough, or a new one."""
        if time.monotonic() < self._until:
            return self._document
        if self._task is None:
            self._task = asyncio.create_task(self._refresh())
        return await asyncio.shield(self._task)

    async def _refresh(self) -> Document:
        try:
            self._document = await self._compute()
            self._until = time.monotonic() + self._seconds
        finally:
            self._task = None
        return self._document


def kept_health(gateway: Gateway, questions: Mapping[str, Questions]) -> KeptHealth:
    """The health of what a gateway stands on; RED when that does not answer."""

    async def compute() -> Document:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return document(await gateway.run(gather, gateway.configuration, questions))
        except OUTAGES as error:  # TimeoutError is one
            logger.error(  # noqa: TRY400  (an outage, whose traceback says nothing)
                "health not known: %s", str(error).partition("\n")[0]
            )
            return unreachable(datetime.now(UTC), SERVICES, "the database does not answer")

    interval = gateway.configuration.health_interval
    return KeptHealth(compute, seconds=interval.total_seconds())


@router.get(
    "/api/health/data",
    **described(
        summary="GREEN, YELLOW or RED?",
        answers={200: HealthDocument},
        refusals=(),
        unwell={503: HealthDocument},
        secured=False,
    ),
)
async def get_health(request: Request) -> Response:
    """200 when GREEN or YELLOW, 503 when RED, with the same document. At most five seconds old.
    Which markets are stale is told with the cron secret only; others see how many.
    """
    health: KeptHealth = request.app.state.health
    said = await health.get()
    if not gateway_of(request).knows_cron_secret(request):
        said = for_strangers(said)
    return answer(503 if said["status"] == "RED" else 200, said)


@router.get(
    "/api/health/tenant",
    **described(
        summary="How well is all that is yours?",
        answers={200: TenantHealth},
        refusals=(401, 429, 503),
    ),
)
async def get_health_of_tenant(request: Request) -> Response:
    """With your key: your markets by name, your jobs, and what your programs recorded under
    `/api/ledger`. Members are those of `/api/health/data`; nobody else's figures are in them.
    """
    gateway = gateway_of(request)
    caller = await gateway.authenticate(request)
    said = await gateway.run(health_of, request.app.state.questions, caller.tenant_id)
    return answer(200, {**said, "tenant": caller.tenant})
