"""The secrets that an API is told: of the environment, and of what its tenant has stored."""

from collections.abc import Callable, Iterable, Mapping

import sqlalchemy as sa

from ingestion_pipeline.foundation.http_api.words import HttpApi
from ingestion_pipeline.foundation.ledger import tenant_credentials
from ingestion_pipeline.foundation.settings import Settings


def secrets_for(
    connection: sa.Connection,
    configuration: Settings,
    tenant_id: int,
    api: HttpApi,
    environment: Callable[[Iterable[str]], Mapping[str, str]],
) -> dict[str, str]:
    """The secrets of an API by their names; none of those that are not there.

    Args:
        connection: is asked only where the file names a stored one.
        configuration: has the keys under which they are stored.
        tenant_id: whose API it is, and so whose credentials.
        environment: the values of variables by name.

    Raises:
        ConfigurationError: one was encrypted under a key that is gone, or there is no key.
    """
    secrets = () if api.auth is None else api.auth.secrets
    stored = [each.name for each in secrets if each.is_stored]
    found = dict(environment([each.name for each in secrets if not each.is_stored]))
    if stored:
        found |= tenant_credentials.read(connection, configuration, tenant_id, stored)
    return found
