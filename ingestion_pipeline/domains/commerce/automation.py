"""When commerce runs: sensors over the drop folder and over recorded uploads; a daily sweep."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion_pipeline.domains.commerce.assets import UPLOADS, WING
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land.sweep import sweep
from ingestion_pipeline.domains.commerce.land.uploads import job_kind
from ingestion_pipeline.domains.commerce.receive.drop_folder import receive_dropped
from ingestion_pipeline.foundation.ledger import landed
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.queues import Queue, queue_sensor
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore

_SCAN_SECONDS = 30  # a tick is ended after sixty

load_uploads = dg.define_asset_job(
    "load_uploads",
    selection=dg.AssetSelection.groups(WING.name),
    description="Stage and merge whatever has been uploaded.",
    # The queue tries again what a failed run had claimed; a second retry beside it finds nothing.
    tags={"dagster/max_retries": "0", **sensing.run_tags(WING.name)},
)


recorded_uploads = queue_sensor(
    Queue(
        load_uploads.name,
        what="uploads",
        tag="uploads",
        kinds=[job_kind(entity) for entity in ENTITIES.values()],
        batch=lambda configuration: configuration.batch_uploads,
    ),
    name="recorded_uploads",
    description="Starts one run for all uploads that are due.",
)


@dg.sensor(
    target=None,
    minimum_interval_seconds=sensing.EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records complete files that it finds in the drop folder.",
)
def drop_folder(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Record what is in the drop folder, and show it as an observation of `uploads`."""
    settings = sensing.resource(context, "configuration").read()
    landing = sensing.resource(context, "landing")
    found = receive_dropped(
        sensing.resource(context).engine(),
        drop_url=landing.drop(),
        landing=landing.landed(),
        settle=settings.drop_settle,
        attempts=settings.job_attempts,
        keeps=settings.tenant_landed_bytes,
        until=datetime.now(UTC) + timedelta(seconds=_SCAN_SECONDS),
    )
    for tenant in sorted(found.unknown_tenants):
        context.log.warning("drop folder: there is no tenant %r", tenant)
    for name in found.of_nobody:
        context.log.warning("drop folder: %r lies in no tenant's folder", name)
    for reason in found.no_room.values():
        context.log.warning("drop folder: %s", printable(reason))
    for said in (*found.left, *found.known):
        context.log.warning("drop folder: %s", printable(said))
    if not found.recorded:
        return dg.SensorResult(
            skip_reason=dg.SkipReason(
                f"no complete file in {landing.drop()} ({found.unfinished} still settling; "
                f"unknown tenants: {', '.join(sorted(found.unknown_tenants)) or 'none'}; "
                f"no room: {', '.join(sorted(found.no_room)) or 'none'})"
            )
        )
    observation = dg.AssetMaterialization(
        UPLOADS.key,
        metadata={"files": len(found.recorded), "upload_ids": str(found.recorded[:100])},
    )
    return dg.SensorResult(asset_events=[observation])


@dg.op(description="Deletes expired upload sessions, unfinished files and old idempotency keys.")
def sweep_uploads(
    context: dg.OpExecutionContext,
    configuration: Configuration,
    database: Database,
    landing: LandingStore,
) -> None:
    """Take away what uploads have left behind."""
    engine, settings, store = database.engine(), configuration.read(), landing.landed()
    swept = sweep(engine, store, idempotency_retention=settings.idempotency_retention)
    old_files = 0
    if days := settings.landed_retention_days:
        old_files = landed.remove_old(engine, store, keep=timedelta(days=days))
    done = {**asdict(swept), "old_files": old_files}
    context.log.info("swept %s", done)
    context.add_output_metadata(done)


@dg.job(
    name="sweep",
    description="Takes away what uploads have left behind.",
    tags=sensing.run_tags(WING.name),
)
def sweep_job() -> None:
    """One step."""
    sweep_uploads()


daily_sweep = dg.ScheduleDefinition(
    name="daily_sweep",
    job=sweep_job,
    cron_schedule="23 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sweeps every night.",
)
