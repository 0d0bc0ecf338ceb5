"""The database: which one it is, how one connects, how its schema comes up to date."""

import logging
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

logger = logging.getLogger(__name__)


_COUNTED_ROWS = 1_000_000


def database_url(configuration: Settings) -> str:
    """The URL of the database; starts the embedded server where `DATABASE_URL` is unset.

    Raises:
        ConfigurationError: `DATABASE_URL` is not a PostgreSQL URL.
        EmbeddedServerError: the embedded server did not start.
    """
    if configuration.database_url is None:
        return EmbeddedServer(configuration.home).url()
    try:
        url = sa.make_url(configuration.database_url.get_secret_value())
    except sa.exc.ArgumentError:
        raise ConfigurationError("DATABASE_URL is not a URL") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"DATABASE_URL must be postgresql://…, not {url.drivername}://…")
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


_OPTIONS = "-c timezone=UTC -c jit=off"
_IMPATIENT = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=60s"


@lru_cache(maxsize=8)
def engine(of: str | Settings) -> sa.Engine:
    """The engine of this process for the database at a URL, or the one that settings name."""
    return sa.create_engine(
        of if isinstance(of, str) else database_url(of),
        pool_pre_ping=True,  # the embedded server may have been restarted in between
        connect_args={
            "connect_timeout": 10,
            "options": _OPTIONS,
            "application_name": "ingestion-pipeline",
        },
    )


def async_engine(url: str) -> AsyncEngine:
    """An engine for a server process with one event loop: bounded in connections and in patience.

    Work functions are the same as everywhere: `await connection.run_sync(work, …)`.
    """
    return create_async_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=10,
        pool_timeout=5,
        connect_args={
            "connect_timeout": 5,
            "options": f"{_OPTIONS} {_IMPATIENT}",
            "application_name": "ingestion-gateway",
        },
    )


def row_count(connection: sa.Connection, table: sa.Table) -> int:
    """How many rows a table has; of a large one about how many: counting reads all of it."""
    estimate = connection.scalar(
        sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)"),
        {"name": table.name},
    )
    if estimate is not None and estimate > _COUNTED_ROWS:
        return int(estimate)
    return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def driver(connection: sa.Connection) -> Any:
    """The psycopg connection under a SQLAlchemy connection, in the same transaction."""
    return connection.connection.driver_connection
