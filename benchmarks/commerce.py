"""Commerce: this project's load, its peers and the limit, side by side on one server.

Every contender runs in a process of its own (its peak memory is what that process reports about
itself), in a database of its own on one embedded server, on the same data. Imports, connecting
and migrations are not timed; reading the files is.

    python -m benchmarks.commerce [--scale 1.0] [--only ours,limit] [--peer-share 0.1]
"""

import argparse
import contextlib
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import psutil
import sqlalchemy as sa

from benchmarks.memory import peak_megabytes
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land.rows import RowParser
from ingestion_pipeline.domains.commerce.land.stage import Bounds
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.domains.commerce.sample import write_sample_data
from ingestion_pipeline.domains.commerce.sources.lines import blocks_of_lines
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.bulk import CopyStream, Row
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.file_kinds import Stream, opened

SIZES = {"customers": 200_000, "products": 50_000, "orders": 500_000, "order_items": 1_000_000}
BAD_SHARE = 0.01
LIMIT = "limit: parse + COPY"
_PAGE = 50_000  # rows that a peer is handed at a time
# What the tenth of the rows is changed in: a text, and what is put in its place.
_CHANGES = {
    "customers": (b'"name":"', b'"name":"Dr. '),
    "products": (b'"name":"', b'"name":"New '),
    "orders": (b'"order_status":"', b'"order_status":"re-'),
    "order_items": (b'"quantity":', b'"quantity":1'),
}


@dataclass(frozen=True)
class Task:
    """What a contender has to do.

    Attributes:
        url: of its database.
        files: folder of the four files.
        share: of the lines of each file, from the beginning.
        scratch: folder for what it has to keep meanwhile.
    """

    url: str
    files: Path
    share: float
    scratch: Path

    def pages(self, entity: Entity) -> Iterator[list[bytes]]:
        """The lines of an entity's file, a page at a time."""
        path = _file(self.files, entity)
        with path.open("rb") as file:
            lines = islice(file, self.rows(entity))
            while page := list(islice(lines, _PAGE)):
                yield page

    def rows(self, entity: Entity) -> int:
        """How many rows of an entity are to be loaded."""
        with _file(self.files, entity).open("rb") as file:
            return round(sum(1 for _ in file) * self.share)


Load = Callable[[], int]  # loads, and returns how many lines it has read
Contender = Callable[[Task], Load]  # prepares, which is not timed


@dataclass(frozen=True)
class Step:
    """One line of the table.

    Attributes:
        family: what `--only` calls it.
        database: steps of the same database build on each other.
        files: which of the data folders.
    """

    label: str
    family: str
    contender: Contender
    database: str
    files: str
    share: float = 1.0


