"""The application: the routes of all wings, their errors as answers, what they share."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from ingestion_pipeline.errors import ContractError, FieldError, TransientError
from ingestion_pipeline.gateway import openapi, operations
from ingestion_pipeline.gateway.answers import Refusal, answer, error_document
from ingestion_pipeline.gateway.envelope import Envelope
from ingestion_pipeline.gateway.front import Gateway, request_id_of
from ingestion_pipeline.gateway.metrics import Metrics
from ingestion_pipeline.gateway.request_log import RequestLog
from ingestion_pipeline.settings import Settings
from ingestion_pipeline.storage import database

logger = logging.getLogger(__name__)

_ABOUT = """
Receives the data of all domains, checks it, records it durably, and answers. What was answered
2xx is in the database. Every answer is a JSON object with `status` and `message`; refusals list
each field at fault in `errors`. `X-Request-ID` is taken over, or made, and returned.
"""


def create_app(configuration: Settings) -> Envelope:
    """The gateway as an ASGI application; it connects when the server starts it up."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        migrated = await asyncio.to_thread(database.upgraded, configuration)
        engine = database.async_engine(migrated.url.render_as_string(hide_password=False))
        migrated.dispose()
        envelope.log = RequestLog(engine)
        envelope.log.start()
        app.state.gateway = Gateway(configuration, engine)
        app.state.metrics = metrics
        app.state.request_log = envelope.log
        yield
        await envelope.log.stop()
        await engine.dispose()

    app = FastAPI(
        title="ingestion-pipeline",
        version="1",
        description=_ABOUT,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    openapi.install(app)
    for router in _routers():
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(ContractError, _against_the_contract)
    for outage in (TransientError, OSError, sa.exc.OperationalError, sa.exc.InterfaceError,
                   sa.exc.TimeoutError):  # fmt: skip
        app.add_exception_handler(outage, _store_away)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _defect)
    envelope = Envelope(app, metrics)
    return envelope


def _routers() -> list[Any]:
    # Here and not above: routes need what this package defines. Each wing adds its own.
    from ingestion_pipeline.commerce import routes as commerce
    from ingestion_pipeline.kpis import routes as kpis

    return [kpis.router, commerce.router, operations.router]  # the busiest first


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101
    return error.response()


async def _against_the_contract(_: Request, error: Exception) -> Response:
    assert isinstance(error, ContractError)  # noqa: S101
    errors = error.errors
    if not errors:
        field, _colon, rule = str(error).partition(": ")
        errors = (FieldError(field if rule else "body", rule or field),)
    return answer(422, error_document(str(error), errors))


async def _store_away(request: Request, error: Exception) -> Response:
    # The first line only: what follows may repeat what was sent.
    reason = str(error).partition("\n")[0]
    logger.error("no store: %s", reason, extra={"request_id": request_id_of(request)})
    message = "the store can't be reached or is overloaded; nothing was recorded, send it again"
    return answer(503, error_document(message), headers={"retry-after": "2"})


async def _not_found(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return answer(error.status_code, error_document(error.detail), headers=error.headers)


async def _defect(request: Request, _: Exception) -> Response:
    message = f"a defect of ours; it is logged under {request_id_of(request)}"
    return answer(500, error_document(message))
