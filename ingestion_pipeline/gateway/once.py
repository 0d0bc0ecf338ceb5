"""`Idempotency-Key`: the same request sent twice is done once, and answered alike.

The key is held while the work takes, and given back when it fails; the answer is stored in the
transaction of the work itself (foundation/ledger/idempotency.py).
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import Request, Response

from ingestion_pipeline.foundation.errors import FieldError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import idempotency
from ingestion_pipeline.foundation.ledger.idempotency import Done, InFlight, Started
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.front import Caller, Gateway

_NAME = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class Receipt:
    """The answer to what was recorded, as it is stored under its key.

    Attributes:
        body: JSON.
        location: where the state of it is told.
        replayed: it was recorded by an earlier request of the key.
    """

    status_code: int
    body: bytes
    location: str
    replayed: bool = False

    def response(self) -> Response:
        """The answer over HTTP."""
        headers = {"location": self.location}
        if self.replayed:
            headers["idempotent-replayed"] = "true"
        return Response(self.body, self.status_code, headers, "application/json")


def key_of(request: Request, *, required: bool = True) -> str | None:
    """The key that a request carries, bare or quoted.

    Raises:
        Refusal: 400, it is missing or is not 1 to 255 visible ASCII characters.
    """
    text = request.headers.get("idempotency-key")
    if text is None:
        if required:
            raise _refused("is required here")
        return None
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise _refused("must be 1 to 255 visible ASCII characters")
    return text


async def once(
    gateway: Gateway,
    caller: Caller,
    work: Callable[[Started], Awaitable[Receipt]],
    *,
    endpoint: str,
    key: str,
    payload: Callable[[], Awaitable[bytes]],
    noun: str,
) -> Receipt:
    """The answer of `work`, which is done once a key.

    Args:
        gateway: that the request came to.
        caller: who sends it.
        work: records it, and hands the answer to `store` in the same transaction.
        endpoint: within which the key counts.
        key: the `Idempotency-Key`.
        payload: what tells this request's payload from another; asked where the key was used.
        noun: what the payload is, for people.

    Raises:
        Refusal: 409 the key's first request is under way, or another took over; 422 it was used
            with another payload.
    """
    taken = await gateway.run(
        idempotency.begin, tenant_id=caller.tenant_id, endpoint=endpoint, key=key
    )
    if isinstance(taken, InFlight):
        raise Refusal(409, f"the first request of this {_NAME} is under way", retry_after=2)
    if isinstance(taken, Done):
        if await payload() != taken.payload_sha256:
            rule = f"was used with another {noun}"
            raise Refusal(422, f"this {_NAME} {rule}", [FieldError(_NAME, rule)])
        return Receipt(taken.status_code, taken.body, taken.location or "", replayed=True)
    try:
        async with _renewed(gateway, taken):
            return await work(taken)
    except BaseException as error:
        with contextlib.suppress(Exception):  # its lease lapses by itself
            await gateway.run(idempotency.abandon, taken)
        if isinstance(error, StaleAttemptError):
            message = f"another request of this {_NAME} took over"
            raise Refusal(409, message, retry_after=2) from None
        raise


def store(
    connection: sa.Connection,
    started: Started | None,
    document: Any,
    *,
    payload_sha256: bytes,
    location: str,
    status_code: int = 202,
) -> Receipt:
    """The answer with `document`, stored under the key where there is one.

    Raises:
        StaleAttemptError: another request took the key; roll back.
    """
    receipt = Receipt(status_code, msgspec.json.encode(document) + b"\n", location)
    if started is not None:
        idempotency.finish(
            connection, started, payload_sha256=payload_sha256, status_code=receipt.status_code,
            body=receipt.body, location=location,
        )  # fmt: skip
    return receipt


@contextlib.asynccontextmanager
async def _renewed(gateway: Gateway, started: Started) -> AsyncIterator[None]:
    """Keep the key for as long as the block takes: a large file outlasts its lease."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(idempotency.LEASE.total_seconds() / 3)
            with contextlib.suppress(sa.exc.DBAPIError, OSError):
                await gateway.run(idempotency.renew, started)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


def _refused(rule: str) -> Refusal:
    return Refusal(400, f"{_NAME} {rule}", [FieldError(_NAME, rule)])
