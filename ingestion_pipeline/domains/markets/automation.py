"""When markets run: a sensor over recorded events; schedules for warming and for macro data."""

from datetime import UTC, datetime

import dagster as dg

from ingestion_pipeline.domains.markets.assets import (
    ASSET_OF,
    ASSETS,
    EVENTS,
    EVENTS_ONLY,
    WING,
)
from ingestion_pipeline.domains.markets.land.events import JOB_KINDS, job_kind, land_warming
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.queues import Queue, queue_sensor
from ingestion_pipeline.orchestration.resources import Configuration, Database

apply_events = dg.define_asset_job(
    "apply_events",
    selection=dg.AssetSelection.groups(WING.name),
    description="Apply the events that have been recorded, and check what they have changed.",
    # The queue tries again what a failed run had claimed; a second retry beside it finds nothing.
    tags={"dagster/max_retries": "0", **sensing.run_tags(WING.name), **EVENTS_ONLY},
)
refresh_macro = dg.define_asset_job(
    "refresh_macro",
    selection=dg.AssetSelection.assets(WING.key("macro_observations")),
    description="Fetch all series of FRED, with all their vintages.",
    tags=sensing.run_tags(WING.name),
)
check_markets = dg.define_asset_job(
    "check_markets",
    selection=dg.AssetSelection.checks_for_assets(EVENTS.key, *(each.key for each in ASSETS)),
    description="Run all checks of markets.",
    tags=sensing.run_tags(WING.name),
)


recorded_events = queue_sensor(
    Queue(
        apply_events.name,
        what="events",
        tag="markets/events",
        kinds=JOB_KINDS,
        batch=lambda configuration: configuration.batch_events,
        assets={job_kind(event_type): asset for event_type, asset in ASSET_OF.items()},
    ),
    name="recorded_events",
    description="Starts one run for all events that are due.",
)


@dg.schedule(
    cron_schedule="7 */6 * * *",
    target=dg.AssetSelection.assets(WING.key("cache")),
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Orders a warming of the caches every six hours.",
)
def cache_warming(
    context: dg.ScheduleEvaluationContext, configuration: Configuration, database: Database
) -> dg.RunRequest | dg.SkipReason:
    """Record the order as an event and a job, and start the run that carries it out."""
    with database.engine().begin() as connection:
        ordered = land_warming(
            connection,
            source="schedule",
            now=datetime.now(UTC),
            max_attempts=configuration.read().job_attempts,
        )
    if ordered.known:
        return dg.SkipReason(f"a warming is under way: {ordered.ingestion_id}")
    moment = context.scheduled_execution_time.isoformat()
    # The schedule has no job of its own that could say the domain.
    tags = {**sensing.run_tags(WING.name), **EVENTS_ONLY}
    return dg.RunRequest(run_key=f"warming-{moment}", tags=tags)


@dg.schedule(
    job=refresh_macro,
    cron_schedule="41 5 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Fetches macro data every day.",
)
def daily_macro(
    context: dg.ScheduleEvaluationContext, configuration: Configuration
) -> dg.RunRequest | dg.SkipReason:
    """Where FRED has been configured."""
    if configuration.read().fred_api_key is None:
        return dg.SkipReason("FRED_API_KEY is not set")
    return dg.RunRequest(run_key=f"macro-{context.scheduled_execution_time.isoformat()}")


daily_checks = dg.ScheduleDefinition(
    name="daily_market_checks",
    job=check_markets,
    cron_schedule="53 5 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs all checks of markets every day.",
)
