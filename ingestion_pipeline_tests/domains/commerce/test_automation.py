"""The sensors: a pure decision, and a thin shell around it."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.commerce.assets import STAGING_ASSETS
from ingestion_pipeline.domains.commerce.automation import drop_folder, recorded_uploads
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.ledger import jobs, tenants
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs as jobs_table
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.orchestration.housekeeping import (
    release_jobs_of_canceled_runs,
    release_jobs_of_failed_runs,
)
from ingestion_pipeline.orchestration.resources import RESOURCES, Configuration, LandingStore


def drop_customers(configuration: Settings, *, files: int) -> None:
    with database.engine(settings()).begin() as connection:
        tenants.ensure(connection, "acme")
    folder = configuration.home / "drop" / "acme"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        row = {
            "customer_id": str(uuid.uuid4()), "name": "Ada", "email": f"{number}@example.com",
            "metadata": {}, "created_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        (folder / f"customers_{number}.ndjson").write_text(json.dumps(row))


class AtOnce(Configuration):
    def read(self) -> Settings:
        return super().read().model_copy(update={"drop_settle": timedelta(0)})


def evaluate(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> dg.SensorResult:
    known = {**RESOURCES, "configuration": AtOnce()}
    context = dg.build_sensor_context(instance=instance, definitions=defs, resources=known)
    return sensor.evaluate_tick(context)


def test_from_drop_folder_to_tables_through_both_sensors(configured: Settings) -> None:
    drop_customers(configured, files=30)
    with dg.DagsterInstance.ephemeral() as instance:
        assert evaluate(recorded_uploads, instance).run_requests == []
        dropped = evaluate(drop_folder, instance)
        assert dropped.asset_events[0].metadata["files"].value == 30
        assert evaluate(drop_folder, instance).skip_message
        [request] = evaluate(recorded_uploads, instance).run_requests
        job = defs.resolve_job_def("load_uploads")
        result = job.execute_in_process(instance=instance, tags=request.tags)
        assert result.success
        assert evaluate(recorded_uploads, instance).run_requests == []
    with database.engine(settings()).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM customers")) == 30
        assert set(connection.scalars(sa.select(jobs_table.c.status))) == {"completed"}


def test_files_are_read_from_the_store_that_a_run_is_given(
    configured: Settings, tmp_path: Path
) -> None:
    class Mine(LandingStore):
        def landed(self) -> Landing:
            return Landing((tmp_path / "mine").as_uri())

    known = {**RESOURCES, "configuration": AtOnce(), "landing": Mine()}
    drop_customers(configured, files=1)
    with dg.DagsterInstance.ephemeral() as instance:
        drop_folder(dg.build_sensor_context(instance=instance, resources=known))
        run = dg.materialize([STAGING_ASSETS[0]], instance=instance, resources=known)
    [done] = run.asset_materializations_for_node("commerce__customers_staging")
    assert done.metadata["staged"].value == 1
    assert not Path(configured.landing.removeprefix("file://")).exists()


@dg.op
def breaks() -> None:
    raise RuntimeError("on purpose")


@dg.job
def breaking() -> None:
    breaks()


def claim(*, run_id: str | None) -> int:
    """A job that a run holds."""
    with database.engine(settings()).begin() as connection:
        jobs.enqueue(connection, kind="test", payload={}, max_attempts=3)
        [held] = jobs.claim(
            connection, kind="test", worker="w", lease=timedelta(hours=1), run_id=run_id
        )
    return held.job_id


ENDED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


@pytest.mark.parametrize(
    ("sensor", "gives_back"),
    [
        (
            release_jobs_of_failed_runs,
            [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
        ),
        (release_jobs_of_canceled_runs, [dg.DagsterRunStatus.CANCELED]),
    ],
)
def test_a_run_that_ended_badly_gives_its_jobs_back_and_others_keep_theirs(
    configured: Settings, sensor: dg.SensorDefinition, gives_back: list[dg.DagsterRunStatus]
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        held = {}
        for each in (dg.DagsterRunStatus.STARTED, *ENDED):
            run_id = str(uuid.uuid4())
            instance.add_run(dg.DagsterRun(job_name="a", run_id=run_id, status=each))
            held[each] = claim(run_id=run_id)
        claim(run_id=str(uuid.uuid4()))  # of another Dagster's run
        claim(run_id=None)
        said = evaluate(sensor, instance).skip_message
        assert said is not None
        assert said.startswith("released 1 jobs of run ")
        assert evaluate(sensor, instance).skip_message == "released nothing"
    with database.engine(settings()).begin() as connection:
        again = jobs.claim(connection, kind="test", worker="w", lease=timedelta(hours=1), limit=99)
    assert {(each.job_id, each.attempt) for each in again} == {
        (held[status], 2) for status in gives_back
    }


def test_a_failed_run_gives_its_jobs_back(configured: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = breaking.execute_in_process(instance=instance, raise_on_error=False)
        job_id = claim(run_id=result.run_id)
        evaluate(release_jobs_of_failed_runs, instance)
    with database.engine(settings()).begin() as connection:
        [again] = jobs.claim(connection, kind="test", worker="w", lease=timedelta(hours=1))
    assert (again.job_id, again.attempt) == (job_id, 2)
