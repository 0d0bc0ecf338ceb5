"""When KPIs run: a sensor over what is pending, and over what was published, for the checks; a
schedule for timeouts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline import sensing
from ingestion_pipeline.kpis import jobs
from ingestion_pipeline.kpis.assets import ASSETS, GROUP, PENDING_ONLY, UPDATES, key
from ingestion_pipeline.kpis.checks import CHECKS
from ingestion_pipeline.resources import Database

MOST_RUNS = 3  # at a time; more are slower on the two cores of a small machine
LONGEST_PAUSE = 300.0  # seconds between a run that failed and the next of its kind
CHECKS_PAUSE = 300.0  # seconds between two runs of all checks

_PARTITION = "dagster/partition"
_REMEMBERED_RUNS = 8
_MOST_DAYS = 50  # that a tick looks at

_DUE = sa.text("""
    SELECT day, sum(number)::bigint, max(newest)::bigint, sum(attempts)::bigint
    FROM (SELECT CAST(observed_at AT TIME ZONE 'UTC' AS date) AS day, count(*) AS number,
                 max(update_id) AS newest, sum(attempts + changed) AS attempts
          FROM kpi_updates WHERE pending GROUP BY 1
          UNION ALL
          SELECT CAST(observed_at AT TIME ZONE 'UTC' AS date), count(*), 0, 0
          FROM kpi_points WHERE quality IS NULL GROUP BY 1
          UNION ALL
          SELECT day, 1, 0, changed FROM kpi_days WHERE pending) AS due
    GROUP BY day ORDER BY day DESC LIMIT :limit
""")
_DOCUMENTS_DUE = sa.text("""
    SELECT (SELECT count(*) FROM kpi_jobs WHERE pending)
         + (SELECT count(*) FROM kpi_job_kpis WHERE pending)
         + (SELECT count(*) FROM kpi_errors WHERE pending)
         + (SELECT count(*) FROM kpi_series WHERE pending)
""")

# Checks run on their own schedule: beside every few readings they would cost more than these.
publish_readings = dg.define_asset_job(
    "publish_readings",
    selection=dg.AssetSelection.groups(GROUP).without_checks(),
    description="Grade and publish a day of readings, and all documents that follow from them.",
)
publish_documents = dg.define_asset_job(
    "publish_documents",
    selection=dg.AssetSelection.assets(
        key("timeseries"), key("jobs"), key("errors")
    ).without_checks(),
    description="Publish jobs, errors and series that changed without a new reading.",
)
check_kpis = dg.define_asset_job(
    "check_kpis",
    selection=dg.AssetSelection.checks_for_assets(UPDATES.key, *(a.key for a in ASSETS)),
    description="Run all checks of KPIs.",
)


@dataclass(frozen=True)
class DueDay:
    """A UTC day with something to publish.

    Attributes:
        pending: how many updates, points and summaries.
        newest: the newest pending update.
        attempts: grows with every failed attempt and every change.
    """

    day: date
    pending: int
    newest: int
    attempts: int


@dataclass(frozen=True)
class History:
    """The runs of a day (or of documents) so far.

    Attributes:
        runs: how many.
        unfinished: whether one is still to be finished.
        failures: how many of the newest failed, one after the other.
        seconds_since: that the newest ended.
    """

    runs: int = 0
    unfinished: bool = False
    failures: int = 0
    seconds_since: float = 0.0

    @property
    def may_run(self) -> bool:
        """Whether another run may start now: a failing one waits twice as long each time."""
        pause = 5.0 * 2**self.failures if self.failures else 0.0
        return not self.unfinished and self.seconds_since >= min(pause, LONGEST_PAUSE)


def decide(
    due: Sequence[DueDay], history: Mapping[date, History], *, unfinished: int
) -> dict[str, DueDay]:
    """The runs to request, one a day, by run key; newest days first.

    Args:
        due: days with something to publish, newest first.
        history: the runs of each of these days.
        unfinished: runs of any day that are still to be finished.
    """
    startable = [each for each in due if history.get(each.day, History()).may_run]
    # The number of runs is part of the key: Dagster never starts a second run of a key, even when
    # the first came to nothing. What is pending is, so that the same tick seen twice is one run.
    return {
        f"{each.day}-{each.pending}-{each.newest}-{each.attempts}"
        f"-{history.get(each.day, History()).runs}": each
        for each in startable[: max(0, MOST_RUNS - unfinished)]
    }


def checks_due(published: History, checked: History) -> bool:
    """Whether to run all checks: it is quiet, something is new since the last, and that is a while
    ago.
    """
    if not published.runs or published.unfinished or checked.unfinished:
        return False
    newer = published.seconds_since < checked.seconds_since
    return not checked.runs or (newer and checked.seconds_since >= CHECKS_PAUSE)


@dg.sensor(
    jobs=[publish_readings, publish_documents, check_kpis],
    minimum_interval_seconds=sensing.EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run for each day that has readings to be published.",
)
def pending_updates(
    context: dg.SensorEvaluationContext, database: Database
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs for what is pending."""
    with database.engine().connect() as connection:
        due = [DueDay(*row) for row in connection.execute(_DUE, {"limit": _MOST_DAYS})]
        documents = connection.scalar(_DOCUMENTS_DUE) if not due else 0
    instance = context.instance
    if documents:
        return _request_documents(instance, documents)
    if not due:
        return _request_checks(instance)
    unfinished = dg.RunsFilter(job_name=publish_readings.name, statuses=sensing.UNFINISHED)
    number = instance.get_runs_count(unfinished)
    if number >= MOST_RUNS:
        return dg.SkipReason(f"{number} runs are at work on {len(due)} days or more")
    history = {each.day: _history(instance, publish_readings.name, each.day) for each in due}
    requests = [
        dg.RunRequest(
            run_key=run_key,
            job_name=publish_readings.name,
            partition_key=each.day.isoformat(),
            tags={**PENDING_ONLY, "kpis/pending": str(each.pending)},
        )
        for run_key, each in decide(due, history, unfinished=number).items()
    ]
    return requests or dg.SkipReason(f"{len(due)} days have a run at work, or wait after a failure")


