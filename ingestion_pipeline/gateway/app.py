"""The application: the routes that it is given, their errors as answers, what they share."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from ingestion_pipeline.foundation.errors import ContractError, QuotaError
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.watch.gathering import Questions
from ingestion_pipeline.gateway import docs, openapi
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.direct import Direct
from ingestion_pipeline.gateway.envelope import Envelope
from ingestion_pipeline.gateway.errors import OUTAGES, answer_to
from ingestion_pipeline.gateway.front import Gateway
from ingestion_pipeline.gateway.metrics import Metrics
from ingestion_pipeline.gateway.request_log import RequestLog
from ingestion_pipeline.gateway.routes import files, health, operations
from ingestion_pipeline.gateway.routes import ledger as outside
from ingestion_pipeline.gateway.trust.webhook_secrets import secrets_by_tenant

_ABOUT = """
Receives the data of all domains, checks it, records it durably, and answers. What was answered
2xx is in the database. Every answer is a JSON object with `status` and `message`; refusals list
each field at fault in `errors`. `X-Request-ID` is taken over, or made, and returned.
"""


def create_app(
    configuration: Settings,
    *,
    routers: Sequence[Any] = (),
    questions: Mapping[str, Questions] | None = None,
    mappings: Mappings | None = None,
) -> Envelope:
    """The gateway as an ASGI application; it connects when the server starts it up.

    Args:
        configuration: the settings of this process.
        routers: what it serves beside its own routes (`domains.registry.routers()`).
        questions: what health asks the domains (`domains.registry.questions()`).
        mappings: to which files of any shape may be sent (`domains.registry.mappings()`).
    """
    secrets_by_tenant(configuration)  # a wrong one is said now, not with the first webhook
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        migrated = await asyncio.to_thread(schema.upgraded, configuration)
        engine = database.async_engine(migrated.url.render_as_string(hide_password=False))
        migrated.dispose()
        envelope.log = RequestLog(engine)
        envelope.log.start()
        app.state.gateway = Gateway(configuration, engine)
        app.state.health = health.kept_health(app.state.gateway, questions or {})
        app.state.questions = questions or {}
        app.state.mappings = mappings or Mappings(())
        app.state.metrics = metrics
        app.state.request_log = envelope.log
        closing: list[Callable[[], Awaitable[None]]] = []  # what routers have opened since
        app.state.closing = closing
        app.state.ending = envelope.ending
        yield
        for close in closing:
            await close()
        await envelope.log.stop()
        await engine.dispose()

    app = FastAPI(
        title="ingestion-pipeline",
        version="1",
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # docs.py: without a CDN
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    openapi.install(app)
    for router in (*routers, files.router, outside.router, health.router, operations.router):
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    docs.install(app)
    # Of what is caught as `Exception` only, Starlette thinks that the connection is broken.
    for error in (Refusal, ContractError, QuotaError, HTTPException, *OUTAGES, Exception):
        app.add_exception_handler(error, answer_to)
    envelope = Envelope(Direct(app), metrics)
    return envelope
