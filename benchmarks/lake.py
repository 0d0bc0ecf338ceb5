"""The lake: from PostgreSQL into Iceberg, beside the bare limit and beside dlt.

    python -m benchmarks.lake [--days 30] [--only ours,limit]

Days of 172,800 samples of a site (timeseries_raw), read under its tenant's role. Each step is in a
process of its own; *base* is its memory once everything is imported and connected. Processor time
is of the process and of the server, which a busy machine disturbs less than seconds.

ours         every partition for the first time; the same again; a day of them
limit        the same rows through ADBC into one Parquet file: no order, no role, no catalogue
dlt          its filesystem destination with Iceberg, its Arrow backend; a sixth of the days
large        one partition of two million rows: memory is that of a day
corrections  50,000 of 500,000 order_items
small        1,000 partitions of ten rows (kpi_points); then one of them
"""

import argparse
import contextlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.lake_rows import FIRST, Filling
from benchmarks.memory import peak_megabytes
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.outlets.lake.catalogue import lake_at
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME

Work = Callable[[], int]
_COLUMNS = (
    "site_name, point_name, timestamp, value, value_text, quality, CAST(metadata AS text) "
    "AS metadata, collected_at"
)
_BATCH_BYTES = 4 * 2**20
_DLT_CHUNK = 100_000


@dataclass(frozen=True)
class Task:
    """What a step is given.

    Attributes:
        url: of the database.
        folder: that it may write in.
        table: that ours writes.
        days: that others read.
    """

    url: str
    folder: Path
    table: str
    days: int


@dataclass(frozen=True)
class Measured:
    """Rows, seconds, seconds of processor time of client and server, MB before and at most."""

    rows: int
    seconds: float
    client: float
    server: float
    base: float
    peak: float


def ours(task: Task) -> Work:
    """This project, as `ingestion-pipeline lake sync` does it."""
    import adbc_driver_postgresql.dbapi  # noqa: F401
    import pyiceberg.io.pyarrow  # noqa: F401

    engine = database.engine(task.url)
    lake = lake_at(task.url, str(task.folder / "lake"))
    lake.namespaces()

    def work() -> int:
        done = sync(engine, lake, BY_NAME[task.table])
        if done.refused:
            raise RuntimeError(done.refused[0])
        return done.rows

    return work


