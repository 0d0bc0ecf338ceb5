"""Which tenant a webhook's secret speaks for: WEBHOOK_SECRETS, read and checked at the start."""

import time
from collections.abc import Mapping

from ingestion_pipeline.errors import ConfigurationError
from ingestion_pipeline.gateway.signatures import is_signed, key_of
from ingestion_pipeline.settings import Settings

DEFAULT_TENANT = "default"


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


def signer_of(
    headers: Mapping[str, str], body: bytes, secrets: Mapping[str, tuple[str, ...]]
) -> str | None:
    """The tenant that has signed a body now; None: nobody has."""
    now = time.time()
    # All are tried, whoever matches, so that time tells nothing.
    signers = [
        tenant for tenant, own in secrets.items() if is_signed(headers, body, secrets=own, now=now)
    ]
    return signers[0] if signers else None
