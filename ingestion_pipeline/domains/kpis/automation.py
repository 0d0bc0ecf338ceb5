"""When KPIs run: a sensor over what is pending, and over what was published, for the checks; a
schedule for timeouts."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.assets import (
    ASSETS,
    FAILED_DAYS,
    FIRST_DAY,
    PENDING_ONLY,
    UPDATES,
    WING,
)
from ingestion_pipeline.domains.kpis.land import jobs
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.resources import Database

MOST_RUNS = 3  # at a time; more are slower on the two cores of a small machine
# Of a run. Dagster's daemon writes an event a day and asset when it makes the run, and holds up all
# other sensors meanwhile (some 10 ms each).
MOST_DAYS = 60
LONGEST_PAUSE = 300.0  # seconds between a run that failed and the next of its kind
CHECKS_PAUSE = 300.0  # seconds between two runs of all checks
# Between two looks for a publication that did not begin with something pending: one by hand.
QUIET_SECONDS = 60.0

_PARTITION = "dagster/partition"
_FIRST, _LAST = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_REMEMBERED_RUNS = 8  # of documents and checks
_REMEMBERED_DAYS_RUNS = 100
_LOOKED_AT = 1000  # days, by a tick

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
    selection=dg.AssetSelection.groups(WING.name).without_checks(),
    description="Grade and publish a day of readings, and all documents that follow from them.",
    tags=sensing.run_tags(WING.name),
)
publish_documents = dg.define_asset_job(
    "publish_documents",
    selection=dg.AssetSelection.assets(
        WING.key("timeseries"), WING.key("jobs"), WING.key("errors")
    ).without_checks(),
    description="Publish jobs, errors and series that changed without a new reading.",
    tags=sensing.run_tags(WING.name),
)
check_kpis = dg.define_asset_job(
    "check_kpis",
    selection=dg.AssetSelection.checks_for_assets(UPDATES.key, *(a.key for a in ASSETS)),
    description="Run all checks of KPIs.",
    tags=sensing.run_tags(WING.name),
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
        span: how many days the newest was of.
        culprit: whether the newest failed by this very day; None: it did not say by which.
    """

    runs: int = 0
    unfinished: bool = False
    failures: int = 0
    seconds_since: float = 0.0
    span: int = 1
    culprit: bool | None = None

    @property
    def most_days(self) -> int:
        """How many days the next run may be of that takes this one.

        A day by which a run failed goes alone, and lets the others go on together. Where a run
        just ended (it was killed, say), halves of it are tried: one day may kill them all.
        """
        if not self.failures or self.culprit is False:
            return MOST_DAYS
        return 1 if self.culprit else max(1, self.span // 2)

    @property
    def may_run(self) -> bool:
        """Whether another run may start now: a failing one waits twice as long each time."""
        pause = 5.0 * 2**self.failures if self.failures else 0.0
        return not self.unfinished and self.seconds_since >= min(pause, LONGEST_PAUSE)


@dataclass(frozen=True)
class Stretch:
    """Days without a gap that one run deals with, oldest first."""

    days: tuple[DueDay, ...]

    @property
    def first(self) -> date:
        """The first day."""
        return self.days[0].day

    @property
    def last(self) -> date:
        """The last day."""
        return self.days[-1].day

    @property
    def pending(self) -> int:
        """How many updates, points and summaries."""
        return sum(each.pending for each in self.days)

    @property
    def key(self) -> str:
        """Another one whenever one of the days has changed."""
        newest = max(each.newest for each in self.days)
        attempts = sum(each.attempts for each in self.days)
        return f"{self.first}-{len(self.days)}-{self.pending}-{newest}-{attempts}"


def stretches(due: Sequence[DueDay], most_days: Mapping[date, int]) -> list[Stretch]:
    """Days without gaps together, the newest first.

    Args:
        due: days with something to publish.
        most_days: how many days a run may be of that takes this one; else MOST_DAYS.
    """
    found: list[list[DueDay]] = []
    most = MOST_DAYS  # of the last
    for each in sorted(due, key=lambda each: each.day, reverse=True):
        own = most_days.get(each.day, MOST_DAYS)
        last = found[-1] if found else []
        follows = bool(last) and last[-1].day - each.day == timedelta(days=1)
        if follows and len(last) < min(most, own):
            last.append(each)
            most = min(most, own)
        else:
            found.append([each])
            most = own
    return [Stretch(tuple(reversed(days))) for days in found]


def decide(
    due: Sequence[DueDay], history: Mapping[date, History], *, unfinished: int, after: str = ""
) -> dict[str, Stretch]:
    """The runs to request, by run key; the newest days first.

    Args:
        due: days with something to publish.
        history: the runs of each of these days.
        unfinished: runs of any day that are still to be finished.
        after: the newest run that there is.
    """
    startable = [each for each in due if history.get(each.day, History()).may_run]
    most_days = {day: known.most_days for day, known in history.items()}
    # The newest run is part of the key: Dagster never starts a second run of a key, even when
    # the first came to nothing. What is pending is, so that the same tick seen twice is one run.
    return {
        f"{each.key}-{after}": each
        for each in stretches(startable, most_days)[: max(0, MOST_RUNS - unfinished)]
    }


def within_partitions(due: Sequence[DueDay]) -> list[DueDay]:
    """Days that have a partition; the first stands for all before it, too."""
    older = [each for each in due if each.day < FIRST_DAY]
    if not older:
        return list(due)
    first = [each for each in due if each.day == FIRST_DAY]
    together = Stretch((*older, *first))
    folded = replace(
        together.days[0],
        day=FIRST_DAY,
        pending=together.pending,
        newest=max(each.newest for each in together.days),
        attempts=sum(each.attempts for each in together.days),
    )
    return [*(each for each in due if each.day > FIRST_DAY), folded]


def checks_due(published: History, checked: History) -> bool:
    """Whether to run all checks: it is quiet, something is new since the last, and that is a while
    ago.
    """
    if not published.runs or published.unfinished or checked.unfinished:
        return False
    newer = published.seconds_since < checked.seconds_since
    return not checked.runs or (newer and checked.seconds_since >= CHECKS_PAUSE)


def seconds_without_checks(published: History, checked: History) -> float:
    """For how long checks that are not due can't be, while nothing is pending."""
    if published.unfinished or checked.unfinished:
        return 0.0
    if published.runs and checked.runs and published.seconds_since < checked.seconds_since:
        return max(0.0, CHECKS_PAUSE - checked.seconds_since)
    return QUIET_SECONDS


@dg.sensor(
    jobs=[publish_readings, publish_documents, check_kpis],
    minimum_interval_seconds=sensing.EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts one run for each stretch of days that have readings to be published.",
)
def pending_updates(
    context: dg.SensorEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs for what is pending; the cursor is until when checks can't be due."""
    with sensing.resource(context).engine().connect() as connection:
        found = connection.execute(_DUE, {"limit": _LOOKED_AT})
        due = within_partitions([DueDay(*row) for row in found])
        documents = connection.scalar(_DOCUMENTS_DUE) if not due else 0
    if not due and not documents:
        return _request_checks(context)
    context.update_cursor("")
    instance = context.instance
    if documents:
        return _request_documents(instance, documents)
    unfinished = dg.RunsFilter(job_name=publish_readings.name, statuses=sensing.UNFINISHED)
    number = instance.get_runs_count(unfinished)
    if number >= MOST_RUNS:
        return dg.SkipReason(f"{number} runs are at work on {len(due)} days or more")
    newest = instance.get_run_records(
        dg.RunsFilter(job_name=publish_readings.name), limit=_REMEMBERED_DAYS_RUNS
    )
    chosen = decide(
        due,
        histories(newest, [each.day for each in due]),
        unfinished=number,
        after=newest[0].dagster_run.run_id[:8] if newest else "",
    )
    requests = [_request(run_key, stretch) for run_key, stretch in chosen.items()]
    return requests or dg.SkipReason(f"{len(due)} days have a run at work, or wait after a failure")


def _request(run_key: str, stretch: Stretch) -> dg.RunRequest:
    first, last = stretch.first.isoformat(), stretch.last.isoformat()
    tags = {
        **sensing.run_tags(WING.name, first, last),
        **PENDING_ONLY,
        "kpis/pending": str(stretch.pending),
    }
    job_name = publish_readings.name
    if first == last:
        return dg.RunRequest(run_key, job_name=job_name, partition_key=first, tags=tags)
    # Never beside a partition key: Dagster refuses that.
    return dg.RunRequest(run_key, job_name=job_name, tags={**tags, _FIRST: first, _LAST: last})


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


def _request_checks(
    context: dg.SensorEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    if time.time() < float(context.cursor or 0):
        return dg.SkipReason("nothing is pending")
    checked = _history(context.instance, check_kpis.name)
    published = _history(context.instance, publish_readings.name)
    if not checks_due(published, checked):
        context.update_cursor(str(time.time() + seconds_without_checks(published, checked)))
        return dg.SkipReason("nothing is pending")
    return [dg.RunRequest(run_key=f"checks-{checked.runs}", job_name=check_kpis.name)]


def histories(records: Sequence[dg.RunRecord], days: Sequence[date]) -> dict[date, History]:
    """What of the newest runs, newest first, was of each day."""
    covered = [(_days_of(record.dagster_run.tags), record) for record in records]
    found: dict[date, History] = {}
    for day in days:
        own = [(span, record) for span, record in covered if span[0] <= day <= span[1]]
        summary = _summary([record for _, record in own])
        if own:
            (first, last), newest = own[0]
            failed = newest.dagster_run.tags.get(FAILED_DAYS)
            culprit = None if failed is None else day.isoformat() in failed.split(",")
            summary = replace(summary, span=(last - first).days + 1, culprit=culprit)
        found[day] = summary
    return found


def _days_of(tags: Mapping[str, str]) -> tuple[date, date]:
    """The first and the last day of a run; none, where it has none."""
    one = tags.get(_PARTITION)
    first, last = tags.get(_FIRST, one), tags.get(_LAST, one)
    if first is None or last is None:
        return date.max, date.min
    return date.fromisoformat(first), date.fromisoformat(last)


def _history(instance: dg.DagsterInstance, job_name: str) -> History:
    which = dg.RunsFilter(job_name=job_name)
    newest = instance.get_run_records(which, limit=_REMEMBERED_RUNS)
    return replace(_summary(newest), runs=instance.get_runs_count(which))


def _summary(newest: Sequence[dg.RunRecord]) -> History:
    failures = 0
    for record in newest:
        if record.dagster_run.status != dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    ended = newest[0].end_time if newest else None
    return History(
        runs=len(newest),
        unfinished=any(record.dagster_run.status in sensing.UNFINISHED for record in newest),
        failures=failures,
        seconds_since=time.time() - ended if ended else LONGEST_PAUSE,
    )
