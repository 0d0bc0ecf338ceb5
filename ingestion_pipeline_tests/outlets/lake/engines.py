"""Engines of others, each as docs/lake.md says that it reads a table's folder."""

from collections.abc import Callable
from pathlib import Path

import daft
import duckdb
import polars
import pyarrow as pa
from pyarrow import dataset
from pyiceberg.table import StaticTable

from ingestion_pipeline.outlets.lake import files


def with_duckdb(folder: str) -> pa.Table:
    return duckdb.sql("SELECT * FROM iceberg_scan(?)", params=[folder]).to_arrow_table()


def with_polars(folder: str) -> pa.Table:
    return polars.scan_iceberg(StaticTable.from_metadata(folder)).collect().to_arrow()


def with_daft(folder: str) -> pa.Table:
    return daft.read_iceberg(StaticTable.from_metadata(folder)).to_arrow()


def with_pyiceberg(folder: str) -> pa.Table:
    return StaticTable.from_metadata(folder).scan().to_arrow()


def with_pyarrow(folder: str) -> pa.Table:
    """By the list of files alone, as engines do that know no Iceberg."""
    table = StaticTable.from_metadata(folder)
    return dataset.dataset(files.paths(table), schema=table.schema().as_arrow()).to_table()


ALL: list[Callable[[str], pa.Table]] = [
    with_duckdb,
    with_polars,
    with_daft,
    with_pyiceberg,
    with_pyarrow,
]


def install_duckdb_extensions(folder: Path) -> None:
    """From wheels, what DuckDB would load from its server."""
    import duckdb_extension_avro
    import duckdb_extension_httpfs
    import duckdb_extension_iceberg

    duckdb.sql(f"SET extension_directory = '{folder}'")
    for module in (
        duckdb_extension_avro,
        duckdb_extension_httpfs,
        duckdb_extension_iceberg,
    ):
        [file] = Path(module.__file__).parent.glob("extensions/*/*.duckdb_extension")
        duckdb.sql(f"INSTALL '{file}'")
