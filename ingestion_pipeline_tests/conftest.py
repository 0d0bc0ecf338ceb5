"""One real PostgreSQL for the test session, one fresh database a test.

The server is the embedded one, in a home of its own; a migrated template database is copied for
every test that asks for one, so tests neither share rows nor wait for migrations. Where there is
memory for it, all files of the tests are in memory: a copy of the template is 800 files, which cost
a fifth of the processor time there, and nobody waits for the disk.
"""

import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import psycopg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import metrics, tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline_tests.forking import client as forking
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.gateway.running import RunningGateway, Sender

_numbers = itertools.count(1)
_connections: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()
# Files whose tests wait for minutes and leave the processors to others, the longest first.
_WAITING = ["test_up.py", "test_soak.py", "test_shared_limit.py"]

# What a kill leaves behind is the same: only the end of the whole machine is not survived.
_UNSAFE = """
fsync = off
full_page_writes = off
max_wal_size = 1GB
scram_iterations = 1
"""
_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 8 * 2**30  # a whole run leaves less than half of it


def pytest_configure(config: pytest.Config) -> None:
    _keep_files_in_memory(config)
    _see_no_described_sources(config)
    config.add_cleanup(forking.install())
    _try_again_at_once()


def _keep_files_in_memory(config: pytest.Config) -> None:
    """Of this process and its children, until it ends; with TMPDIR they are elsewhere, and stay."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    if min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) < _MEMORY_NEEDED:
        return
    folder = tempfile.mkdtemp(prefix="tests-", dir=_MEMORY)
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def _see_no_described_sources(config: pytest.Config) -> None:
    """Sources that somebody describes in the checkout's `defs/` are none of the tests' affair: one
    site of a file takes the place of the default ones. Before any definitions are imported."""
    none_described = tempfile.TemporaryDirectory(prefix="no-sources-")
    config.add_cleanup(none_described.cleanup)
    os.environ["DEFS_FOLDER"] = none_described.name


def _try_again_at_once() -> None:
    """A step that fails is tried again as often as ever, but not 5 and 10 seconds later. Of runs in
    the process of the tests; others wait."""
    dg.RetryPolicy.calculate_delay = lambda *_: 0  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever waits longest begins first, and what is short fills the end, where a long file would
    have one process work while the others have nothing left (the sort is stable)."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.name in _WAITING:
        return _WAITING.index(item.path.name)
    folder = item.nodeid.partition("/")[2].partition("/")[0]
    return len(_WAITING) + {"outlets": 0, "foundation": 2}.get(folder, 1)


@sa.event.listens_for(sa.pool.Pool, "connect")
def _remember(connection: object, _: object) -> None:
    if isinstance(connection, psycopg.Connection):
        _connections.add(connection)


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """URL of the session's server, with a migrated database `template_ingestion` on it."""
    server = EmbeddedServer(tmp_path_factory.mktemp("home"))
    with server._lock():
        server._initialise()
    with (server.data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write(_UNSAFE)
    url = sa.make_url(server.url())
    try:
        _administer(url, "CREATE DATABASE template_ingestion")
        template = sa.create_engine(url.set(database="template_ingestion"))
        schema.upgrade(template)
        template.dispose()
        yield url
    finally:
        server.stop()


@pytest.fixture
def database_url(server_url: sa.URL) -> Iterator[str]:
    """URL of a migrated, empty database of this test's own."""
    yield from _fresh_database(server_url)


@pytest.fixture(scope="module")
def shared_database_url(server_url: sa.URL) -> Iterator[str]:
    """URL of a migrated database that a module's tests share; they clean up after one another."""
    yield from _fresh_database(server_url)


@pytest.fixture(scope="module")
def bare_database_url(server_url: sa.URL) -> Iterator[str]:
    """URL of a database without any table, that a module's tests share."""
    yield from _fresh_database(server_url, template="template0")


def _fresh_database(server_url: sa.URL, *, template: str = "template_ingestion") -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _administer(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server_url.set(database=name).render_as_string(hide_password=False)
    # Or their writers would try every second to reach what is gone; of a dropped table, for ever.
    metrics.flush()
    for each in list(metrics._batched.values()):
        each.backlog.take()
    # Engines that are still somewhere hold some, which the collector would find in another test.
    for connection in list(_connections):
        if not connection.closed and connection.info.dbname == name:
            connection.close()
    _administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """Engine of a migrated, empty database of this test's own."""
    made = database.engine(database_url)
    yield made
    made.dispose()
    database.engine.cache_clear()


@pytest.fixture
def tenant_id(engine: sa.Engine) -> int:
    """The tenant `acme`."""
    with engine.begin() as connection:
        return tenants.ensure(connection, "acme")


@pytest.fixture
def configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str
) -> Iterator[Settings]:
    """Settings (also of child processes) that point at this test's database and folder."""
    monkeypatch.setenv("INGESTION_HOME", str(tmp_path / "ingestion"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    settings.cache_clear()
    database.engine.cache_clear()
    yield settings()
    metrics.flush()  # what this test has noted is not the next one's
    database.engine(settings()).dispose()
    database.engine.cache_clear()
    settings.cache_clear()


@pytest.fixture(scope="module")
def gateway(
    server_url: sa.URL, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RunningGateway]:
    """A gateway process that a module's tests share, with a database of its own.

    A module's `GATEWAY_ENVIRONMENT` is added to its environment.
    """
    environment = getattr(request.module, "GATEWAY_ENVIRONMENT", None)
    for url in _fresh_database(server_url):
        running = RunningGateway(url, tmp_path_factory.mktemp("gateway"), environment)
        try:
            yield running
        finally:
            running.stop()
            running.engine.dispose()


@pytest.fixture
def sender(gateway: RunningGateway) -> Iterator[Sender]:
    """A tenant of this test's own, and an HTTP client with its key."""
    with gateway.new_sender() as made:
        yield made


@pytest.fixture(scope="module")
def sandbox_process(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RunningSandbox]:
    """A module's `SANDBOX` says how many points it has, and how often."""
    size = getattr(request.module, "SANDBOX", {})
    running = RunningSandbox(tmp_path_factory.mktemp("sandbox"), **size)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def sandbox(sandbox_process: RunningSandbox) -> Iterator[RunningSandbox]:
    """A process of stand-ins of upstreams that a module's tests share; nothing fails in it yet."""
    sandbox_process.heal()
    sandbox_process.forget()
    yield sandbox_process
    sandbox_process.heal()


def _administer(url: sa.URL, statement: str) -> None:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)
