"""What the gateway answers when an endpoint raises."""

import logging

import sqlalchemy as sa
from fastapi import Request, Response
from starlette.exceptions import HTTPException

from ingestion_pipeline.foundation.errors import (
    ContractError,
    FieldError,
    QuotaError,
    TransientError,
)
from ingestion_pipeline.gateway.answers import Refusal, answer, error_document
from ingestion_pipeline.gateway.front import request_id_of

logger = logging.getLogger(__name__)

OUTAGES = (
    TransientError, OSError,
    sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError,
)  # fmt: skip


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to a request whose endpoint raised."""
    if isinstance(error, Refusal):
        return error.response()
    if isinstance(error, ContractError):
        return answer(422, error_document(str(error), error.errors or (_only_fault(error),)))
    if isinstance(error, QuotaError):
        # The sender's matter, as a large body is: no outage of ours, and no reason to try again.
        return answer(413, error_document(str(error), [FieldError("quota", str(error))]))
    if isinstance(error, HTTPException):
        return answer(error.status_code, error_document(error.detail), headers=error.headers)
    if isinstance(error, OUTAGES):
        return _store_away(request, error)
    logger.exception("a defect of ours", exc_info=error, extra=_whose(request))
    return answer(
        500, error_document(f"a defect of ours; it is logged as {request_id_of(request)}")
    )


def _only_fault(error: ContractError) -> FieldError:
    field, colon, rule = str(error).partition(": ")
    return FieldError(field, rule) if colon else FieldError("body", field)


def _store_away(request: Request, error: Exception) -> Response:
    # The first line only: what follows may repeat what was sent.
    reason = str(error).partition("\n")[0]
    logger.error("no store: %s", reason, extra=_whose(request))
    message = "the store can't be reached or is overloaded; nothing was recorded, send it again"
    return answer(503, error_document(message), headers={"retry-after": "2"})


def _whose(request: Request) -> dict[str, str]:
    return {"request_id": request_id_of(request)}
