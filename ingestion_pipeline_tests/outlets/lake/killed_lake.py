"""`kill -9` of whoever writes or sweeps the lake, and of the database's side, while others write.

A process of its own: `python -m ….killed_lake URL FOLDER KILLS SEED`. It has one thread and forks
all who work, so that a kill costs no start. Whoever writes rows keeps a rule in each transaction
(points come in pairs that sum to nothing, samples in pairs, orders only move), and whoever reads
the lake meanwhile looks whether it holds: what is half there breaks it. Says in JSON what it did.

From 64 kills on it also kills processes of the server, all of which begins again then: for a server
that nobody else uses.
"""

import contextlib
import json
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pyarrow  # noqa: F401 (before anything is forked)
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi
from pyarrow import parquet  # noqa: F401
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table, Transaction
from sqlalchemy.engine.default import DefaultDialect

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.outlets.lake import due, durable, files, sweep, sync
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline.outlets.lake.verify import verify
from ingestion_pipeline_tests import killing
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_customer, new_hour, new_order

TABLES = [BY_NAME[name] for name in ("kpi_points", "orders", "timeseries_raw")]
ORDERS = 40  # of a tenant
NO_TIME = timedelta(0)
_LINES_OF_WRITING = 600  # that a sync comes by at least, while rows change
MANY = 64  # kills, from which on the server is among those that are killed
_OTHERS = """FROM pg_stat_activity WHERE datname = current_database()
             AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


def _codes(*functions: Any) -> set[CodeType]:
    return {function.__code__ for function in functions}


# Before each line of these somebody is killed: the manifests, the catalogue's UPDATE, its COMMIT,
# the pointer, the marks, and the COMMIT of that …
AT_COMMIT = _codes(
    SqlCatalog.commit_table, SqlCatalog._write_metadata, Table._do_commit,
    Transaction.commit_transaction, DefaultDialect.do_commit,
    Lake.point, files.replace, due.done,
)  # fmt: skip
# … and all that is before and between.
IN_WRITING = _codes(
    DefaultDialect.do_execute, files._file, durable.WrittenThrough.close,
    sync._Piece._commit, sync._Piece.write, sync.sync,
)  # fmt: skip
IN_SWEEP = _codes(
    sweep.sweep, sweep._expire, sweep._named, sweep._delete, files.merge_manifests,
    SqlCatalog.commit_table, DefaultDialect.do_commit, Lake.point,
)  # fmt: skip


@contextmanager
def killed_before(codes: set[CodeType], at: int) -> Iterator[list[int]]:
    """Be killed before the `at`-th line of these functions; at 0 it counts only."""
    count = [0]

    def line(_: FrameType, event: str, __: Any) -> Any:
        if event == "line":
            count[0] += 1
            if count[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:
        return line if frame.f_code in codes else None

    threading.settrace(call)
    sys.settrace(call)
    try:
        yield count
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


class Trial:
    """A database, a lake, and who works on both."""

    def __init__(self, url: str, folder: Path, seed: int) -> None:
        self.url, self.folder = url, folder
        self.random = random.Random(seed)
        self.stop = folder / "stop"
        self.figures: dict[str, int] = {}

    def engine(self) -> sa.Engine:
        """One of a child's own."""
        return sa.create_engine(self.url, pool_pre_ping=True)

    def lake(self) -> Lake:
        """One of a child's own."""
        return lake_at(self.url, str(self.folder / "lake"))

    # --- rows -----------------------------------------------------------------------------------

    def fill(self) -> None:
        """Two tenants with orders, one with a site."""
        engine = self.engine()
        roles.ensure(engine)
        with engine.begin() as connection:
            for name in ("acme", "other"):
                tenant = tenants.ensure(connection, name)
                customer = new_customer(connection, tenant)
                for n in range(ORDERS):
                    at = BASE + timedelta(days=8 * n)
                    new_order(connection, tenant, customer, at=at, total="1.25")
            connection.exec_driver_sql(
                "INSERT INTO tenant_sites SELECT min(tenant_id), 'plant' FROM tenants"
            )
            ensure_month(connection, Month.of(BASE))

    def write_rows(self) -> None:
        """Insert, correct and delete until it is told to stop."""
        chance, engine, n = random.Random(7), self.engine(), 0
        while not self.stop.exists():
            n += 1
            with contextlib.suppress(sa.exc.DBAPIError), engine.begin() as connection:
                self._rows(connection, chance, n)
            time.sleep(0.02)

    def _rows(self, connection: sa.Connection, chance: random.Random, n: int) -> None:
        told = {
            "tenant": chance.choice((1, 2)), "n": n, "value": chance.random(),
            "at": BASE + timedelta(hours=chance.randrange(90)),
            "days": chance.randrange(320), "digit": chance.choice("0123456789abcdef"),
        }  # fmt: skip
        run = lambda text: connection.execute(sa.text(text), told)  # noqa: E731
        pair = """INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text,
                                          kpi_type, trace_id, in_order)
                  SELECT :tenant, CAST(:n AS text) || sign, :at, v, '', '', 't', true
                  FROM (VALUES ('+', CAST(:value AS float8)), ('-', -:value)) AS p (sign, v)"""
        match n % 5:
            case 0 | 1:
                run(pair)
            case 2:
                run("UPDATE kpi_points SET value = value * 2 WHERE tenant_id = :tenant "
                    "AND observed_at = :at AND abs(value) < 100")  # fmt: skip
                run("""DELETE FROM kpi_points WHERE tenant_id = :tenant AND observed_at =
                           (SELECT min(observed_at) FROM kpi_points WHERE tenant_id = :tenant)""")
            case 3:
                run("""UPDATE orders SET order_date = CAST('2026-03-01Z' AS timestamptz)
                           + :days * interval '1 day', order_status = 'moved'
                       WHERE tenant_id = :tenant AND left(CAST(order_id AS text), 1) = :digit""")
            case _:
                new_hour(connection, "plant", at=told["at"], unit="ppm", value=told["value"])

    # --- who reads ------------------------------------------------------------------------------

    def read(self) -> None:
        """Look whether the rules hold, until it is told to stop."""
        lake, reads = self.lake(), 0
        while not self.stop.exists():
            with contextlib.suppress(sa.exc.DBAPIError):
                reads += self.look(lake)
        (self.folder / "reads").write_text(str(reads))

    def look(self, lake: Lake) -> int:
        """Read each table once."""
        reads = 0
        for namespace in ("tenant_1", "tenant_2"):
            for table in TABLES:
                found = lake.table(namespace, table.name)
                if found is None or found.current_snapshot() is None:
                    continue
                reads += 1
                rows = found.scan().to_arrow().to_pylist()
                _hold(table.name, rows)
        return reads

    # --- who is killed --------------------------------------------------------------------------

    def sync(self) -> None:
        """Write what has changed."""
        engine, lake = self.engine(), self.lake()
        for table in TABLES:
            assert sync.sync(engine, lake, table).refused == []

    def sweep(self, keep: timedelta = timedelta(seconds=30)) -> None:
        """Delete what is old, at once."""
        engine, lake = self.engine(), self.lake()
        for table in TABLES:
            assert sweep.sweep(engine, lake, table, keep=keep, grace=NO_TIME).faults == []

    def counted(self, work: Callable[[], None], codes: set[CodeType]) -> int:
        """How many lines it comes by."""
        where = self.folder / "lines"

        def counting() -> None:
            with killed_before(codes, 0) as count:
                work()
            where.write_text(str(count[0]))

        self.done(counting)
        return int(where.read_text())

    def done(self, work: Callable[[], None]) -> None:
        """Have a child do it."""
        killing.killed(work, at=0, within=[])

    def kill(self, work: Callable[[], None], codes: set[CodeType], lines: int) -> bool:
        """Have a child do it, and be killed somewhere; whether it was."""
        at = self.random.randrange(lines) + 1

        def traced() -> None:
            with killed_before(codes, at):
                work()

        return killing.killed(traced, at=0, within=[])

    def cut(self, end: Callable[[], None]) -> bool:
        """Have a child write, and end the database's side of it."""
        child = killing.fork(self._cut_off, at=0, within=[])
        time.sleep(self.random.uniform(0.05, 0.6))
        self.done(end)
        return os.waitpid(child, 0)[1] != 0

    def _cut_off(self) -> None:
        try:
            self.sync()
        except (sa.exc.DBAPIError, CommitFailedException, TransientError, dbapi.Error):
            os._exit(3)  # that it fails is meant

    def end_connections(self) -> None:
        """End all connections, as a server does that stops."""
        with self.engine().connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {_OTHERS}")

    def kill_server(self) -> None:
        """Kill one of the server's processes: it ends all others, and recovers from its log."""
        with contextlib.suppress(sa.exc.DBAPIError), self.engine().connect() as connection:
            found = connection.exec_driver_sql(f"SELECT pid {_OTHERS} ORDER BY random()")
            if (pid := found.scalar()) is not None:
                os.kill(pid, signal.SIGKILL)  # and so this connection ends, too
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(sa.exc.DBAPIError), self.engine().connect():
                return
            time.sleep(0.1)
        raise TimeoutError("the server did not come back")

    def count(self, kind: str, was: bool) -> None:
        """Note a kill, or that the work was done before."""
        name = kind if was else f"{kind}, ended before"
        self.figures[name] = self.figures.get(name, 0) + 1

    # --- afterwards -----------------------------------------------------------------------------

    def compare(self) -> None:
        """Nothing is lost, doubled, or left behind."""
        self.sync()
        self.sweep(keep=NO_TIME)
        engine, lake = self.engine(), self.lake()
        told, live = dict[str, int](), 0
        self.look(lake)
        for table in TABLES:
            found = verify(engine, lake, table)
            assert [*found.differences, *found.waiting, *found.archived] == [], found
            told[table.name] = found.rows
            for namespace in lake.namespaces():
                if there := lake.table(namespace, table.name):
                    live += sum(f.file_size_in_bytes for f in _all(files.there(there)))
        told["bytes of live data"] = live
        for path in (self.folder / "lake").rglob("*.*"):
            kind = "data files" if path.suffix == ".parquet" else "metadata"
            told[f"bytes of {kind}"] = told.get(f"bytes of {kind}", 0) + path.stat().st_size
        (self.folder / "compared").write_text(json.dumps(told))


