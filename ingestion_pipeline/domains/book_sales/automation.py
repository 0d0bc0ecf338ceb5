"""When book sales run: at once when something is queued, and every five minutes."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion_pipeline.domains.book_sales.assets import ASSETS, REPORTS, TRIGGER, WING
from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.receive.drop_folder import receive_dropped
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration import sensing

_LOOK_SECONDS = 14  # a tick costs, and reports come by the month; the daemon looks every five
_SCAN_SECONDS = 30  # a tick is ended after sixty

import_sales = dg.define_asset_job(
    "import_sales",
    selection=dg.AssetSelection.groups(WING.name)
    | dg.AssetSelection.checks_for_assets(REPORTS.key, *(asset.key for asset in ASSETS)),
    description="Work off the queued imports of a platform, sum up its days, run the checks.",
    tags=sensing.run_tags(WING.name),
)


def decide(due: dict[str, int], *, at_work: set[str], runs: int) -> dict[str, str]:
    """The platforms to start a run of, by run key.

    Args:
        due: imports that could be claimed, by platform.
        at_work: platforms with a run that is still to be finished.
        runs: how many there have been: Dagster never starts a second run of a key.
    """
    return {
        f"{platform}-{number}-{runs}": platform
        for platform, number in due.items()
        if platform not in at_work
    }


def _requests(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, trigger: str
) -> list[dg.RunRequest] | dg.SkipReason:
    with sensing.resource(context).engine().connect() as connection:
        due = queue.due(connection)
    if not due:
        return dg.SkipReason("nothing is queued")
    mine = dg.RunsFilter(job_name=import_sales.name)
    unfinished = context.instance.get_runs(
        dg.RunsFilter(job_name=import_sales.name, statuses=sensing.UNFINISHED)
    )
    at_work = {run.tags.get("dagster/partition", "") for run in unfinished}
    chosen = decide(due, at_work=at_work, runs=context.instance.get_runs_count(mine))
    requests = [
        dg.RunRequest(
            run_key=run_key,
            partition_key=platform,
            tags={**sensing.run_tags(WING.name, platform), TRIGGER: trigger},
        )
        for run_key, platform in chosen.items()
    ]
    return requests or dg.SkipReason("runs are at work on all that is queued")


@dg.sensor(
    job=import_sales,
    minimum_interval_seconds=sensing.EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run for each platform that has queued imports.",
)
def queued_imports(
    context: dg.SensorEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs for what is queued."""
    return _requests(context, "sensor")


@dg.schedule(
    job=import_sales,
    cron_schedule="*/5 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Starts the runs of imports that wait for their next attempt.",
)
def imports_every_five_minutes(
    context: dg.ScheduleEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs for what is queued."""
    return _requests(context, "schedule")


@dg.sensor(
    target=None,
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records complete reports that it finds in the drop folder's folders of platforms.",
)
def dropped_reports(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Queue what is in the drop folder; `queued_imports` starts the runs."""
    landing = sensing.resource(context, "landing")
    found = receive_dropped(
        sensing.resource(context).engine(),
        sensing.resource(context, "configuration").read(),
        drop_url=landing.drop(),
        landing=landing.landed(),
        until=datetime.now(UTC) + timedelta(seconds=_SCAN_SECONDS),
    )
    for said in (*found.left, *found.known):
        context.log.warning("drop folder: %s", printable(said))
    return dg.SkipReason(
        f"{len(found.recorded)} reports recorded; {len(found.left)} left; "
        f"{found.unfinished} still change"
    )
