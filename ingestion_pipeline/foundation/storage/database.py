"""The database: which one it is, how one connects, how its schema comes up to date."""

import logging
import time
from collections.abc import Callable
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ingestion_pipeline.foundation.errors import ConfigurationError, TransientError
from ingestion_pipeline.foundation.settings import Settings, settings
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

# One metadata for all tables; the wings add theirs in their `tables.py`.
metadata = sa.MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

_COUNTED_ROWS = 1_000_000
# Who waits for a lock on a table makes all wait who come later. So it gives up soon, and before
# PostgreSQL looks for deadlocks (after a second), whose victim might be a request.
_LOCK_TIMEOUT_MS = 400
_LOCK_PAUSE, _LONGEST_LOCK_PAUSE = 0.2, 3.0
_LOCK_PATIENCE = 300.0


def database_url(configuration: Settings | None = None) -> str:
    """The URL of the database; starts the embedded server where `DATABASE_URL` is unset.

    Raises:
        ConfigurationError: `DATABASE_URL` is not a PostgreSQL URL.
        EmbeddedServerError: the embedded server did not start.
    """
    configuration = configuration or settings()
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
def engine(url: str | None = None) -> sa.Engine:
    """The engine of this process for a database (default: the configured one)."""
    return sa.create_engine(
        url or database_url(),
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


def upgraded(configuration: Settings | None = None) -> sa.Engine:
    """The engine of the configured database, its schema up to date."""
    database = engine(database_url(configuration)) if configuration else engine()
    upgrade(database)
    return database


def upgrade(database: sa.Engine, revision: str = "head") -> str:
    """Bring the schema up to date and return its revision; safe when many processes call it.

    A schema that is newer than this package stays as it is: migrations are written so that the
    release before goes on working (docs/operations.md).

    Raises:
        ConfigurationError: the server is older than PostgreSQL 15, or the schema is older than
            this package and our role may not change it.
        TransientError: the tables were in use all the time.
    """
    with database.connect() as connection:
        version: int = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
        if int(version) < 150_000:
            raise ConfigurationError(f"PostgreSQL 15 or newer is needed, this is {version}")
        current = current_revision(connection)
        if revision == "head" and current is not None:
            if current == head_revision():
                return current
            if not _is_known(current):
                logger.warning("the schema (%s) is newer than this program", current)
                return current
            _require_owner(connection, current)
    return under_lock(database, partial(_migrate, revision=revision))


def _migrate(connection: sa.Connection, *, revision: str) -> str:
    """Migrate and, where the cluster has our roles, give them what the new schema needs."""
    from alembic import command

    from ingestion_pipeline.foundation.storage import roles

    command.upgrade(_alembic(connection), revision)
    if revision == "head" and roles.are_there(connection):
        roles.grant(connection)
    return current_revision(connection) or "base"


def under_lock(database: sa.Engine, work: Callable[[sa.Connection], Result]) -> Result:
    """Change the schema in one transaction, nobody else doing so meanwhile.

    It never waits for a table longer than a moment: it gives up, lets the others go on, and tries
    again, for five minutes. So `work` takes all its locks in its first statement.

    Raises:
        TransientError: the tables were in use all the time; who used them is in the message.
    """
    deadline = time.monotonic() + _LOCK_PATIENCE
    pause = _LOCK_PAUSE
    while True:
        try:
            with database.begin() as connection:
                locks.hold(connection, locks.MIGRATING)
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
                return work(connection)
        except sa.exc.OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
        users = _users(database)
        if time.monotonic() > deadline:
            raise TransientError(f"the tables are in use all the time, by {users}")
        logger.warning("the tables are in use, by %s; trying again", users)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_LOCK_PAUSE)


def _users(database: sa.Engine) -> str:
    """Who has had a transaction open for longest, for people to read."""
    query = sa.text("""
        SELECT format('%s (pid %s, for %s s)', application_name, pid,
                      round(extract(epoch FROM clock_timestamp() - xact_start)))
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        ORDER BY xact_start LIMIT 3
    """)
    with database.connect() as connection:
        return ", ".join(connection.scalars(query)) or "nobody that we may see"


def _require_owner(connection: sa.Connection, current: str) -> None:
    """Raise unless our role may change the schema."""
    owner = sa.text(
        "SELECT pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE') "
        "FROM pg_class WHERE oid = to_regclass('alembic_version')"
    )
    name, may = connection.execute(owner).one()
    if not may:
        raise ConfigurationError(
            f"the schema is at {current}, this program needs {head_revision()}, and only "
            f"{name} may change it: run `ingestion-pipeline db upgrade` as {name}"
        )


def _is_known(revision: str) -> bool:
    """Whether this package has the migration."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(_alembic(None)).get_revision(revision)
    except CommandError:
        return False
    return True


def current_revision(connection: sa.Connection) -> str | None:
    """The revision that the schema is at, or None for an empty database."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """The newest revision that this package knows."""
    from alembic.script import ScriptDirectory

    head = ScriptDirectory.from_config(_alembic(None)).get_current_head()
    assert head is not None, "the package carries its migrations"  # noqa: S101
    return head


def _alembic(connection: sa.Connection | None) -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option(
        "script_location", str(files("ingestion_pipeline.foundation.storage") / "migrations")
    )
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration


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
