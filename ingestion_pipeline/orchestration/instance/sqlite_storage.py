"""Dagster's SQLite storage for a machine that mostly idles: what was worked out once stays.

Dagster's own makes an engine for every statement, which opens the file, compiles the statement and
throws both away, and reads all its migrations whenever an instance is opened. A daemon and a code
server do that several times a second, day and night. Files and tables are the same: an instance
may be opened with either. `up` names this one in the `dagster.yaml` that it writes.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    INDEX_SHARD_NAME,
    SqliteEventLogStorage,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

_BUSY_SECONDS = 20  # Dagster's own patience with the event log
_PURGE_SECONDS = 600.0  # from one look for ticks to be forgotten to the next, sensor by sensor
_ready: set[str] = set()  # files that this process has seen with all their tables
_purged: dict[tuple[Any, ...], float] = {}


@lru_cache(maxsize=16)
def _engine(url: str) -> sa.Engine:
    """One a file; a connection is kept, so that statements are prepared and the file is open."""
    return sa.create_engine(
        url, pool_size=1, max_overflow=-1, connect_args={"timeout": _BUSY_SECONDS}
    )


@contextmanager
def _transaction(url: str) -> Iterator[sa.Connection]:
    with _engine(url).begin() as connection:
        yield connection


def _is_ready(url: str) -> bool:
    path = sa.make_url(url).database
    return url in _ready and path is not None and Path(path).exists()


class Runs(SqliteRunStorage):
    """Runs, as Dagster keeps them."""

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        """The storage in a folder; its tables are looked at once a process."""
        url = create_db_conn_string(base_dir, "runs")
        if _is_ready(url):
            return cls(url, inst_data)
        made = super().from_local(base_dir, inst_data)
        _ready.add(url)
        return made

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with _transaction(self._conn_string) as connection:
            yield connection


class Schedules(SqliteScheduleStorage):
    """Ticks and the states of sensors, as Dagster keeps them."""

    @classmethod
    def from_local(
        cls, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> SqliteScheduleStorage:
        """The storage in a folder; its tables are looked at once a process."""
        url = create_db_conn_string(base_dir, "schedules")
        if _is_ready(url):
            return cls(url, inst_data)
        SqliteScheduleStorage.from_local(base_dir, inst_data)
        _ready.add(url)
        return cls(url, inst_data)

    def has_instigators_table(self) -> bool:
        """It has: the file was brought up to date when it was opened. Dagster asks each time."""
        return True

    def _has_instigators_table(self, conn: sa.Connection) -> bool:  # noqa: ARG002
        return True

    def purge_ticks(
        self,
        origin_id: str,
        selector_id: str,
        before: float,
        tick_statuses: Sequence[TickStatus] | None = None,
    ) -> None:
        """Forget old ticks; Dagster asks for it with every tick, here it is done now and then."""
        which = (self._conn_string, selector_id, tuple(tick_statuses or ()))
        now = time.monotonic()
        if now - _purged.get(which, -_PURGE_SECONDS) < _PURGE_SECONDS:
            return
        super().purge_ticks(origin_id, selector_id, before, tick_statuses)
        _purged[which] = now

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """A transaction."""
        with _transaction(self._conn_string) as connection:
            yield connection


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
            if not _is_ready(url):
                self._initdb(_engine(url))
                _ready.add(url)
            with _transaction(url) as connection:
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
