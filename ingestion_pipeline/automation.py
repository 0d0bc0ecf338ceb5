"""Automation that belongs to no single domain: jobs of dead runs go back to the queue."""

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


definitions = dg.Definitions(sensors=[release_jobs_of_failed_runs, release_jobs_of_canceled_runs])
