"""When buildings run: a day when it has ended, late samples with it, weather, checks, retention."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

import dagster as dg

from ingestion_pipeline.domains.buildings.assets import (
    PARTITIONED_KEYS,
    WING,
    archived_months,
    partition_key,
    weather_snapshot,
)
from ingestion_pipeline.domains.buildings.assets.partitions import days_of_run
from ingestion_pipeline.domains.buildings.contract.windows import days_back
from ingestion_pipeline.domains.buildings.publish.coverage import uncovered_days
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.partitions import RANGE
from ingestion_pipeline.orchestration.resources import Configuration, Database

_MOST_STOPPED = 5  # days a tick: each is collected anew, at the cost of its requests

collect_buildings = dg.define_asset_job(
    "collect_buildings",
    selection=dg.AssetSelection.assets(*PARTITIONED_KEYS),
    description="Collect days of a site, and make what follows from them.",
    tags=sensing.run_tags(WING.name),
)
snapshot_of_weather = dg.define_asset_job(
    "snapshot_of_weather",
    selection=dg.AssetSelection.assets(weather_snapshot.key),
    description="Keep the last known weather of every site.",
    tags=sensing.run_tags(WING.name),
)
archive_buildings = dg.define_asset_job(
    "archive_buildings",
    selection=dg.AssetSelection.assets(archived_months.key),
    description="Archive months older than RETENTION_MONTHS as Parquet.",
    tags=sensing.run_tags(WING.name),
)


def decide(days: Sequence[date], sites: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The runs of a tick, one a site: (run key, first partition, last partition)."""
    for site in sites:
        yield (
            f"{site}:{days[-1]}",
            partition_key(days[0], site),
            partition_key(days[-1], site),
        )


@dg.schedule(
    name="daily_collection",
    job=collect_buildings,
    cron_schedule="0 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At 00:00 UTC, of every site the day that ended, and the LOOK_BACK_DAYS before it.",
)
def daily_collection(
    context: dg.ScheduleEvaluationContext, configuration: Configuration
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run a site."""
    settings = configuration.read()
    if settings.ace_iot_api_base_url is None:
        return dg.SkipReason("ACE_IOT_API_BASE_URL is not set: there is nothing to collect from")
    now = context.scheduled_execution_time.astimezone(UTC)
    first = settings.collect_since
    days = [day for day in days_back(now.date(), settings.look_back_days) if day >= first]
    if not days:
        return dg.SkipReason(f"COLLECT_SINCE is {first}")
    return [
        _request(run_key, start, end) for run_key, start, end in decide(days, settings.site_names)
    ]


@dg.schedule(
    name="stopped_days",
    job=collect_buildings,
    cron_schedule="35 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour, each by itself, days that were collected and nothing follows from: a "
    "check stopped it, or the run ended.",
)
def stopped_days(
    context: dg.ScheduleEvaluationContext, configuration: Configuration, database: Database
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run a day: a day that is at fault stops itself only."""
    settings = configuration.read()
    if settings.ace_iot_api_base_url is None:
        return dg.SkipReason("ACE_IOT_API_BASE_URL is not set: there is nothing to collect from")
    with database.engine().connect() as connection:
        rows = connection.execute(uncovered_days(settings.site_names)).all()
    stopped = [(row.site_name, row.day) for row in rows if row.day >= settings.collect_since]
    if not stopped:
        return dg.SkipReason("of every day that was collected is there what follows from it")
    unfinished = context.instance.get_runs(
        dg.RunsFilter(job_name=collect_buildings.name, statuses=sensing.UNFINISHED)
    )
    at_work = {each for run in unfinished for each in days_of_run(run.tags)}
    chosen = [each for each in stopped if each not in at_work][:_MOST_STOPPED]
    if not chosen:
        return dg.SkipReason(f"runs are at work on the {len(stopped)} days that were stopped")
    at = context.scheduled_execution_time.isoformat()
    partitions = [partition_key(day, site) for site, day in chosen]
    return [_request(f"{each}@{at}", each, each) for each in partitions]


def _request(run_key: str, first: str, last: str) -> dg.RunRequest:
    """A run of a stretch of partitions."""
    of = dict(zip(RANGE, (first, last), strict=True))
    return dg.RunRequest(run_key=run_key, tags={**sensing.run_tags(WING.name, first, last), **of})


@dg.schedule(
    name="hourly_weather",
    job=snapshot_of_weather,
    cron_schedule="5 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour, the last known weather of every site.",
)
def hourly_weather(
    context: dg.ScheduleEvaluationContext, configuration: Configuration
) -> dg.RunRequest | dg.SkipReason:
    """Request the snapshot."""
    if configuration.read().ace_iot_api_base_url is None:
        return dg.SkipReason("ACE_IOT_API_BASE_URL is not set: there is nothing to collect from")
    return dg.RunRequest(run_key=datetime.isoformat(context.scheduled_execution_time))


monthly_archive = dg.ScheduleDefinition(
    name="monthly_archive",
    job=archive_buildings,
    cron_schedule="0 3 2 * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="On the second of the month, months older than RETENTION_MONTHS.",
)