def _all(by_partition: dict[Any, list[Any]]) -> list[Any]:
    return [file for there in by_partition.values() for file in there]


def _hold(name: str, rows: list[dict[str, Any]]) -> None:
    key = {
        "kpi_points": ("tenant_id", "kpi_id", "observed_at"),
        "orders": ("tenant_id", "order_id"),
        "timeseries_raw": ("site_name", "point_name", "timestamp"),
    }[name]
    keys = {tuple(row[each] for each in key) for row in rows}
    assert len(keys) == len(rows), f"{name}: {len(rows) - len(keys)} doubled"
    if name == "orders":
        assert len(rows) == ORDERS, f"{len(rows)} orders"
        return
    assert len(rows) % 2 == 0, f"{name}: {len(rows)} rows"
    if name == "kpi_points":
        assert abs(sum(row["value"] for row in rows)) < 1e-9, "half a pair"


def run(url: str, folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill so often, then compare.

    Raises:
        RuntimeError: something was lost, doubled, half visible, or left behind.
    """
    trial = Trial(url, folder, seed)
    trial.done(trial.fill)
    lines = {
        "commit": trial.counted(trial.sync, AT_COMMIT),
        "sweep": trial.counted(trial.sweep, IN_SWEEP),
    }
    workers = [killing.fork(work, at=0, within=[]) for work in (trial.write_rows, trial.read)]
    try:
        for n in range(kills):
            if n % 8 in (0, 2, 4):
                trial.count("commit", trial.kill(trial.sync, AT_COMMIT, lines["commit"]))
            elif n % 8 in (1, 3):
                trial.count("writer", trial.kill(trial.sync, IN_WRITING, _LINES_OF_WRITING))
            elif n % 8 in (5, 6):
                trial.count("sweep", trial.kill(trial.sweep, IN_SWEEP, lines["sweep"]))
            elif n % 16 == 15 and kills >= MANY:
                trial.count("server", trial.cut(trial.kill_server))
            else:
                trial.count("connections", trial.cut(trial.end_connections))
    finally:
        trial.stop.touch()
        ended = [os.waitpid(worker, 0)[1] for worker in workers]
    if any(ended):
        raise RuntimeError(f"who wrote, or who read, failed: {ended}")
    trial.done(trial.compare)
    reads = int((folder / "reads").read_text())
    return {**trial.figures, "reads": reads, **json.loads((folder / "compared").read_text())}


def main() -> None:
    """Try it on a database that somebody has made, and say what came of it."""
    warnings.simplefilter("ignore")
    url, folder, kills, seed = sys.argv[1:]
    print(json.dumps(run(url, Path(folder), int(kills), int(seed))))  # noqa: T201


if __name__ == "__main__":
    main()
