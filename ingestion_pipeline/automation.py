"""Automation that belongs to no single domain: jobs of dead runs go back to the queue."""

from pathlib import Path

import dagster as dg

from ingestion_pipeline.ledger import jobs
from ingestion_pipeline.resources import Database


def _release(context: dg.RunStatusSensorContext, database: Database) -> dg.SkipReason:
    run = context.dagster_run
    with database.engine().begin() as connection:
        released = jobs.release_run(
            connection, run.run_id, reason=f"Dagster run {run.run_id} ended as {run.status.value}"
        )
    return dg.SkipReason(f"released {released} jobs of run {run.run_id}")


@dg.run_failure_sensor(
    name="release_jobs_of_failed_runs",
    description="Gives back what a failed run had claimed, so that the next run takes it up.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=4,
)
def release_jobs_of_failed_runs(
    context: dg.RunFailureSensorContext, database: Database
) -> dg.SkipReason:
    """Release the jobs of a run that failed."""
    return _release(context, database)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.CANCELED,
    name="release_jobs_of_canceled_runs",
    description="Gives back what a canceled run had claimed, so that the next run takes it up.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=4,
)
def release_jobs_of_canceled_runs(
    context: dg.RunStatusSensorContext, database: Database
) -> dg.SkipReason:
    """Release the jobs of a run that somebody canceled."""
    return _release(context, database)


def fail_orphaned_runs(home: Path) -> int:
    """Report as failed what an earlier Dagster on this machine had under way; returns how many.

    To be called while no Dagster runs on the instance in `home`. Their jobs are then released by
    the sensor above, and a day or a table is not held up by a run that nobody works on.
    """
    under_way = [
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
    with dg.DagsterInstance.from_config(str(home)) as instance:
        orphans = instance.get_runs(filters=dg.RunsFilter(statuses=under_way))
        for run in orphans:
            instance.report_run_failed(run, "its processes ended together with Dagster")
        return len(orphans)


definitions = dg.Definitions(sensors=[release_jobs_of_failed_runs, release_jobs_of_canceled_runs])
