"""What a commit of the lake costs, in requests, bytes and processor time: for docs/lake-paper.md.

    python -m benchmarks.lake_costs

Requests are counted where the lake opens files, as it does with an object store: a file that is
written is a PUT, one that is opened to be read a GET, one whose length is asked for a HEAD.
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyiceberg.io.pyarrow import PyArrowFile

from benchmarks.lake import Task, ours, server_seconds
from benchmarks.lake_rows import Filling
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.outlets.lake import due, files, sync
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at
from ingestion_pipeline.outlets.lake.durable import DurableFileIO
from ingestion_pipeline.outlets.lake.tables import BY_NAME

_DAYS = 10
_SIZES = sa.text("""
    SELECT sum(pg_table_size(inhrelid)), sum(pg_indexes_size(inhrelid))
    FROM pg_inherits WHERE inhparent = 'timeseries_raw'::regclass
""")


class Requests:
    """Counts what is asked of the lake's files."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        for of, name, request in (
            (DurableFileIO, "new_output", "PUT"),
            (PyArrowFile, "open", "GET"),
            (PyArrowFile, "__len__", "HEAD"),
        ):
            setattr(of, name, self._counted(getattr(of, name), request))

    def _counted(self, function: Callable[..., Any], request: str) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.count[request] += 1
            return function(*args, **more)

        return counted


class Costs:
    """One server, one lake."""

    def __init__(self, server: EmbeddedServer, folder: Path) -> None:
        self.server, self.folder, self.url = server, folder, server.url()
        self.filling = Filling(self.url)
        self.lake: Lake = lake_at(self.url, str(folder / "lake"))
        self.requests = Requests()

    def sync(self, title: str, table: str) -> None:
        """Write what is due, and say what it cost. The pointer in a folder is one PUT more."""
        work = ours(Task(self.url, self.folder, table, _DAYS))
        self.requests.count.clear()
        server, started = server_seconds(self.server), time.process_time()
        rows = work()
        client, server = time.process_time() - started, server_seconds(self.server) - server
        asked = ", ".join(f"{count} {of}" for of, count in sorted(self.requests.count.items()))
        print(f"{title}: {rows:,} rows, {client:.2f} + {server:.2f} CPU s; {asked}", flush=True)

    def points(self) -> None:
        """Small partitions, and the manifests of their files."""
        self.filling.points()
        self.sync("1,000 partitions of ten rows", "kpi_points")
        self.filling.change_point()
        self.sync("one of them", "kpi_points")
        table = self.lake.table(f"tenant_{self.filling.tenant}", "kpi_points")
        assert table is not None
        started = time.process_time()
        number = sum(len(of) for of in files.there(table).values())
        read = time.process_time() - started
        before, text = _bytes(table), len(table.metadata.model_dump_json())
        started = time.process_time()
        files.merge_manifests(table, beyond=2)
        merging = time.process_time() - started
        each = text / len(table.metadata.snapshots)
        print(f"a file: {before / number:.0f} bytes of manifests, {_bytes(table) / number:.0f} "
              f"merged; {read / number * 1e3:.2f} ms to read, {merging / number * 1e3:.2f} ms to "
              f"merge; a snapshot in metadata.json: {each:.0f} bytes")  # fmt: skip

    def samples(self) -> None:
        """Whole days."""
        self.filling.samples(_DAYS)
        with self.filling.engine.connect() as connection:
            rows, keys = connection.execute(_SIZES).one()
        self.sync(f"{_DAYS} days", "timeseries_raw")
        self.filling.change_day()
        self.sync("a day", "timeseries_raw")
        table = self.lake.table(f"tenant_{self.filling.tenant}", "timeseries_raw")
        assert table is not None
        there = [file for of in files.there(table).values() for file in of]
        number = sum(file.record_count for file in there)
        size = sum(file.file_size_in_bytes for file in there)
        print(f"a row: {rows / number:.1f} bytes and {keys / number:.1f} of keys in PostgreSQL, "
              f"{size / number:.2f} in the lake")  # fmt: skip
        of = BY_NAME["timeseries_raw"]
        with self.filling.engine.begin() as connection:
            due.mark(connection, of)
        server = server_seconds(self.server)
        snapshot = self.filling.engine.execution_options(isolation_level="REPEATABLE READ")
        with snapshot.connect() as connection, connection.begin():
            sync._take_apart(connection, self.lake, sync._source(connection, of))
        seconds = server_seconds(self.server) - server
        print(f"all its days found: {seconds * 1e6 / number:.2f} CPU s a million rows")


def _bytes(table: Any) -> int:
    return sum(each.manifest_length for each in table.current_snapshot().manifests(table.io))


def main() -> None:
    """Print the costs."""
    with tempfile.TemporaryDirectory(prefix="ingestion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "home")
        try:
            costs = Costs(server, Path(folder))
            costs.points()
            costs.samples()
            costs.filling.close()
            print(f"load average {os.getloadavg()[0]:.1f}")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
