"""When book sales run: at once when something is queued, and every five minutes."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion_pipeline.domains.book_sales.assets import (
    ASSETS,
    PLATFORMS,
    REPORTS,
    TRIGGER,
    WING,
)
from ingestion_pipeline.domains.book_sales.land.queue import kinds_of
from ingestion_pipeline.domains.book_sales.receive.drop_folder import receive_dropped
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.queues import Queue, queue_sensor, requests

_LOOK_SECONDS = 14  # a tick costs, and reports come by the month; the daemon looks every five
_SCAN_SECONDS = 30  # a tick is ended after sixty

import_sales = dg.define_asset_job(
    "import_sales",
    selection=dg.AssetSelection.groups(WING.name)
    | dg.AssetSelection.checks_for_assets(REPORTS.key, *(asset.key for asset in ASSETS)),
    description="Work off the queued imports of a platform, sum up its days, run the checks.",
    tags=sensing.run_tags(WING.name),
)


_KINDS = kinds_of(PLATFORMS)
QUEUE = Queue(
    import_sales.name,
    what="imports",
    tag="book_sales/imports",
    kinds=_KINDS,
    batch=lambda configuration: configuration.batch_uploads,
    partitions=_KINDS,
)

queued_imports = queue_sensor(
    QUEUE,
    name="queued_imports",
    description="Starts a run for each platform that has queued imports.",
    tags={TRIGGER: "sensor"},
)


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
    return requests(context, QUEUE, {TRIGGER: "schedule"})


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
