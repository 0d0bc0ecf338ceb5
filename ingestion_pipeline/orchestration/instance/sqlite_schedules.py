"""Ticks and the states of sensors in SQLite: what is said with every tick, said cheaply.

Eight sensors tick every five seconds, day and night. Dagster builds each statement anew, looks for
its own tables before most of them, and reads or tries to add a state before it updates it: two
thirds of what a tick costs its storage.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from dagster._core.errors import DagsterInvariantViolationError
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorTick,
    TickData,
    TickStatus,
)
from dagster._core.storage.schedules.migration import SCHEDULE_JOBS_SELECTOR_ID
from dagster._core.storage.schedules.schema import InstigatorsTable, JobTable, JobTickTable
from dagster._core.storage.schedules.sqlite import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import ConfigurableClassData, deserialize_value, serialize_value

from ingestion_pipeline.orchestration.instance.sqlite_files import is_ready, ready, transaction

_PURGE_SECONDS = 600.0  # from one look for ticks to be forgotten to the next, sensor by sensor
_purged: dict[tuple[Any, ...], float] = {}
_built: set[tuple[str, str]] = set()  # (file, index) that this process has seen built

_STATE = sa.select(InstigatorsTable.c.instigator_body).where(
    InstigatorsTable.c.selector_id == sa.bindparam("of_selector")
)
_OF_TICK: dict[str, sa.BindParameter[Any]] = {
    name: sa.bindparam(name) for name in ("selector_id", "status", "type", "timestamp", "tick_body")
}
_TICK = sa.insert(JobTickTable).values({"job_origin_id": sa.bindparam("origin"), **_OF_TICK})
_TICK_AGAIN = (
    sa.update(JobTickTable).where(JobTickTable.c.id == sa.bindparam("of_id")).values(_OF_TICK)
)
_INSTIGATOR = (
    sa.update(InstigatorsTable)
    .where(InstigatorsTable.c.selector_id == sa.bindparam("of_selector"))
    .values(
        status=sa.bindparam("status"),
        instigator_type=sa.bindparam("type"),
        instigator_body=sa.bindparam("body"),
        update_timestamp=sa.bindparam("now"),
    )
)
_JOB = (
    sa.update(JobTable)
    .where(JobTable.c.job_origin_id == sa.bindparam("of_origin"))
    .values(
        status=sa.bindparam("status"),
        selector_id=sa.bindparam("of_selector"),
        job_body=sa.bindparam("body"),
        update_timestamp=sa.bindparam("now"),
    )
)


class Schedules(SqliteScheduleStorage):
    """Ticks and the states of sensors, as Dagster keeps them."""

    @classmethod
    def from_local(
        cls, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> SqliteScheduleStorage:
        """The storage in a folder; its tables are looked at once a process."""
        url = create_db_conn_string(base_dir, "schedules")
        if is_ready(url):
            return cls(url, inst_data)
        SqliteScheduleStorage.from_local(base_dir, inst_data)
        ready.add(url)
        return cls(url, inst_data)

    def has_instigators_table(self) -> bool:
        """It has: the file was brought up to date when it was opened. Dagster asks each time."""
        return True

    def _has_instigators_table(self, conn: sa.Connection) -> bool:  # noqa: ARG002
        return True

    def has_built_index(self, migration_name: str) -> bool:
        """Whether an index is there; one that was built stays. Dagster asks for every state."""
        which = (self._conn_string, migration_name)
        if which not in _built and super().has_built_index(migration_name):
            _built.add(which)
        return which in _built

    def get_instigator_state(self, origin_id: str, selector_id: str) -> InstigatorState | None:
        """The state of a sensor or schedule; None: it has none yet."""
        if not self.has_built_index(SCHEDULE_JOBS_SELECTOR_ID):
            return super().get_instigator_state(origin_id, selector_id)
        with self.connect() as connection:
            body = connection.execute(_STATE, {"of_selector": selector_id}).scalar()
        return None if body is None else deserialize_value(body, InstigatorState)

    def update_instigator_state(self, state: InstigatorState) -> InstigatorState:
        """Note the state of a sensor or schedule that has one.

        Dagster reads it first, and tries to add what is there before it updates it.
        """
        values = {
            "of_origin": state.instigator_origin_id,
            "of_selector": state.selector_id,
            "status": state.status.value,
            "type": state.instigator_type.value,
            "body": serialize_value(state),
            "now": datetime.now(UTC),
        }
        with self.connect() as connection:
            known = connection.execute(_JOB, values).rowcount
            if not connection.execute(_INSTIGATOR, values).rowcount:
                if not known:
                    raise DagsterInvariantViolationError(
                        f"InstigatorState {state.instigator_origin_id} is not present in storage"
                    )
                self._add_or_update_instigators_table(connection, state)
        return state

    def create_tick(self, tick_data: TickData) -> InstigatorTick:
        """Note that a tick has begun."""
        values = {"origin": tick_data.instigator_origin_id, **_of_tick(tick_data)}
        with self.connect() as connection:
            [tick_id] = connection.execute(_TICK, values).inserted_primary_key or [None]
        return InstigatorTick(tick_id, tick_data)

    def update_tick(self, tick: InstigatorTick) -> InstigatorTick:
        """Note how a tick goes on."""
        values = {"of_id": tick.tick_id, **_of_tick(tick.tick_data)}
        with self.connect() as connection:
            connection.execute(_TICK_AGAIN, values)
        return tick

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

    def connect(self) -> AbstractContextManager[sa.Connection]:  # type: ignore[override]
        """A transaction."""
        return transaction(self._conn_string)


def _of_tick(tick: TickData) -> dict[str, Any]:
    return {
        "selector_id": tick.selector_id,
        "status": tick.status.value,
        "type": tick.instigator_type.value,
        "timestamp": datetime.fromtimestamp(tick.timestamp, UTC),
        "tick_body": serialize_value(tick),
    }
