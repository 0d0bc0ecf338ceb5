"""Which server keeps the documents: the one that `KEY_VALUE_URL` names, else the database."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.key_value.contract import KeyValue
from ingestion_pipeline.foundation.storage.key_value.documents import Elsewhere


def key_value(namespace: str, configuration: Settings) -> KeyValue:
    """The store of a namespace, on the server that `KEY_VALUE_URL` names, else in the database.

    Raises:
        ConfigurationError: `KEY_VALUE_URL` is set to something else than a redis:// URL.
        ContractError: the namespace is not 1 to 128 characters without NUL.
    """
    # Here, because both modules need the ones above, and who has no Redis need not load it.
    from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue
    from ingestion_pipeline.foundation.storage.key_value.redis import RedisKeyValue, client

    secret = configuration.key_value_url
    if secret is None:
        return PostgreSQLKeyValue(database.engine(configuration), namespace)
    if not secret.get_secret_value().startswith(("redis://", "rediss://")):
        raise ConfigurationError("KEY_VALUE_URL must be redis://… or rediss://…, or unset")
    return RedisKeyValue(client(secret.get_secret_value()), namespace)


def elsewhere(configuration: Settings) -> Elsewhere | None:
    """The stores of the server that `KEY_VALUE_URL` names; None where documents are in the
    database, and are written in the transaction of what they say.
    """
    if configuration.key_value_url is None:
        return None
    return lambda namespace: key_value(namespace, configuration)


def purge_expired(engine: sa.Engine, configuration: Settings) -> int:
    """Free what expired entries take, in all namespaces; returns how many there were.

    The database's are purged also where another server keeps documents: caches and checkpoints
    may be in its table still.

    Raises:
        ConfigurationError: `KEY_VALUE_URL` is not a redis:// URL.
        TransientError: a server did not answer; some entries may be freed.
    """
    from ingestion_pipeline.foundation.storage.key_value import (
        postgresql as key_value_postgresql,
    )
    from ingestion_pipeline.foundation.storage.key_value import (
        redis as key_value_redis,
    )

    purged = key_value_postgresql.purge_expired(engine)
    if configuration.key_value_url is not None:
        url = configuration.key_value_url.get_secret_value()
        purged += key_value_redis.purge_expired(key_value_redis.client(url))
    return purged
