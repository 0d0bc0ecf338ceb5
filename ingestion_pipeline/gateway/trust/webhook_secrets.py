"""Which tenant a webhook's secret speaks for: WEBHOOK_SECRETS, and tenants' own in the database.

Those of the environment are read and checked at the start; tenants' own are looked up again once
they are `FRESH_SECONDS` old: a new one is accepted, a revoked one refused, without a restart.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger.signing_secrets import SigningSecrets
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.gateway.trust.signatures import is_signed, key_of

DEFAULT_TENANT = "default"
FRESH_SECONDS = 5.0
# Bytes that are hashed at once, in about a millisecond; more in a thread, and others go on.
_MUCH = 1024 * 1024

ByTenant = Mapping[str, tuple[str, ...]]


def secrets_by_tenant(configuration: Settings) -> dict[str, tuple[str, ...]]:
    """The secrets of each tenant; an entry is `TENANT:SECRET`, or `SECRET` of `default`.

    Raises:
        ConfigurationError: an entry is empty behind its tenant, or no base64 after `whsec_`.
    """
    found: dict[str, tuple[str, ...]] = {}
    configured = configuration.webhook_secrets
    entries = configured.get_secret_value().split(",") if configured is not None else []
    for number, entry in enumerate(filter(None, map(str.strip, entries)), start=1):
        tenant, colon, secret = entry.partition(":")
        if not colon:
            tenant, secret = DEFAULT_TENANT, entry
        try:
            key = key_of(secret)
        except ValueError as error:
            raise ConfigurationError(f"WEBHOOK_SECRETS: entry {number}: {error}") from None
        if not tenant or not key:
            raise ConfigurationError(f"WEBHOOK_SECRETS: entry {number} must be TENANT:SECRET")
        found[tenant] = (*found.get(tenant, ()), secret)
    return found


class WebhookSecrets:
    """All secrets by which a webhook may be signed.

    Args:
        configured: those of the environment.
        look_up: those of the database.
    """

    def __init__(
        self, configured: ByTenant, look_up: Callable[[], Awaitable[SigningSecrets]]
    ) -> None:
        self._configured = configured
        self._look_up = look_up
        self._all: ByTenant | None = None
        self._until = 0.0
        self._task: asyncio.Task[ByTenant | None] | None = None

    async def known(self) -> ByTenant | None:
        """The secrets of each tenant; None: nobody has ever had one.

        Raises:
            sqlalchemy.exc.DBAPIError: the database does not answer.
        """
        if time.monotonic() < self._until:
            return self._all
        if self._task is None:  # one for all who wait, whoever of them goes away
            self._task = asyncio.create_task(self._refresh())
        return await asyncio.shield(self._task)

    async def _refresh(self) -> ByTenant | None:
        try:
            asked = time.monotonic()
            stored = await self._look_up()
            both = {
                tenant: self._configured.get(tenant, ()) + stored.by_tenant.get(tenant, ())
                for tenant in [*self._configured, *stored.by_tenant]
            }
            self._all = both if both or stored.used else None
            self._until = asked + FRESH_SECONDS
        finally:
            self._task = None
        return self._all


async def signer_of(headers: Mapping[str, str], body: bytes, secrets: ByTenant) -> str | None:
    """The tenant that has signed a body now; None: nobody has."""
    now = time.time()
    number = sum(map(len, secrets.values()))
    if number * len(body) > _MUCH:
        return await asyncio.to_thread(_signer, headers, body, secrets, now)
    return _signer(headers, body, secrets, now)


def _signer(headers: Mapping[str, str], body: bytes, secrets: ByTenant, now: float) -> str | None:
    # All are tried, whoever matches, so that time tells nothing.
    signers = [
        tenant for tenant, own in secrets.items() if is_signed(headers, body, secrets=own, now=now)
    ]
    return signers[0] if signers else None
