"""When an API is asked: on its schedule, the days that are due, those before them with them."""

import re
from datetime import UTC

import dagster as dg

from ingestion_pipeline.components.intake.assets import GROUP, key_of
from ingestion_pipeline.domains.registry import DescribedSeries
from ingestion_pipeline.foundation.http_api.windows import days_due
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.partitions import RANGE

_NO_NAME = re.compile(r"[^A-Za-z0-9_]+")


def automation(found: DescribedSeries) -> dg.Definitions:
    """The job of an API, and its schedule."""
    window = found.source.api.window
    name = "collect_" + _NO_NAME.sub("_", found.known.name)
    job = dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(key_of(found.known)),
        description=f"Collect days of {found.known.name}.",
        tags=sensing.run_tags(GROUP),
    )

    @dg.schedule(
        name=f"{name}_daily",
        job=job,
        cron_schedule=found.source.schedule,
        execution_timezone="UTC" if window is None else window.zone.key,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for the days that are due, and for those before them that may be late.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = context.scheduled_execution_time.astimezone(UTC)
        if window is None:
            return dg.RunRequest(run_key=now.isoformat(), tags=sensing.run_tags(GROUP))
        days = days_due(window, now)
        if not days:
            return dg.SkipReason(f"the first day is {window.first_day}")
        first, last = days[0].isoformat(), days[-1].isoformat()
        tags = {
            **sensing.run_tags(GROUP, first, last),
            **dict(zip(RANGE, (first, last), strict=True)),
        }
        return dg.RunRequest(run_key=now.isoformat(), tags=tags)

    return dg.Definitions(jobs=[job], schedules=[due])
