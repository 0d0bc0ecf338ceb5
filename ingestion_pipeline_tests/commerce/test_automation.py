"""The sensors: a pure decision, and a thin shell around it."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.commerce import automation
from ingestion_pipeline.commerce.automation import decide, drop_folder, recorded_uploads
from ingestion_pipeline.definitions import defs
from ingestion_pipeline.ledger import jobs, tenants
from ingestion_pipeline.ledger.tables import jobs as jobs_table
from ingestion_pipeline.resources import Database
from ingestion_pipeline.settings import Settings
from ingestion_pipeline.storage import database


def test_nothing_due_means_no_run() -> None:
    assert isinstance(decide([], runs_about_to_start=0), dg.SkipReason)


def test_due_jobs_make_one_run_whose_key_carries_the_attempts() -> None:
    first = decide([(1, 0), (2, 0)], runs_about_to_start=0)
    again = decide([(2, 0), (1, 0)], runs_about_to_start=0)
    retried = decide([(1, 1), (2, 0)], runs_about_to_start=0)
    assert first == again
    assert first != retried


def test_a_run_that_is_about_to_start_takes_what_is_due() -> None:
    assert isinstance(decide([(1, 0)], runs_about_to_start=1), dg.SkipReason)


def drop_customers(configuration: Settings, *, files: int) -> None:
    with database.engine().begin() as connection:
        tenants.ensure(connection, "acme")
    folder = configuration.home / "drop" / "acme"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        row = {
            "customer_id": str(uuid.uuid4()), "name": "Ada", "email": f"{number}@example.com",
            "metadata": {}, "created_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        (folder / f"customers_{number}.ndjson").write_text(json.dumps(row))


def evaluate(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, definitions=defs, resources={"database": Database()}
    )
    return sensor.evaluate_tick(context)


def test_from_drop_folder_to_tables_through_both_sensors(
    configured: Settings, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        automation, "settings", lambda: configured.model_copy(update={"drop_settle": timedelta(0)})
    )
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
    with database.engine().connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM customers")) == 30
        assert set(connection.scalars(sa.select(jobs_table.c.status))) == {"completed"}


def test_a_failed_run_gives_its_jobs_back(configured: Settings) -> None:
    from ingestion_pipeline.automation import release_jobs_of_failed_runs

    engine = database.engine()
    with dg.DagsterInstance.ephemeral() as instance:

        @dg.op
        def breaks() -> None:
            raise RuntimeError("on purpose")

        @dg.job
        def breaking() -> None:
            breaks()

        result = breaking.execute_in_process(instance=instance, raise_on_error=False)
        with engine.begin() as connection:
            job_id = jobs.enqueue(connection, kind="test", payload={}, max_attempts=3)
            jobs.claim(
                connection, kind="test", worker="w", lease=timedelta(hours=1),
                run_id=result.run_id,
            )  # fmt: skip
        [failure] = [event for event in result.all_events if event.is_run_failure]
        context = dg.build_run_status_sensor_context(
            sensor_name="release_jobs_of_failed_runs",
            dagster_event=failure,
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"database": Database()},
        ).for_run_failure()
        release_jobs_of_failed_runs(context)
    with engine.begin() as connection:
        [claim] = jobs.claim(connection, kind="test", worker="w", lease=timedelta(hours=1))
    assert (claim.job_id, claim.attempt) == (job_id, 2)