def limit(task: Task) -> Work:
    """Read in binary, write Parquet."""
    from adbc_driver_postgresql import dbapi
    from pyarrow import parquet

    connection = dbapi.connect(_plain(task.url))
    query = f"SELECT {_COLUMNS} FROM timeseries_raw WHERE site_name = 'plant'"

    def work() -> int:
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(
                **{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)}
            )
            cursor.execute(query)
            batches, rows = cursor.fetch_record_batch(), 0
            path = task.folder / "limit.parquet"
            with parquet.ParquetWriter(path, batches.schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        return rows

    return work


def dlt_iceberg(task: Task) -> Work:
    """dlt's own source of SQL tables, with its Arrow backend, into its Iceberg tables."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    os.environ["DLT_DATA_DIR"] = str(task.folder / "dlt")
    import dlt
    import pyiceberg.io.pyarrow  # noqa: F401
    from dlt.sources.sql_database import sql_table

    until = FIRST + timedelta(days=task.days)

    def some(query: sa.Select[tuple[object]], table: sa.Table) -> sa.Select[tuple[object]]:
        return query.where(table.c.timestamp < until, table.c.site_name == "plant")

    pipeline = dlt.pipeline(
        pipeline_name="benchmark",
        pipelines_dir=str(task.folder / "dlt"),
        destination=dlt.destinations.filesystem(bucket_url=str(task.folder / "dlt-lake")),
        dataset_name="buildings",
    )

    def work() -> int:
        table = sql_table(
            credentials=task.url, table="timeseries_raw", backend="pyarrow",
            chunk_size=_DLT_CHUNK, query_adapter_callback=some,
        )  # fmt: skip
        table.apply_hints(table_format="iceberg")
        pipeline.run(table, write_disposition="append")
        trace: Any = pipeline.last_trace
        return int(trace.last_normalize_info.row_counts["timeseries_raw"])

    return work


def _plain(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def in_this_process(work_of: Callable[[Task], Work], task: Task) -> Measured:
    """Run a step in this process and measure it."""
    work = work_of(task)
    base = peak_megabytes()
    started, before = time.perf_counter(), time.process_time()
    rows = work()
    seconds, client = time.perf_counter() - started, time.process_time() - before
    return Measured(rows, seconds, client, 0.0, base, peak_megabytes())


class Bench:
    """One server, and the table of figures."""

    def __init__(self, server: EmbeddedServer, folder: Path, only: list[str]) -> None:
        self.server, self.folder, self.only = server, folder, only
        self.url = server.url()
        self.filling = Filling(self.url)
        self.rates: dict[str, float] = {}

    def run(
        self, name: str, work_of: Callable[[Task], Work], table: str = "", *, days: int = 0
    ) -> None:
        """Run a step in a process of its own, and print its line."""
        task = Task(self.url, self.folder, table, days)
        spawn = multiprocessing.get_context("spawn")  # a fork would begin with our memory
        before = server_seconds(self.server)
        with ProcessPoolExecutor(1, mp_context=spawn) as process:
            got = process.submit(in_this_process, work_of, task).result()
        server = server_seconds(self.server) - before
        self.rates[name] = got.rows / got.seconds
        print(f"| {name} | {got.rows:,} | {got.seconds:.2f} | {got.rows / got.seconds:,.0f} "
              f"| {got.client:.2f} | {server:.2f} | {got.peak - got.base:.0f} | {got.base:.0f} "
              f"| {os.getloadavg()[0]:.1f} |", flush=True)  # fmt: skip

    def wants(self, name: str) -> bool:
        """Whether a group of steps was asked for."""
        return any(only in name for only in self.only)

    def samples(self, days: int) -> None:
        """Ours, the limit and dlt, over the same days."""
        filling = self.filling
        filling.samples(days)
        if self.wants("limit"):
            self.run("limit: ADBC → one Parquet file", limit)
        if self.wants("ours"):
            self.run("ours, every day", ours, "timeseries_raw")
            filling.mark_days(days)
            self.run("ours, the same again", ours, "timeseries_raw")
            filling.change_day()
            self.run("ours, a day that has changed", ours, "timeseries_raw")
        if self.wants("dlt"):
            self.run("dlt, Iceberg", dlt_iceberg, days=max(1, days // 6))
        if self.wants("large"):
            filling.large()
            self.run("large: a partition of 2 million", ours, "timeseries_raw")

    def others(self) -> None:
        """Tables of other shapes."""
        if self.wants("corrections"):
            self.filling.order_items()
            self.run("500,000 order_items", ours, "order_items")
            self.filling.correct()
            self.run("corrections: 50,000 of them", ours, "order_items")
        if self.wants("small"):
            self.filling.points()
            self.run("small: 1,000 partitions of 10", ours, "kpi_points")
            self.filling.change_point()
            self.run("small: one of them has changed", ours, "kpi_points")


def server_seconds(server: EmbeddedServer) -> float:
    """Seconds of processor time that the server has used, with backends that are gone."""
    postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
    gone = postmaster.cpu_times()
    seconds = gone.user + gone.system + gone.children_user + gone.children_system
    for backend in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = backend.cpu_times()
            seconds += times.user + times.system
    return float(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "home")
        try:
            bench = Bench(server, Path(folder), arguments.only.split(","))
            print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n\n"
                  "| | rows | s | rows/s | client CPU s | server CPU s | MB over base | base MB "
                  "| load |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
                  flush=True)  # fmt: skip
            if any(bench.wants(name) for name in ("ours", "limit", "dlt", "large")):
                bench.samples(arguments.days)
            bench.others()
            bench.filling.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
