"""What every endpoint does first, in the contract's order: size → key → rate → JSON."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import Message

from ingestion_pipeline.foundation.ledger import rate_buckets, signing_secrets, tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.group_commit import GroupCommit, Work
from ingestion_pipeline.gateway.json_bodies import NO_JSON, decode, why_no_json
from ingestion_pipeline.gateway.trust.limits import RateLimit, SharedRate
from ingestion_pipeline.gateway.trust.webhook_secrets import (
    WebhookSecrets,
    secrets_by_tenant,
    signer_of,
)

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

_SLOWEST_BYTES_A_SECOND = 1_024
_WAITED = "ingestion.waited_seconds"
_STRANGERS_A_SECOND, _STRANGERS_AT_ONCE = 1, 200


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    tenant_id: int
    tenant: str
    request_id: str


class Gateway:
    """What the endpoints of all wings share; one a process.

    Attributes:
        strangers: how often an address may come with a secret path that is none.
    """

    def __init__(self, configuration: Settings, engine: AsyncEngine) -> None:
        self.configuration = configuration
        self.engine = engine
        self._rate = SharedRate(
            rate=configuration.rate_limit, burst=configuration.rate_burst, take=self._take_lot
        )
        self.strangers = RateLimit(rate=_STRANGERS_A_SECOND, burst=_STRANGERS_AT_ONCE)
        self._webhook_secrets = WebhookSecrets(
            secrets_by_tenant(configuration),
            lambda: self.run(signing_secrets.in_force, configuration),
        )
        self._signers: dict[str, int] = {}
        self._groups: dict[Any, GroupCommit[Any, Any]] = {}
        self._keys: GroupCommit[bytes, tenants.KeyHolder | None] = GroupCommit(
            # One SELECT needs no BEGIN and COMMIT around it.
            engine.execution_options(isolation_level="AUTOCOMMIT"),
            tenants.holders_of_keys,
        )

    async def authenticate(self, request: Request) -> Caller:
        """The tenant whose API key a request carries.

        Raises:
            Refusal: 401 for whatever is wrong with the key; 429 when the tenant sends too much.
        """
        api_key = _api_key(request)
        holder = await self.holder_of(tenants.key_hash(api_key)) if api_key else None
        if holder is None:
            raise Refusal(401, "a valid API key is needed: X-API-Key, or Authorization: Bearer")
        request.scope["ingestion.tenant_id"] = holder.tenant_id
        if wait := await self._rate.take(holder.tenant_id):
            raise Refusal(429, "too many requests", retry_after=wait)
        return Caller(holder.tenant_id, holder.tenant, request_id_of(request))

    async def holder_of(self, key_hash: bytes) -> tenants.KeyHolder | None:
        """Whose key has this hash; all who wait are looked up together, so a revoked key is
        refused from then on.
        """
        return await self._keys.submit(key_hash)

    async def receive_json(self, request: Request) -> tuple[Caller, Any]:
        """The caller, and the body as decoded JSON.

        Raises:
            Refusal: 413 too large, 415 encoded, 401 and 429 as in `authenticate`, 400 not JSON.
            RepeatedKeyError: an object in it has a key twice.
        """
        caller, content = await self.receive_content(request)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "Content-Encoding: a JSON body must not be encoded")
        try:
            return caller, decode(content)
        except NO_JSON as error:
            raise Refusal(400, f"the body is not JSON: {why_no_json(content, error)}") from None

    async def receive_content(
        self, request: Request, *, limit_of: Callable[[bytes], int] | None = None
    ) -> tuple[Caller, bytes]:
        """The caller, and the body as it came.

        Args:
            request: which is to be read.
            limit_of: from the beginning of a body to the most bytes it may have, where that
                depends; else MAX_JSON_BYTES.

        Raises:
            Refusal: 413 too large, 401 and 429 as in `authenticate`.
        """
        limit = usual = self.configuration.max_json_bytes
        headers = request.headers
        if limit_of is None or ("expect" in headers and "content-type" not in headers):
            require_size(request, limit)
        message = await self._next(request)
        content: bytes = message.get("body", b"")
        if limit_of is not None:
            limit = limit_of(content)
            require_size(request, limit)
        if len(content) > limit:
            raise too_large(limit)
        # Much is taken only of those whose key is valid.
        caller = await self.authenticate(request) if limit > usual else None
        if message.get("more_body"):  # most come in one piece
            pieces = [piece async for piece in self._pieces(request, limit, len(content))]
            content += b"".join(pieces)
        return caller or await self.authenticate(request), content

    async def receive_signed(self, request: Request) -> tuple[Caller, bytes]:
        """The tenant whose secret has signed a webhook, and the body as it came, byte by byte.

        Raises:
            Refusal: 413 too large, 503 no secret is configured, 401 not signed by one, 415, 429.
        """
        limit = self.configuration.max_json_bytes
        content = b"".join([piece async for piece in self.body(request, limit=limit)])
        secrets = await self._webhook_secrets.known()
        if secrets is None:
            message = "no tenant has a signing secret, and WEBHOOK_SECRETS is not set"
            raise Refusal(503, f"{message}, so no webhook can be trusted")
        tenant = await signer_of(request.headers, content, secrets)
        if tenant is None:
            raise Refusal(401, "a valid signature of now is needed")
        tenant_id = self._signers.get(tenant)
        if tenant_id is None:
            tenant_id = self._signers[tenant] = await self.run(tenants.ensure, tenant)
        request.scope["ingestion.tenant_id"] = tenant_id
        if wait := await self._rate.take(tenant_id):
            raise Refusal(429, "too many requests", retry_after=wait)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise Refusal(415, "Content-Encoding: a JSON body must not be encoded")
        return Caller(tenant_id, tenant, request_id_of(request)), content

    async def wait_of(self, tenant_id: int) -> float:
        """Count a request of a tenant: 0.0, or the seconds until it may send another."""
        return await self._rate.take(tenant_id)

    async def _take_lot(self, tenant_id: int, number: int) -> rate_buckets.Lot:
        rate, burst = self.configuration.rate_limit, self.configuration.rate_burst
        return await self.run(rate_buckets.take, tenant_id, rate=rate, burst=burst, lot=number)

    async def body(self, request: Request, *, limit: int) -> AsyncIterator[bytes]:
        """The body in pieces as they come.

        Raises:
            Refusal: 413 larger than `limit` bytes, 408 silent for too long, 400 broken off.
        """
        require_size(request, limit)
        async for piece in self._pieces(request, limit, 0):
            yield piece

    async def _pieces(self, request: Request, limit: int, received: int) -> AsyncIterator[bytes]:
        more = True
        while more:
            message = await self._next(request)
            more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                received += len(chunk)
                if received > limit:
                    raise too_large(limit)
                yield chunk

    async def _next(self, request: Request) -> Message:
        """The next piece of the body."""
        silence = self.configuration.body_timeout.total_seconds()
        began = time.monotonic()
        try:
            async with asyncio.timeout(silence):
                message = await request.receive()
        except TimeoutError:
            raise Refusal(408, f"nothing came for {silence:.0f} seconds") from None
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the connection broke off")
        # A byte now and then is no silence, but holds a connection for ever: what a sender has
        # kept us waiting, less what its bytes were worth, is counted.
        waited: float = request.scope.get(_WAITED, 0.0) + time.monotonic() - began
        waited = max(0.0, waited - len(message.get("body", b"")) / _SLOWEST_BYTES_A_SECOND)
        if waited > silence and message.get("more_body"):
            raise Refusal(
                408, f"the body comes slower than {_SLOWEST_BYTES_A_SECOND} bytes a second"
            )
        request.scope[_WAITED] = waited
        return message

    async def run(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, …)` in a transaction of its own."""
        async with self.engine.begin() as connection:
            return await connection.run_sync(work, *args, **kwargs)

    async def together(self, work: Work[Item, Result], item: Item) -> Result:
        """Run `work(connection, items)` in one transaction with all who wait; the item's result.

        It is kept for the next who ask for the same `work`: one that is made anew for each request
        would have a transaction to itself.
        """
        group = self._groups.get(work)
        if group is None:
            group = self._groups[work] = GroupCommit(self.engine, work)
        result: Result = await group.submit(item)
        return result

    def require_cron_secret(self, request: Request) -> None:
        """Let only schedulers pass that know `CRON_SECRET`.

        Raises:
            Refusal: 401 a wrong secret, 503 none is configured.
        """
        if self.configuration.cron_secret is None:
            raise Refusal(503, "CRON_SECRET is not set, so nobody may call this")
        if not self.knows_cron_secret(request):
            raise Refusal(401, "the cron secret is needed")

    def knows_cron_secret(self, request: Request) -> bool:
        """Whether a request carries `CRON_SECRET`, in one of the headers for it."""
        secret = self.configuration.cron_secret
        if secret is None:
            return False
        headers = request.headers
        given = [
            _bearer(request),
            headers.get("x-cron-secret"),
            headers.get("x-vercel-cron-secret"),
        ]
        expected = secret.get_secret_value().encode()
        matches = [hmac.compare_digest(expected, value.encode()) for value in given if value]
        return any(matches)


def gateway_of(request: Request) -> Gateway:
    """The gateway that a request came to."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def request_id_of(request: Request) -> str:
    """The id under which a request is logged and answered."""
    request_id: str = request.scope["ingestion.request_id"]
    return request_id


def row_number_of(text: str) -> int | None:
    """The number of a row that a path names; None where it can be no row's.

    >>> row_number_of("42"), row_number_of("-1"), row_number_of("٣"), row_number_of("9" * 19)
    (42, None, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def require_size(request: Request, limit: int) -> None:
    """Refuse at once what announces itself as too large.

    Raises:
        Refusal: 413.
    """
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> Refusal:
    """The refusal of what is larger than `limit` bytes."""
    return Refusal(413, f"the body must be at most {limit} bytes")


def _api_key(request: Request) -> str | None:
    return request.headers.get("x-api-key") or _bearer(request)


def _bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None
