"""Buildings: a site's day of ten pages of 100,000 records, half of the points configured.

    ours, empty     this project into an empty window: pages, filter, checkpoint, keys
    ours, again     the same once more: nothing changes
    limit           the same requests and parsing, COPY into a table without keys
    dlt, Arrow      Arrow tables → CSV → COPY, merged by primary key
    dlt, ordinary   dicts, merged by primary key, its defaults; two pages only
    pandas          to_sql with its default method, appending; two pages only

All read the same sandbox, which has the pages in memory, and write to one embedded server, each in
a process and a database of its own. Fetching and parsing is in every figure; imports, connecting,
migrations are in none.

    python -m benchmarks.buildings [--pages 10] [--only ours,limit]
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import sqlalchemy as sa

from benchmarks.memory import peak_megabytes
from ingestion_pipeline.cli.local.services import Service, free_port, running
from ingestion_pipeline.cli.local.stand_ins import sandbox, upstreams
from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import open_source
from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.bulk import copy_rows
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

POINTS, PAGE_SIZE = 1_000, 100_000
DAY = date(2026, 3, 10)
SITE = "demo-site-1"
_COLUMNS = ["site_name", "point_name", "timestamp", "value"]


@dataclass(frozen=True)
class Task:
    """What a contender is given: where to write, where to read, which points, how many pages."""

    url: str
    sandbox_port: int
    points: frozenset[str]
    pages: int
    scratch: Path


class _Sample(msgspec.Struct, gc=False):
    name: str
    time: str
    value: str | None


class _Page(msgspec.Struct):
    point_samples: list[_Sample]
    next_cursor: str | None = None


def kept_rows(task: Task) -> Iterator[list[tuple[str, str, str, float | None]]]:
    """The configured samples of each page, as plainly as can be."""
    decode = msgspec.json.Decoder(_Page).decode
    environment = _api(task)
    headers = {"Authorization": f"Bearer {environment['ACE_IOT_API_KEY']}"}
    params: dict[str, str | int] = {
        "start_time": f"{DAY}T00:00:00Z",
        "end_time": f"{DAY + timedelta(days=1)}T00:00:00Z",
        "page_size": PAGE_SIZE,
        "raw_data": "true",
    }
    base_url = environment["ACE_IOT_API_BASE_URL"]
    with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
        for _ in range(task.pages):
            answer = client.get(f"/sites/{SITE}/timeseries/paginated", params=params)
            page = decode(answer.raise_for_status().content)
            yield [
                (SITE, sample.name, sample.time + "Z", float(sample.value))
                for sample in page.point_samples
                if sample.name in task.points and sample.value is not None
            ]
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor


def _api(task: Task) -> dict[str, str]:
    """The environment that names the sandbox's live API."""
    environment = upstreams(Settings(), task.sandbox_port)
    base_url = environment["ACE_IOT_API_BASE_URL"].replace("documented", "live")
    return environment | {"ACE_IOT_API_BASE_URL": base_url}


def ours(task: Task) -> Callable[[], int]:
    """This project, as `ingestion-pipeline collect` does it."""
    os.environ |= _api(task)
    configuration = Settings()
    engine = database.engine(task.url)
    schema.upgrade(engine)
    options = Options(window=timedelta(days=1), points=task.points, weather=False)

    def work() -> int:
        with open_source(engine, configuration) as source:
            counts = merge_day(engine, source, SITE, DAY, options=options).counts
        print(f"    {counts}", flush=True)
        return counts.fetched

    return work


