"""The instance's storage of `up`: Dagster's files and tables, opened once a process."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import (
    SqliteScheduleStorage,
    sqlite_schedule_storage,
)

from ingestion_pipeline.cli.local.up import _instance
from ingestion_pipeline.orchestration.instance import sqlite_files, sqlite_schedules
from ingestion_pipeline.orchestration.instance import sqlite_storage as instance_storage

ORIGIN = RemoteInstigatorOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository"), "sensor"
)


@dg.asset
def thing() -> int:
    return 1


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home as `up` makes it; with quotes in its name, which YAML must not trip over."""
    home = tmp_path / "a: 'home' \"of\" #mine"
    home.mkdir()
    (home / "dagster.yaml").write_text(_instance(home))
    yield home
    sqlite_files.engine.cache_clear()


def opened(home: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_config(str(home))


def runs_and_thing(instance: dg.DagsterInstance) -> tuple[set[str], bool]:
    event = instance.get_latest_materialization_event(thing.key)
    return {run.run_id for run in instance.get_runs()}, event is not None


def work(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([thing], instance=instance)
    assert instance.all_logs(result.run_id)
    return result.run_id


def test_what_up_writes_is_its_own_file_and_the_storage(home: Path) -> None:
    known = yaml.safe_load((home / "dagster.yaml").read_text())
    assert known["storage"]["custom"]["config"] == {"base_dir": str(home)}
    assert known["run_queue"] == {"dequeue_interval_seconds": 1}
    with opened(home) as instance:
        assert isinstance(instance.run_storage, instance_storage.Runs)
        assert isinstance(instance.event_log_storage, instance_storage.Events)
        assert isinstance(instance.schedule_storage, sqlite_schedules.Schedules)


def test_a_home_of_an_earlier_release_goes_on_and_an_earlier_release_reads_ours(
    home: Path,
) -> None:
    plain = InstanceRef.from_dir(
        str(home), overrides={"storage": {"sqlite": {"base_dir": str(home)}}}
    )
    with dg.DagsterInstance.from_ref(plain) as instance:
        first = work(instance)
    with opened(home) as instance:
        assert runs_and_thing(instance) == ({first}, True)
        second = work(instance)
    with dg.DagsterInstance.from_ref(plain) as instance:
        assert runs_and_thing(instance) == ({first, second}, True)


def test_migrations_were_read_whenever_the_instance_was_opened(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(home) as instance:
        run_id = work(instance)

    def read(*_: Any) -> None:
        raise AssertionError("Dagster's migrations were read again")

    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        monkeypatch.setattr(module, "check_alembic_revision", read)
    with opened(home) as instance:
        assert runs_and_thing(instance) == ({run_id}, True)
        assert instance.all_instigator_state() == []


def test_a_home_that_was_emptied_meanwhile_is_made_anew(home: Path) -> None:
    with opened(home) as instance:
        work(instance)
    for path in home.rglob("*.db*"):
        path.unlink()
    sqlite_files.engine.cache_clear()  # as in another process
    with opened(home) as instance:
        assert runs_and_thing(instance) == (set(), False)


def test_many_threads_write_at_once(home: Path) -> None:
    with opened(home) as instance:

        def add(_: int) -> str:
            run_id = str(uuid.uuid4())
            instance.add_run(
                dg.DagsterRun(job_name="a", run_id=run_id, status=dg.DagsterRunStatus.SUCCESS)
            )
            return run_id

        with ThreadPoolExecutor(8) as pool:
            added = set(pool.map(add, range(100)))
        assert runs_and_thing(instance)[0] == added


def test_a_transaction_that_failed_leaves_nothing(home: Path) -> None:
    with opened(home) as instance:
        storage = instance.run_storage
        assert isinstance(storage, instance_storage.Runs)

        def write_and_fail() -> None:
            with storage.connect() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO daemon_heartbeats (daemon_type, timestamp) VALUES ('x', '2026')"
                )
                raise RuntimeError("on purpose")

        with pytest.raises(RuntimeError, match="on purpose"):
            write_and_fail()
        with storage.connect() as connection:
            assert connection.exec_driver_sql("SELECT 1 FROM daemon_heartbeats").all() == []


def test_old_ticks_are_forgotten_now_and_then_and_not_with_every_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = sqlite_schedules.Schedules.from_local(str(tmp_path))
    asked: list[str] = []
    monkeypatch.setattr(
        sqlite_schedules.SqliteScheduleStorage, "purge_ticks",
        lambda _self, _origin, selector, _before, _statuses: asked.append(selector),
    )  # fmt: skip
    for selector in ("a", "a", "b", "a"):
        storage.purge_ticks("origin", selector, 1.0, [TickStatus.SKIPPED])
    storage.purge_ticks("origin", "a", 1.0, [TickStatus.FAILURE])
    assert asked == ["a", "b", "a"]


def a_tick(status: TickStatus, timestamp: float, *, reason: str | None = None) -> TickData:
    return TickData(
        instigator_origin_id=ORIGIN.get_id(),
        instigator_name="sensor",
        instigator_type=InstigatorType.SENSOR,
        status=status,
        timestamp=timestamp,
        selector_id=ORIGIN.get_selector().get_id(),
        skip_reason=reason,
    )


def a_state(cursor: str | None) -> InstigatorState:
    known = SensorInstigatorData(cursor=cursor, last_tick_timestamp=2.5, min_interval=4)
    return InstigatorState(
        ORIGIN, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, known
    )  # fmt: skip


def what_ticks_leave(storage: SqliteScheduleStorage) -> dict[str, list[Any]]:
    """The rows of all tables after some ticks, without the times at which they were written."""
    storage.add_instigator_state(a_state(None))
    storage.update_instigator_state(a_state("a \"cursor\" with 'quotes'"))
    first = storage.create_tick(a_tick(TickStatus.STARTED, 1.25))
    second = storage.create_tick(a_tick(TickStatus.STARTED, 6.5))
    storage.update_tick(
        InstigatorTick(second.tick_id, a_tick(TickStatus.SKIPPED, 6.5, reason="nothing is due"))
    )
    known = storage.get_instigator_state(ORIGIN.get_id(), ORIGIN.get_selector().get_id())
    assert known == a_state("a \"cursor\" with 'quotes'")
    assert storage.get_tick(int(first.tick_id)) == first
    rows = {}
    with storage.connect() as connection:
        for table in ("jobs", "instigators", "job_ticks"):
            found = connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").mappings()
            rows[table] = [
                {name: value for name, value in row.items() if not name.endswith("e_timestamp")}
                for row in found
            ]
    return rows


def test_ticks_and_states_are_written_as_dagster_writes_them(tmp_path: Path) -> None:
    ours, dagsters = tmp_path / "ours", tmp_path / "dagster"
    written = what_ticks_leave(sqlite_schedules.Schedules.from_local(str(ours)))
    assert written == what_ticks_leave(SqliteScheduleStorage.from_local(str(dagsters)))
    assert [len(rows) for rows in written.values()] == [1, 1, 2]
    again = SqliteScheduleStorage.from_local(str(ours))
    known = again.get_instigator_state(ORIGIN.get_id(), ORIGIN.get_selector().get_id())
    assert known == a_state("a \"cursor\" with 'quotes'")


def test_a_state_that_nobody_has_added_is_not_updated(tmp_path: Path) -> None:
    storage = sqlite_schedules.Schedules.from_local(str(tmp_path))
    with pytest.raises(DagsterInvariantViolationError, match="is not present"):
        storage.update_instigator_state(a_state(None))
    selector = ORIGIN.get_selector().get_id()
    assert storage.get_instigator_state(ORIGIN.get_id(), selector) is None
