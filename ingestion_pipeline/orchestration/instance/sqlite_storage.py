"""Dagster's SQLite storage for a machine that mostly idles: what was worked out once stays.

Dagster's own opens a file for every statement, and reads all its migrations whenever an instance is
opened. A daemon and a code server do that several times a second, day and night. Files and tables
are the same: an instance may be opened with either. `up` names this one in the `dagster.yaml` that
it writes.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from ingestion_pipeline.orchestration.instance.sqlite_files import (
    engine,
    is_ready,
    ready,
    transaction,
)
from ingestion_pipeline.orchestration.instance.sqlite_schedules import Schedules


class Runs(SqliteRunStorage):
    """Runs, as Dagster keeps them."""

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in a folder; its tables are looked at once a process."""
        url = create_db_conn_string(base_dir, "runs")
        if is_ready(url):
            return cls(url, inst_data)
        made = super().from_local(base_dir, inst_data)
        ready.add(url)
        return made

    def connect(self) -> AbstractContextManager[sa.Connection]:  # type: ignore[override]
        """A transaction."""
        return transaction(self._conn_string)


class Events(SqliteEventLogStorage):
    """Events, as Dagster keeps them: a file a run, which is opened as ever, and an index."""

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if shard != INDEX_SHARD_NAME:
            with super()._connect(shard) as connection:
                yield connection
            return
        url = self.conn_string_for_shard(shard)
        with self._db_lock:
            if not is_ready(url):
                self._initdb(engine(url))
                ready.add(url)
            with transaction(url) as connection:
                yield connection


class Storage(DagsterSqliteStorage):
    """All three in one folder, as Dagster lays them out."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        history = Path(base_dir) / "history"
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = Runs.from_local(f"{history}/")
        self._event_log_storage = Events(f"{history / 'runs'}/")
        self._schedule_storage = Schedules.from_local(str(Path(base_dir) / "schedules"))

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> "Storage":
        """The storage that dagster.yaml describes: `base_dir`."""
        return cls.from_local(inst_data=inst_data, **config_value)
