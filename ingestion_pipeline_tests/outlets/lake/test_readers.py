"""Engines of others read the lake's folder, and find in it what the database has."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from pyiceberg.table import StaticTable

from ingestion_pipeline.outlets.lake import files
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.lake import engines
from ingestion_pipeline_tests.outlets.lake.filled import ODD, Filled, comparable, filled, folder_in

DOCS = Path(__file__).parents[3] / "docs" / "lake.md"
WHERE = "/data/lake/tenant_1/orders_daily"
SNIPPETS = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
READ = pytest.mark.parametrize("read", engines.ALL, ids=lambda read: read.__name__)
Read = Callable[[str], pa.Table]


@pytest.fixture(scope="module")
def there(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(shared_database_url, folder_in(tmp_path_factory.mktemp("home"))) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def extensions(tmp_path_factory: pytest.TempPathFactory) -> None:
    engines.install_duckdb_extensions(tmp_path_factory.mktemp("duckdb"))


@pytest.fixture(autouse=True)
def planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or polars warns that a package of its own would be faster."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


def rows(found: pa.Table) -> list[tuple[Any, ...]]:
    columns = found.to_pydict()
    return comparable(columns, zip(*columns.values(), strict=True))


@READ
def test_every_table_has_the_rows_of_the_database(there: Filled, read: Read) -> None:
    tables = there.folders()
    assert len(tables) > 25
    for namespace, name in tables:
        found = rows(read(there.folder(namespace, name)))
        assert found == there.in_database(namespace, name), f"{namespace}.{name}"
        assert found


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[text.split()[1] for text in SNIPPETS])
def test_each_snippet_of_the_docs_reads_what_the_database_has(there: Filled, snippet: str) -> None:
    folder = there.folder(f"tenant_{there.acme}", "orders_daily")
    names: dict[str, Any] = {}
    assert WHERE in snippet
    exec(snippet.replace(WHERE, folder), names)
    found = names["rows"]
    for how in ("to_arrow_table", "to_arrow"):
        found = getattr(found, how)() if hasattr(found, how) else found
    net: dict[str, Decimal] = {}
    for row in found.to_pylist():
        net[row["currency"]] = net.get(row["currency"], Decimal(0)) + (row["net"] or 0)
    with there.engine.connect() as connection:
        expected = connection.execute(
            sa.text("SELECT currency, sum(net) FROM orders_daily WHERE tenant_id = :t GROUP BY 1"),
            {"t": there.acme},
        )
        assert net == {currency: total or Decimal(0) for currency, total in expected}


def test_there_are_snippets_for_five_engines() -> None:
    assert len(SNIPPETS) == 5


def test_keys_that_are_no_names_of_files_can_be_filtered_by(there: Filled) -> None:
    folder = there.folder(f"tenant_{there.acme}", "timeseries_raw")
    for (site,) in duckdb.sql(
        f"SELECT DISTINCT site_name FROM iceberg_scan('{folder}')"
    ).fetchall():
        found = duckdb.execute(
            "SELECT count(*) FROM iceberg_scan(?) WHERE site_name = ?", [folder, site]
        )
        assert found.fetchall() == [(6,)], site
    assert ODD not in "".join(files.paths(StaticTable.from_metadata(folder)))
    assert ODD in with_names(there)


def with_names(there: Filled) -> set[str]:
    found = engines.with_pyarrow(there.folder(f"tenant_{there.other}", "timeseries_raw"))
    return set(found["site_name"].to_pylist())


def test_columns_that_were_added_are_there_and_rows_that_were_deleted_are_not(
    there: Filled,
) -> None:
    """Also in partitions of which nothing else has changed."""
    name, namespace = "kpi_points", f"tenant_{there.acme}"
    with there.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN told numeric(9, 3)")
        connection.exec_driver_sql(f"UPDATE {name} SET told = 1.125 WHERE value < 2")
        connection.exec_driver_sql(f"DELETE FROM {name} WHERE value > 3")
    there.sync()
    for read in engines.ALL:
        found = read(there.folder(namespace, name))
        assert found["told"].type == pa.decimal128(9, 3)
        assert rows(found) == there.in_database(namespace, name)


def test_who_opened_the_table_before_a_commit_reads_it_as_it_was(there: Filled) -> None:
    name, namespace = "sales_events", f"tenant_{there.other}"
    opened = StaticTable.from_metadata(there.folder(namespace, name))
    before = there.in_database(namespace, name)
    with there.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sales_events SET amount = coalesce(amount, 0) + 1")
    there.sync()
    assert rows(opened.scan().to_arrow()) == before
    assert rows(engines.with_duckdb(there.folder(namespace, name))) != before


def test_while_a_writer_works_a_reader_sees_one_state_or_the_next(there: Filled) -> None:
    name = "kpi_points"
    folder = there.folder(f"tenant_{there.acme}", name)
    points = f"UPDATE {name} SET value = :n WHERE tenant_id = :t"

    def write(number: int) -> None:
        with there.engine.begin() as connection:
            connection.execute(sa.text(points), {"n": float(number), "t": there.acme})
        sync(there.engine, there.lake, BY_NAME[name])

    write(0)
    [(count, _, _)] = values = _values(folder)
    writer = threading.Thread(target=lambda: [write(number) for number in range(1, 8)])
    writer.start()
    while writer.is_alive():
        values += _values(folder)
    writer.join()
    assert {each[0] for each in values} == {count}
    assert all(least == most for _, least, most in values)
    assert _values(folder) == [(count, 7.0, 7.0)]


def _values(folder: str) -> list[tuple[int, float, float]]:
    return duckdb.execute(
        "SELECT count(*), min(value), max(value) FROM iceberg_scan(?)", [folder]
    ).fetchall()


def test_duckdb_reads_a_copy_that_was_moved(there: Filled, tmp_path: Path) -> None:
    folder = Path(there.folder(f"tenant_{there.acme}", "orders"))
    shutil.copytree(folder, tmp_path / "copy")
    found = duckdb.execute(
        "SELECT count(*) FROM iceberg_scan(?, allow_moved_paths = true)", [str(tmp_path / "copy")]
    )
    assert found.fetchall() == [(4,)]
