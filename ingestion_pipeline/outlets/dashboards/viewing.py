"""The database as a page sees it: read only, as the viewer of one tenant, for a few seconds.

The pool's login may read nothing. Each page is one transaction that becomes the tenant's viewer
(`foundation/ledger/viewers.py`), so the database's own policies decide whose rows there are, and
all figures of a page are of one moment. A query is a constant with parameters, always: text that
came in could else become another viewer.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import viewers
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.privileges import READER

T = TypeVar("T")

# Of the threads that make pages: what they do holds up nobody who sends.
_AT_ONCE = 4
_OPTIONS = (
    "-c timezone=UTC -c jit=off -c statement_timeout=8s -c idle_in_transaction_session_timeout=15s "
    "-c lock_timeout=2s"
)
_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL ROLE "
_HOW = "`ingestion-pipeline db login dashboards NAME` makes a login and prints its URL"


class Views:
    """The pages' connections to the database; one a process."""

    def __init__(self, configuration: Settings) -> None:
        """Raises ConfigurationError where DASHBOARDS_DATABASE_URL is missing or wrong."""
        self._engine = sa.create_engine(
            _url(configuration),
            pool_pre_ping=True,
            pool_size=_AT_ONCE,
            max_overflow=0,
            pool_timeout=5,
            connect_args={
                "connect_timeout": 5,
                "options": _OPTIONS,
                "application_name": "ingestion-pages",
            },
        )
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pages")

    async def run(self, work: Callable[[], T]) -> T:
        """Do what takes a while in a thread of the pages' own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextmanager
    def of_tenant(self, tenant_id: int) -> Iterator[sa.Connection]:
        """A transaction that sees a tenant's rows.

        Raises:
            ConfigurationError: the tenant has no viewer, or the login may not become it.
        """
        with self._as(viewers.role_of(tenant_id)) as connection:
            yield connection

    @contextmanager
    def of_operator(self) -> Iterator[sa.Connection]:
        """A transaction that sees everybody's rows, as operators' dashboards do.

        Raises:
            ConfigurationError: the login may not become `ingestion_reader`.
        """
        with self._as(READER) as connection:
            yield connection

    @contextmanager
    def _as(self, role: str) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            try:
                connection.exec_driver_sql(_BEGIN + role)
            except sa.exc.DBAPIError as error:
                if isinstance(error.orig, _NOT_MADE):
                    raise ConfigurationError(
                        f"the pages may not read as {role}: let who may make roles run "
                        "`ingestion-pipeline db roles`"
                    ) from None
                raise
            yield connection

    async def close(self) -> None:
        """Let all connections go."""
        self._threads.shutdown(wait=True)
        self._engine.dispose()


_NOT_MADE = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue)


def _url(configuration: Settings) -> sa.URL:
    if configuration.dashboards_database_url is None:
        raise ConfigurationError(f"DASHBOARDS_DATABASE_URL is not set: {_HOW}")
    try:
        url = sa.make_url(configuration.dashboards_database_url.get_secret_value())
    except sa.exc.ArgumentError:
        raise ConfigurationError("DASHBOARDS_DATABASE_URL is not a URL") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError("DASHBOARDS_DATABASE_URL must be postgresql://…")
    return url.set(drivername="postgresql+psycopg")
