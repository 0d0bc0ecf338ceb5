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
from ingestion_pipeline.domains.buildings.contract.windows import days_back
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.resources import Configuration

_RANGE = "dagster/asset_partition_range"

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
        dg.RunRequest(
            run_key=run_key,
            tags={
                **sensing.run_tags(WING.name, start, end),
                f"{_RANGE}_start": start,
                f"{_RANGE}_end": end,
            },
        )
        for run_key, start, end in decide(days, settings.site_names)
    ]


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
