"""The schema: at which revision it is, how it comes up to date, how one changes it alone."""

import logging
from functools import partial
from importlib.resources import files
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.database import engine
from ingestion_pipeline.foundation.storage.locks import under_lock

logger = logging.getLogger(__name__)


def upgraded(configuration: Settings) -> sa.Engine:
    """The engine of the configured database, its schema up to date."""
    database = engine(configuration)
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