@dataclass(frozen=True)
class Measurement:
    """What one step took.

    Attributes:
        cpu: seconds of processor time, the loading process's and the server's together. A busy
            machine disturbs them far less than it does `seconds`.
        peak: memory of the loading process, in MB (10⁶ bytes).
    """

    rows: int
    seconds: float
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Rows per second of processor time."""
        return self.rows / self.cpu


def ours(task: Task) -> Load:
    """This project, as `ingestion-pipeline ingest` does it, validation and foreign keys on."""
    engine = database.engine(task.url)
    schema.upgrade(engine)
    files, _ = data_files(task.files)
    bounds = Bounds.configured(Settings())

    def load() -> int:
        totals = merge_folder(engine, files, tenant="benchmark", bounds=bounds).totals
        if not totals.add_up or totals.waiting:
            raise RuntimeError(f"that is not a load of the sample data: {totals}")
        return totals.lines

    return load


def limit(task: Task) -> Load:
    """The least that must be done: parse JSON, COPY; no rules, no keys, no constraints."""
    engine = database.engine(task.url)
    schema.upgrade(engine)
    with engine.begin() as connection:
        for entity in ENTITIES.values():
            columns = ", ".join(rule.name for rule in entity.fields)
            connection.exec_driver_sql(
                f"CREATE TABLE bare_{entity.name} AS SELECT {columns} FROM {entity.name}"
            )

    def load() -> int:
        with engine.begin() as connection:
            return sum(_copy_unchecked(connection, task, entity) for entity in ENTITIES.values())

    return load


def _copy_unchecked(connection: sa.Connection, task: Task, entity: Entity) -> int:
    columns = [rule.name for rule in entity.fields]
    objects = [rule.name for rule in entity.fields if rule.kind == "object"]
    values, decode = itemgetter(*columns), msgspec.json.Decoder().decode
    number = 0
    with CopyStream(connection, f"bare_{entity.name}", columns, refused=_refused) as stream:
        with _file(task.files, entity).open("rb") as file:
            for lines in _blocks(opened(file)):
                rows = list(map(decode, lines))
                for name in objects:
                    for row in rows:
                        row[name] = msgspec.json.encode(row[name]).decode()
                stream.write(list(map(values, rows)))
                number += len(rows)
        stream.drain()
    return number


def _blocks(stream: Stream) -> Iterator[list[bytes]]:
    """The lines of a stream, in lists; there are no blank ones in the sample data."""
    for block in blocks_of_lines(stream):
        if isinstance(block, list):
            yield block


def _refused(row: Row, message: str) -> None:
    raise RuntimeError(f"{message}: {row}")


def dlt_ordinary(task: Task) -> Load:
    """The tool dlt with rows as Python dicts, merged by primary key."""
    return _dlt(task, _as_dicts, file_format=None)


def dlt_arrow(task: Task) -> Load:
    """The tool dlt with Arrow tables, sent as CSV by COPY, merged by primary key."""
    return _dlt(task, _as_arrow, file_format="csv")


def _dlt(task: Task, convert: Callable[..., Any], *, file_format: Any) -> Load:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
    os.environ["DLT_DATA_DIR"] = str(task.scratch)
    import dlt

    pipeline = dlt.pipeline(
        pipeline_name="benchmark",
        pipelines_dir=str(task.scratch),
        destination=dlt.destinations.postgres(credentials=_driverless(task.url)),
        dataset_name="commerce",
    )

    def load() -> int:
        resources = [
            dlt.resource(
                map(partial(convert, entity=entity), task.pages(entity)),
                name=entity.name,
                write_disposition="merge",
                primary_key=entity.key,
                max_table_nesting=0,  # objects stay objects, as with us
            )
            for entity in ENTITIES.values()
        ]
        pipeline.run(resources, loader_file_format=file_format)
        return sum(map(task.rows, ENTITIES.values()))

    return load


def _as_dicts(lines: list[bytes], *, entity: Entity) -> Any:  # noqa: ARG001 (as _as_arrow)
    return list(map(msgspec.json.decode, lines))


def _as_arrow(lines: list[bytes], *, entity: Entity) -> Any:
    """Lines as an Arrow table; objects as JSON text, because CSV has no place for structs."""
    import io

    import pyarrow as pa
    import pyarrow.json

    table = pyarrow.json.read_json(io.BytesIO(b"".join(lines)))
    for rule in entity.fields:
        if rule.kind == "object":
            index = table.column_names.index(rule.name)
            texts = [msgspec.json.encode(value).decode() for value in table[index].to_pylist()]
            table = table.set_column(index, rule.name, pa.array(texts))
    return table


def pandas_to_sql(task: Task) -> Load:
    """pandas: read_json in chunks, to_sql with its default method, appending."""
    import pandas as pd
    from sqlalchemy.dialects.postgresql import JSONB

    engine = database.engine(task.url)

    def load() -> int:
        for entity in ENTITIES.values():
            objects = {rule.name: JSONB for rule in entity.fields if rule.kind == "object"}
            with pd.read_json(
                _file(task.files, entity), lines=True, chunksize=_PAGE, nrows=task.rows(entity)
            ) as chunks:
                for frame in chunks:
                    frame.to_sql(
                        entity.name, engine, if_exists="append", index=False, dtype=objects
                    )
        engine.dispose()
        return sum(map(task.rows, ENTITIES.values()))

    return load


def steps(peer_share: float) -> list[Step]:
    """Everything that can be measured, in the order in which it is."""
    return [
        Step("ours, a tenth of the data", "ours", ours, "ours_tenth", "tenth"),
        Step("ours, first load", "ours", ours, "ours", "all"),
        Step("ours, the same again", "ours", ours, "ours", "all"),
        Step("ours, 10 % changed", "ours", ours, "ours", "changed"),
        Step(LIMIT, "limit", limit, "bare", "valid"),
        Step("dlt, Arrow", "dlt-arrow", dlt_arrow, "dlt_arrow", "valid"),
        Step("dlt, ordinary", "dlt-ordinary", dlt_ordinary, "dlt", "valid", peer_share),
        Step("pandas to_sql", "pandas", pandas_to_sql, "pandas", "valid", peer_share),
    ]


def prepare(folder: Path, scale: float) -> Path:
    """Make the data of a scale, unless it is there: folders `all`, `valid`, `changed`, `tenth`."""
    finished = folder / f"commerce-{scale:g}"
    if finished.exists():
        return finished
    unfinished = folder / f".commerce-{scale:g}"
    shutil.rmtree(unfinished, ignore_errors=True)
    write_sample_data(unfinished / "all", **_sizes(scale), bad_share=BAD_SHARE)
    write_sample_data(unfinished / "tenth", **_sizes(scale / 10), bad_share=BAD_SHARE)
    for entity in ENTITIES.values():
        original = _file(unfinished / "all", entity)
        _derive(original, unfinished / "valid", _valid_lines(original, entity))
        _derive(original, unfinished / "changed", _changed_lines(original, entity))
    unfinished.rename(finished)
    return finished


def _sizes(scale: float) -> dict[str, int]:
    """Whole hundreds, so that every hundredth line is the bad one."""
    return {name: max(1, round(size * scale / 100)) * 100 for name, size in SIZES.items()}


def _derive(original: Path, folder: Path, lines: Iterator[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / original.name).open("wb") as file:
        file.writelines(lines)


def _valid_lines(path: Path, entity: Entity) -> Iterator[bytes]:
    parser = RowParser(entity)
    with path.open("rb") as file:
        for lines in _blocks(opened(file)):
            for number, *_ in parser.parse(lines, 0).rows:
                yield lines[number] + b"\n"


def _changed_lines(path: Path, entity: Entity) -> Iterator[bytes]:
    before, after = _CHANGES[entity.name]
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            yield line.replace(before, after, 1) if number % 10 == 1 else line


def _file(folder: Path, entity: Entity) -> Path:
    return folder / f"{entity.name}_sample.ndjson"


def _driverless(url: str) -> str:
    plain = sa.make_url(url).set(drivername="postgresql")
    return plain.render_as_string(hide_password=False)


def measure(contender: Contender, task: Task) -> Measurement:
    """Run a contender in this process and measure it."""
    load = contender(task)
    started, cpu_before = time.perf_counter(), time.process_time()
    rows = load()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu_before
    return Measurement(rows, seconds, cpu, peak_megabytes())


def run(step: Step, server: EmbeddedServer, data: Path, scratch: Path) -> Measurement:
    """Run a step in a process of its own, in its database, which is made where it is missing."""
    server_url = sa.make_url(server.url())
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        known = connection.scalars(sa.text("SELECT datname FROM pg_database")).all()
        if step.database not in known:
            connection.exec_driver_sql(f"CREATE DATABASE {step.database}")
        connection.exec_driver_sql("CHECKPOINT")  # nobody pays for what was written before
    administrator.dispose()
    url = server_url.set(database=step.database).render_as_string(hide_password=False)
    task = Task(url, data / step.files, step.share, scratch / step.database)
    spawn = multiprocessing.get_context("spawn")  # a fork would begin with our memory
    cpu_before = _server_cpu(server)
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        client = process.submit(measure, step.contender, task).result()
    return replace(client, cpu=client.cpu + _server_cpu(server) - cpu_before)


def _server_cpu(server: EmbeddedServer) -> float:
    """Seconds of processor time that the server has used, with backends that are gone."""
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    postmaster = psutil.Process(pid)
    gone = postmaster.cpu_times()
    seconds = gone.user + gone.system + gone.children_user + gone.children_system
    for backend in postmaster.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = backend.cpu_times()
            seconds += times.user + times.system
    return float(seconds)


def print_ratios(measured: dict[str, Measurement]) -> None:
    """Print how we compare, as far as both sides were measured."""
    first = measured.get("ours, first load")
    if first is None:
        return
    for peer in ("dlt, ordinary", "dlt, Arrow", "pandas to_sql"):
        if other := measured.get(peer):
            speed, thrift = first.rate / other.rate, first.cpu_rate / other.cpu_rate
            print(f"ours / {peer}: {speed:.1f} times the rate, {thrift:.1f} times by CPU time")
    if bare := measured.get(LIMIT):
        speed, thrift = first.rate / bare.rate, first.cpu_rate / bare.cpu_rate
        print(f"ours / limit: {speed:.0%} of its rate, {thrift:.0%} by CPU time")
    tenth = measured["ours, a tenth of the data"]
    print(f"memory, all / a tenth of the data: {first.peak:.0f} MB / {tenth.peak:.0f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1.0: 1,750,000 lines")
    parser.add_argument("--only", help="comma-separated: ours,limit,dlt-arrow,dlt-ordinary,pandas")
    parser.add_argument(
        "--peer-share", type=float, default=0.1, help="of the rows, for dlt ordinary and pandas"
    )
    parser.add_argument("--data-dir", type=Path, help="keep the data here for the next time")
    arguments = parser.parse_args()
    every_step = steps(arguments.peer_share)
    families = {step.family for step in every_step}
    only = set(arguments.only.split(",")) if arguments.only else families
    if unknown := only - families:
        parser.error(f"--only: no {', '.join(sorted(unknown))} among {', '.join(sorted(families))}")
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        data = prepare(arguments.data_dir or home / "data", arguments.scale)
        server = EmbeddedServer(home)
        try:
            _measure_all(
                [step for step in every_step if step.family in only],
                server,
                data,
                home / "scratch",
            )
        finally:
            server.stop()


def _measure_all(chosen: list[Step], server: EmbeddedServer, data: Path, scratch: Path) -> None:
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before the start")
    print(f"{'':28}{'rows':>11}{'seconds':>9}{'rows/s':>10}{'CPU s':>8}{'peak MB':>9}")
    measured: dict[str, Measurement] = {}
    for step in chosen:
        result = run(step, server, data, scratch)
        measured[step.label] = result
        share = "" if step.share == 1 else f"  ({step.share:.0%} of the rows)"
        print(
            f"{step.label:28}{result.rows:>11,}{result.seconds:>9.1f}{result.rate:>10,.0f}"
            f"{result.cpu:>8.1f}{result.peak:>9,.0f}{share}",
            flush=True,
        )
    print_ratios(measured)


if __name__ == "__main__":
    main()
