"""The packed home of the release before, taken up by this one: its database in the tests' server,
its Dagster storage and files in a folder.
"""

import logging
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.execution.api import execute_run
from dagster._core.origin import DEFAULT_DAGSTER_ENTRY_POINT
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.sensor import execute_sensor_iteration
from dagster_graphql.cli import execute_query

from ingestion_pipeline.cli.local.up import _instance
from ingestion_pipeline.foundation.storage import backup, schema
from ingestion_pipeline.orchestration import sensing

PACKED = Path(__file__).with_name("home.tar.xz")
_MODULE = "ingestion_pipeline.definitions"
# What passes by itself while a home lies there packed.
_AS_IF_JUST_STOPPED = (
    "UPDATE key_value SET expires_at = now() + interval '1 day' WHERE expires_at IS NOT NULL",
    "UPDATE upload_sessions SET expires_at = now() + interval '1 day'",
    "UPDATE idempotency_keys SET created_at = now(), in_flight_until = now()",
)


@dataclass(frozen=True)
class Content:
    """Of a table: its columns, how many rows, a digest of them."""

    columns: tuple[str, ...]
    rows: int
    digest: str | None


@dataclass(frozen=True)
class Restored:
    """What was taken up.

    Attributes:
        home: the folder; `dagster/` in it is the instance.
        engine: of the upgraded database.
        before: what each table held before the upgrade.
        after: the same columns of the same tables after it.
        workspace: Dagster's, with this release's definitions in this process.
    """

    home: Path
    engine: sa.Engine
    before: dict[str, Content]
    after: dict[str, Content]
    instance: dg.DagsterInstance
    workspace: WorkspaceProcessContext

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(statement), parameters)]

    def graphql(self, query: str, **variables: object) -> Any:
        """Ask Dagster as its UI does."""
        answered = execute_query(self.workspace, query, variables)
        assert "errors" not in answered, answered
        return answered["data"]

    def tick(self) -> None:
        """The daemon's round of all sensors that are due."""
        logger = logging.getLogger("SensorDaemon")
        for error in execute_sensor_iteration(self.workspace, logger, None, None):
            assert error is None, error

    def tick_again(self) -> None:
        """A further round, once every sensor may look again."""
        time.sleep(2 * sensing.EVERY_SECONDS)
        self.tick()

    def queued(self) -> list[dg.DagsterRun]:
        """Runs that nobody has begun, the oldest first."""
        waiting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
        return list(reversed(self.instance.get_runs(waiting)))

    def work(self, run: dg.DagsterRun) -> bool:
        """Do a run as its process would, by what the run itself says of its code."""
        assert run.job_code_origin is not None
        pointer = run.job_code_origin.repository_origin.code_pointer
        job = ReconstructableJob(ReconstructableRepository(pointer), run.job_name)
        starting = DagsterEvent(DagsterEventType.RUN_STARTING.value, job_name=run.job_name)
        self.instance.report_dagster_event(starting, run_id=run.run_id)
        begun = self.instance.get_run_by_id(run.run_id)
        assert begun is not None
        return execute_run(job, begun, self.instance, raise_on_error=True).success


def contents(engine: sa.Engine, known: dict[str, Content] | None = None) -> dict[str, Content]:
    """What every table holds; of known ones the known columns."""
    found = {}
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for table in known or inspector.get_table_names():
            columns = (
                known[table].columns if known
                else tuple(sorted(column["name"] for column in inspector.get_columns(table)))
            )  # fmt: skip
            row = "(" + ", ".join(f't."{name}"' for name in columns) + ")::text"
            digest = f"SELECT count(*), md5(string_agg({row}, '' ORDER BY {row})) FROM {table} t"
            found[table] = Content(columns, *connection.exec_driver_sql(digest).one())
    return found


def unpack(folder: Path) -> Path:
    """The packed home in a folder."""
    with tarfile.open(PACKED) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextmanager
def taken_up(engine: sa.Engine, home: Path) -> Iterator[Restored]:
    """Restore into an empty database, upgrade, and open Dagster's instance as `up` does."""
    assert backup.restore(engine, home / "database.dump") == "0019"
    with engine.begin() as connection:
        for statement in _AS_IF_JUST_STOPPED:
            connection.exec_driver_sql(statement)
    before = contents(engine)
    schema.upgrade(engine)
    dagster = home / "dagster"
    (dagster / "dagster.yaml").write_text(_instance(dagster))
    origin = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name=_MODULE), location_name="ingestion_pipeline",
        entry_point=DEFAULT_DAGSTER_ENTRY_POINT,
    )  # fmt: skip
    with (
        dg.DagsterInstance.from_config(str(dagster)) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        after = contents(engine, before)
        yield Restored(home, engine, before, after, instance, workspace)