@dg.schedule(
    job=publish_documents,
    cron_schedule="* * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Ends the waiting of jobs whose timeout has passed.",
)
def kpi_timeouts(
    context: dg.ScheduleEvaluationContext, database: Database
) -> dg.RunRequest | dg.SkipReason:
    """Apply timeouts in SQL; a run is needed only when documents change by it."""
    with database.engine().begin() as connection:
        expired = jobs.expire(connection)
    if not expired:
        return dg.SkipReason("no job has timed out")
    moment = context.scheduled_execution_time.isoformat()
    return dg.RunRequest(run_key=f"timeouts-{moment}", tags=PENDING_ONLY)


def _request_documents(
    instance: dg.DagsterInstance, documents: int
) -> list[dg.RunRequest] | dg.SkipReason:
    history = _history(instance, publish_documents.name)
    if not history.may_run:
        return dg.SkipReason("a run is at work on the documents, or waits after a failure")
    run_key = f"documents-{documents}-{history.runs}"
    return [dg.RunRequest(run_key=run_key, job_name=publish_documents.name, tags=PENDING_ONLY)]


def _request_checks(instance: dg.DagsterInstance) -> list[dg.RunRequest] | dg.SkipReason:
    checked = _history(instance, check_kpis.name)
    if not checks_due(_history(instance, publish_readings.name), checked):
        return dg.SkipReason("nothing is pending")
    return [dg.RunRequest(run_key=f"checks-{checked.runs}", job_name=check_kpis.name)]


def _history(instance: dg.DagsterInstance, job_name: str, day: date | None = None) -> History:
    tags = {_PARTITION: day.isoformat()} if day is not None else {}
    which = dg.RunsFilter(job_name=job_name, tags=tags)
    newest = instance.get_run_records(which, limit=_REMEMBERED_RUNS)
    failures = 0
    for record in newest:
        if record.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    ended = newest[0].end_time if newest else None
    return History(
        runs=instance.get_runs_count(which),
        unfinished=any(record.dagster_run.status in sensing.UNFINISHED for record in newest),
        failures=failures,
        seconds_since=time.time() - ended if ended else LONGEST_PAUSE,
    )


definitions = dg.Definitions(
    assets=[UPDATES, *ASSETS],
    asset_checks=CHECKS,
    jobs=[publish_readings, publish_documents, check_kpis],
    sensors=[pending_updates],
    schedules=[kpi_timeouts],
)