def limit(task: Task) -> Callable[[], int]:
    """Fetch, parse, filter, COPY; no keys, one transaction."""
    engine = database.engine(task.url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE bare (site_name text, point_name text, timestamp timestamptz, "
            "value double precision)"
        )

    def work() -> int:
        with engine.begin() as connection:
            for rows in kept_rows(task):
                copy_rows(connection, "bare", _COLUMNS, rows)
        return task.pages * PAGE_SIZE

    return work


def dlt_arrow(task: Task) -> Callable[[], int]:
    """dlt with Arrow tables."""
    import pyarrow as pa

    def tables() -> Iterator[Any]:
        for rows in kept_rows(task):
            columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
            times = [datetime.fromisoformat(text) for text in columns["timestamp"]]
            yield pa.table(columns | {"timestamp": pa.array(times, pa.timestamp("us", "UTC"))})

    return _dlt(task, tables, file_format="csv")


def dlt_ordinary(task: Task) -> Callable[[], int]:
    """dlt with dicts."""

    def dicts() -> Iterator[Any]:
        for rows in kept_rows(task):
            yield [dict(zip(_COLUMNS, row, strict=True)) for row in rows]

    return _dlt(task, dicts, file_format=None)


def _dlt(task: Task, pages: Callable[[], Iterator[Any]], *, file_format: Any) -> Callable[[], int]:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    os.environ["DLT_DATA_DIR"] = str(task.scratch)
    import dlt

    pipeline = dlt.pipeline(
        pipeline_name="benchmark",
        pipelines_dir=str(task.scratch),
        destination=dlt.destinations.postgres(
            credentials=task.url.replace("postgresql+psycopg://", "postgresql://")
        ),
        dataset_name="buildings",
    )

    def work() -> int:
        resource_ = dlt.resource(
            pages(), name="samples", write_disposition="merge", primary_key=_COLUMNS[:3]
        )
        pipeline.run(resource_, loader_file_format=file_format)
        return task.pages * PAGE_SIZE

    return work


def pandas_to_sql(task: Task) -> Callable[[], int]:
    """pandas, a page at a time."""
    import pandas as pd

    engine = database.engine(task.url)

    def work() -> int:
        for rows in kept_rows(task):
            frame = pd.DataFrame(rows, columns=_COLUMNS)
            frame["timestamp"] = pd.to_datetime(frame["timestamp"])
            frame.to_sql("samples", engine, if_exists="append", index=False)
        return task.pages * PAGE_SIZE

    return work


CONTENDERS: dict[str, tuple[str, Callable[[Task], Callable[[], int]], int | None]] = {
    "ours, empty": ("ours", ours, None),
    "ours, again": ("ours", ours, None),
    "limit": ("bare", limit, None),
    "dlt, Arrow": ("dlt_arrow", dlt_arrow, None),
    "dlt, ordinary": ("dlt", dlt_ordinary, 2),
    "pandas to_sql": ("pandas", pandas_to_sql, 2),
}


def measure(name: str, task: Task) -> dict[str, float]:
    """Run a contender in this process: records a second, and peak memory in MB."""
    work = CONTENDERS[name][1](task)
    started = time.perf_counter()
    records = work()
    seconds = time.perf_counter() - started
    rate, peak = records / seconds, peak_megabytes()
    return {"records": records, "seconds": seconds, "rate": rate, "peak": peak}


def main() -> None:
    """Run the contenders in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    wanted = [n for n in CONTENDERS if any(only in n for only in arguments.only.split(","))]
    samples_a_point = arguments.pages * PAGE_SIZE // POINTS
    interval = -(-86_400 // samples_a_point)
    data = AceData(points_per_site=POINTS, interval_seconds=interval)
    points = frozenset(list(data.points(SITE))[::2])
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        url = sa.make_url(server.url())
        port = free_port()
        configuration = Settings(ingestion_home=Path(folder))
        stand_in = sandbox(configuration, port=port, points=POINTS, interval_seconds=interval)
        stand_in.command = [*stand_in.command, "--keep-pages", str(arguments.pages + 2)]
        try:
            with running([stand_in]):
                _run(wanted, url, stand_in, port, points, arguments.pages, Path(folder))
        finally:
            server.stop()


def _run(
    wanted: list[str], url: sa.URL, stand_in: Service, port: int, points: frozenset[str],
    pages: int, folder: Path,
) -> None:  # fmt: skip
    stand_in.wait_until_ready()
    warm = Task("", port, points, pages, folder)
    kept = sum(map(len, kept_rows(warm)))
    print(f"{pages} pages, {kept:,} of the samples are of configured points\n")
    rows: dict[str, dict[str, float]] = {}
    for name in wanted:
        database_name, _, fewer = CONTENDERS[name]
        if database_name not in {CONTENDERS[each][0] for each in rows}:
            administrator = sa.create_engine(url, isolation_level="AUTOCOMMIT")
            with administrator.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {database_name}")
            administrator.dispose()
        own = url.set(database=database_name).render_as_string(hide_password=False)
        scratch = folder / database_name
        scratch.mkdir(exist_ok=True)
        task = Task(own, port, points, min(fewer or pages, pages), scratch)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            rows[name] = pool.submit(measure, name, task).result()
        print(f"{name}: {rows[name]['seconds']:.1f} s", flush=True)
    ours_rate = rows.get("ours, empty", {}).get("rate")
    print("\n|  | records/s | seconds | peak MB | ours, empty, is |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, row in rows.items():
        ratio = f"{ours_rate / row['rate']:.2f} ×" if ours_rate else ""
        print(
            f"| {name} | {row['rate']:,.0f} | {row['seconds']:.1f} | {row['peak']:.0f} | {ratio} |"
        )


if __name__ == "__main__":
    main()
