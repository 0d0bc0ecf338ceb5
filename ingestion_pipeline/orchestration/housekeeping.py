"""Automation that belongs to no single domain: jobs of dead runs go back to the queue, alerts, what
the ledger and Dagster forget.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.ledger import changes, jobs, retention
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import alerts, outage
from ingestion_pipeline.foundation.watch.gathering import Questions, gather
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.instance.run_history import RunHistory
from ingestion_pipeline.orchestration.resources import Configuration, Database, KeyValueStore

DOMAIN = "housekeeping"  # what the tag of its runs says

logger = logging.getLogger(__name__)


def _release(context: dg.SensorEvaluationContext, *ended: dg.DagsterRunStatus) -> dg.SkipReason:
    """Release what runs hold that ended so; whose runs hold nothing, nobody asks about.

    Dagster's own sensors of a run's status ask the instance at every tick, even when nothing runs.
    """
    engine = sensing.resource(context).engine()
    with engine.connect() as connection:
        holders = jobs.runs_at_work(connection)
    if not holders:
        return dg.SkipReason("no run holds a job")
    released = {}
    for run in context.instance.get_runs(dg.RunsFilter(run_ids=holders, statuses=[*ended])):
        reason = f"Dagster run {run.run_id} ended as {run.status.value}"
        with engine.begin() as connection:
            released[run.run_id] = jobs.release_run(connection, run.run_id, reason=reason)
    told = ", ".join(f"{number} jobs of run {run_id}" for run_id, number in released.items())
    return dg.SkipReason(f"released {told or 'nothing'}")


@dg.sensor(
    name="release_jobs_of_failed_runs",
    target=None,
    description="Gives back what a failed or canceled run had claimed, so that the next run takes "
    "it up.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=sensing.EVERY_SECONDS,
)
def release_jobs_of_failed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Release the jobs of runs that failed, and of those that somebody canceled.

    Of both, because a tick costs more than a second status: one sensor looks at every round.
    """
    return _release(context, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dg.sensor(
    name="release_jobs_of_canceled_runs",
    target=None,
    description="Gives back what a canceled run had claimed, should the one of failed runs be off.",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def release_jobs_of_canceled_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Release the jobs of runs that somebody canceled."""
    return _release(context, dg.DagsterRunStatus.CANCELED)


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


class Watched(Protocol):
    """What looking at limits came to."""

    @property
    def begun(self) -> int:
        """How many went beyond."""
        ...

    @property
    def ended(self) -> int:
        """How many came back."""
        ...


def alert_sensor(
    *, questions: Callable[[], Mapping[str, Questions]], limits: Callable[[sa.Engine], Watched]
) -> dg.SensorDefinition:
    """The sensor of alerts.

    Args:
        questions: what health asks the domains.
        limits: looks at what else may go beyond a limit, and notes it.
    """

    @dg.sensor(
        name="alerts",
        target=None,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells once when something begins to be wrong, and once when it is over.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        """Look at all conditions, and tell what has changed; starts no run.

        Without the database nothing can be looked at, and that is told.
        """
        configuration: Settings = sensing.resource(context, "configuration").read()
        database = sensing.resource(context)
        down = not _answers(database)
        known = outage.follow(
            outage.remembered(context.cursor),
            down=down,
            now=datetime.now(UTC),
            post=lambda news: _post(configuration, news),
            backoff=configuration.alert_backoff,
        )
        context.update_cursor(outage.as_text(known))
        if down:
            return dg.SkipReason("health is RED: the database does not answer")
        engine = database.engine()
        with engine.begin() as connection:
            facts = gather(connection, configuration, questions())
            changes = alerts.note(
                connection,
                alerts.conditions(facts, minimum=configuration.alert_minimum),
                hold=configuration.alert_hold,
            )
        url = configuration.alert_webhook_url
        try:
            found = limits(engine)
        finally:
            told = alerts.tell(
                engine,
                url=url.get_secret_value() if url else None,
                backoff=configuration.alert_backoff,
            )
        begun = ", ".join(each.name for each in changes.begin) or "none"
        of_buildings = f"; limits of buildings: {found.begun} begun, {found.ended} over"
        return dg.SkipReason(
            f"health is {facts.status}; begun: {begun}; over: {', '.join(changes.end) or 'none'}; "
            f"told: {told}{of_buildings if found.begun or found.ended else ''}"
        )

    return look


def _answers(database: Database) -> bool:
    try:
        with database.engine().connect() as connection:
            connection.execute(sa.select(1))
    except (TransientError, sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        logger.warning("the database does not answer: %s", str(error).partition("\n")[0])
        return False
    return True


def _post(configuration: Settings, news: Mapping[str, Any]) -> str | None:
    url = configuration.alert_webhook_url
    if url is None:
        return None
    with alerts.client() as http:
        return alerts.post(http, url.get_secret_value(), news)


@dg.op(
    description="Deletes what is older than LEDGER_RETENTION_DAYS or METRICS_RETENTION_DAYS, and "
    "expired key-value entries; where there is no lake, its marks."
)
def forget_old_entries(
    context: dg.OpExecutionContext,
    configuration: Configuration,
    database: Database,
    key_value: KeyValueStore,
) -> None:
    """Sweep the tables of the ledger, one by one, and the key-value store."""
    settings = configuration.read()
    deleted = retention.forget_all(
        database.engine(),
        ledger=timedelta(days=settings.ledger_retention_days),
        metrics=timedelta(days=settings.metrics_retention_days),
    )
    deleted["key_value"] = _purged(database.engine(), key_value)
    if settings.lake is None:
        deleted["changed_parts"] = _without_lake(database.engine())
    context.add_output_metadata({name: number or 0 for name, number in deleted.items()})
    failed = [name for name, number in deleted.items() if number is None]
    if failed:
        raise dg.Failure(f"not swept: {', '.join(failed)}; the log says why")


def _purged(engine: sa.Engine, key_value: KeyValueStore) -> int | None:
    """Expired key-value entries that were freed; None where that failed, which is logged."""
    try:
        return key_value.purge_expired(engine)
    except TransientError as error:
        logger.warning("key_value not swept: %s", error)
        return None


def _without_lake(engine: sa.Engine) -> int | None:
    """Marks of the lake that were summed up; None where that failed, which is logged."""
    try:
        return changes.sum_up(engine)
    except sa.exc.SQLAlchemyError as error:
        logger.warning("changed_parts not swept: %s", str(error).partition("\n")[0])
        return None


@dg.job(
    name="ledger_retention",
    description="Lets the ledger forget what is old.",
    tags=sensing.run_tags(DOMAIN),
)
def ledger_retention_job() -> None:
    """One step."""
    forget_old_entries()


@dg.op(description="Deletes finished runs that are older than RUN_RETENTION_DAYS.")
def forget_old_runs(context: dg.OpExecutionContext, configuration: Configuration) -> None:
    """Sweep Dagster's own history; runs by which assets are judged stay."""
    age = timedelta(days=configuration.read().run_retention_days)
    deleted, kept = RunHistory(context.instance).forget(before=datetime.now(UTC) - age)
    context.add_output_metadata({"deleted": deleted, "kept": kept})


@dg.job(
    name="run_retention",
    description="Lets Dagster forget old runs, their events and output.",
    tags=sensing.run_tags(DOMAIN),
)
def run_retention_job() -> None:
    """One step."""
    forget_old_runs()


ledger_retention = dg.ScheduleDefinition(
    name="daily_ledger_retention",
    job=ledger_retention_job,
    cron_schedule="41 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Lets the ledger forget what is old, every night.",
)

run_retention = dg.ScheduleDefinition(
    name="daily_run_retention",
    job=run_retention_job,
    cron_schedule="17 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Lets Dagster forget old runs, every night.",
)


def definitions(
    *, questions: Callable[[], Mapping[str, Questions]], limits: Callable[[sa.Engine], Watched]
) -> dg.Definitions:
    """What belongs to no domain; the arguments are those of `alert_sensor`."""
    return dg.Definitions(
        jobs=[ledger_retention_job, run_retention_job],
        sensors=[
            release_jobs_of_failed_runs,
            release_jobs_of_canceled_runs,
            alert_sensor(questions=questions, limits=limits),
        ],
        schedules=[ledger_retention, run_retention],
    )
