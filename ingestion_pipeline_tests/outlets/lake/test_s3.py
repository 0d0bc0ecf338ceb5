"""A lake in an object store that speaks S3, and keys that read one tenant's prefix."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import duckdb
import polars
import pyarrow as pa
import pytest
import sqlalchemy as sa
from pyarrow import fs
from pyiceberg.table import StaticTable

from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline_tests.outlets.lake import engines
from ingestion_pipeline_tests.outlets.lake.filled import Filled, comparable, filled
from ingestion_pipeline_tests.outlets.lake.store import (
    BUCKET,
    PREFIX,
    WRITER,
    Key,
    Store,
    running,
)

ACME = Key("acme", "the-secret-of-acme")
TABLES = ("orders", "orders_daily", "kpi_points", "timeseries_raw", "macro_observations")

Read = Callable[[Store, Key, str], pa.Table]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("store")
    with running(home, readers={f"{PREFIX}/tenant_1/": ACME}) as found:
        yield found


@pytest.fixture(scope="module")
def there(shared_database_url: str, store: Store) -> Iterator[Filled]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment(WRITER).items():
            patch.setenv(name, value)
        settings = Settings(lake_url=store.url)
        assert settings.lake == store.url
        with filled(shared_database_url, store.url, store=settings.lake_store, only=TABLES) as made:
            assert made.acme == 1
            yield made


@pytest.fixture(scope="module", autouse=True)
def extensions(tmp_path_factory: pytest.TempPathFactory) -> None:
    engines.install_duckdb_extensions(tmp_path_factory.mktemp("duckdb"))


@pytest.fixture(autouse=True)
def planner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


def with_duckdb(store: Store, key: Key, folder: str) -> pa.Table:
    duckdb.execute(
        f"CREATE OR REPLACE SECRET lake (TYPE s3, KEY_ID '{key.name}', SECRET '{key.secret}', "
        f"ENDPOINT '{store.address}', URL_STYLE 'path', USE_SSL false)"
    )
    return duckdb.sql("SELECT * FROM iceberg_scan(?)", params=[folder]).to_arrow_table()


def with_polars(store: Store, key: Key, folder: str) -> pa.Table:
    options = {
        "endpoint_url": store.endpoint, "region": "us-east-1",
        "access_key_id": key.name, "secret_access_key": key.secret,
    }  # fmt: skip
    table = polars.scan_iceberg(_static(store, key, folder), storage_options=options)
    return table.collect().to_arrow()


def with_pyiceberg(store: Store, key: Key, folder: str) -> pa.Table:
    return _static(store, key, folder).scan().to_arrow()


def _static(store: Store, key: Key, folder: str) -> StaticTable:
    secrets = {"s3.access-key-id": key.name, "s3.secret-access-key": key.secret}
    return StaticTable.from_metadata(folder, store.properties | secrets)


READ = pytest.mark.parametrize("read", [with_duckdb, with_polars, with_pyiceberg])


@READ
def test_every_table_has_the_rows_of_the_database(there: Filled, store: Store, read: Read) -> None:
    assert len(there.folders()) > len(TABLES)
    for namespace, name in there.folders():
        columns = read(store, WRITER, there.folder(namespace, name)).to_pydict()
        found = comparable(columns, zip(*columns.values(), strict=True))
        assert found == there.in_database(namespace, name), f"{namespace}.{name}"


@READ
def test_a_tenants_key_reads_its_prefix_and_no_others(
    there: Filled, store: Store, read: Read
) -> None:
    assert len(read(store, ACME, there.folder("tenant_1", "orders"))) == 4
    with pytest.raises((OSError, duckdb.Error)):
        read(store, ACME, there.folder("tenant_2", "orders"))


def test_a_tenants_key_writes_nothing_and_looks_nowhere_else(there: Filled, store: Store) -> None:
    files = store.opened(ACME)
    own, others = (f"{BUCKET}/{PREFIX}/tenant_{number}" for number in (1, 2))
    pointer = f"{own}/orders/metadata/version-hint.text"
    assert files.open_input_stream(pointer).read()
    attempts: list[Callable[[], object]] = [
        lambda: files.get_file_info(fs.FileSelector(others)),
        lambda: files.get_file_info(fs.FileSelector(f"{BUCKET}/{PREFIX}")),
        lambda: files.open_input_stream(pointer.replace("tenant_1", "tenant_2")).read(),
        lambda: files.open_input_stream(pointer.replace("tenant_1", "operator")).read(),
        lambda: files.copy_file(pointer, f"{own}/orders/metadata/copy"),
        lambda: files.delete_file(pointer),
        lambda: _write(files, pointer),
    ]
    for attempt in attempts:
        with pytest.raises(OSError, match="ACCESS_DENIED"):
            attempt()
    assert files.open_input_stream(pointer).read()


def _write(files: fs.FileSystem, where: str) -> None:
    with files.open_output_stream(where) as file:
        file.write(b"mine")


def test_no_key_is_in_the_files_or_the_catalogue(
    there: Filled, store: Store, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    files = store.opened(WRITER)
    found = files.get_file_info(fs.FileSelector(f"{BUCKET}/{PREFIX}", recursive=True))
    texts = [each.path for each in found if each.path.endswith((".json", ".text", ".avro"))]
    assert any(text.endswith(".metadata.json") for text in texts)
    with there.engine.connect() as connection:
        told = [
            str(connection.execute(sa.text(f"SELECT * FROM ingestion_lake.{name}")).all())
            for name in ("iceberg_tables", "iceberg_namespace_properties")
        ]
    there.sync()
    printed = capfd.readouterr()
    told += [files.open_input_stream(text).read().decode("latin-1") for text in texts]
    for text in (*told, printed.out, printed.err, caplog.text):
        assert WRITER.secret not in text
        assert store.endpoint not in text


KILLED = """
import os, signal, sys
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.outlets.lake import catalogue, files, sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline.foundation.settings import Settings

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where, name = sys.argv[1].split(".")
setattr({"files": files, "Lake": catalogue.Lake, "due": sync.due}[where], name, die)
settings = Settings()
sync.sync(database.engine(settings.database_url.get_secret_value()), catalogue.opened(settings),
          BY_NAME["kpi_points"])
"""


@pytest.mark.parametrize("before", ["files.replace", "Lake.point", "due.done"])
def test_a_writer_that_is_killed_leaves_the_table_whole(
    there: Filled, store: Store, before: str
) -> None:
    folder = there.folder("tenant_1", "kpi_points")
    was = with_pyiceberg(store, WRITER, folder)
    with there.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET value = value + 1")
    url = there.engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"DATABASE_URL": url, "LAKE_URL": store.url}
    killed = subprocess.run([sys.executable, "-c", KILLED, before], env=environment)
    assert killed.returncode == -signal.SIGKILL
    now = with_duckdb(store, WRITER, folder)
    assert len(now) == len(was)
    there.sync()
    columns = with_duckdb(store, WRITER, folder).to_pydict()
    found = comparable(columns, zip(*columns.values(), strict=True))
    assert found == there.in_database("tenant_1", "kpi_points")
