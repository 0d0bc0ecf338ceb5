"""When the lake is written: a sensor over what has changed; schedules for sweeping and checks."""

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.outlets.lake.assets import WING, maintenance, tables_of_the_lake
from ingestion_pipeline.outlets.lake.catalogue import NONE
from ingestion_pipeline.outlets.lake.tables import BY_NAME

EVERY_SECONDS = 60  # a run costs some seconds; what is newer is in the database
_PAUSE_SECONDS = 30  # twice that after a failure, then twice as long each time
# What could not be written is tried again when something of it has changed.
_DUE = sa.text("""
    SELECT source, max(change_id), count(*) FROM changed_parts
    WHERE reader = 'lake' AND refused IS NULL GROUP BY source ORDER BY source
""")

write_lake = dg.define_asset_job(
    "write_lake",
    selection=dg.AssetSelection.assets(tables_of_the_lake),  # its checks are a query each
    description="Write what has changed into the lake, and check that nothing was refused.",
    tags=sensing.run_tags(WING.name),
)
check_lake = dg.define_asset_job(
    "check_lake",
    selection=dg.AssetSelection.checks_for_assets(tables_of_the_lake),
    description="Run all checks of the lake.",
    tags=sensing.run_tags(WING.name),
)

keep_lake = dg.define_asset_job(
    "keep_lake",
    selection=dg.AssetSelection.assets(maintenance),
    description="Expire old snapshots of the lake, and delete files that nobody names.",
    tags=sensing.run_tags(WING.name),
)


@dg.sensor(
    job=write_lake,
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a run for tables that have changed since the lake was given them.",
)
def changed_tables(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request a run of the tables that are due; one at a time."""
    if not sensing.resource(context, "lake").is_on():
        return dg.SkipReason(NONE)
    with sensing.resource(context).engine().connect() as connection:
        due = [tuple(row) for row in connection.execute(_DUE)]
        if not due:
            return dg.SkipReason("no table has changed")
        if not roles.are_there(connection):
            return dg.SkipReason(
                "the lake reads under tenants' roles: make them by `ingestion-pipeline db roles`"
            )
    after = sensing.run_before(context, write_lake.name, every=_PAUSE_SECONDS)
    if after is None:
        return dg.SkipReason("a run is at work, or waits after a failure")
    return dg.RunRequest(
        "-".join([*(f"{source}-{newest}-{number}" for source, newest, number in due), after]),
        asset_selection=[WING.key(source) for source, _, _ in due if source in BY_NAME],
        tags=sensing.run_tags(WING.name),
    )


checks_of_lake = dg.ScheduleDefinition(
    name="daily_checks_of_lake",
    job=check_lake,
    cron_schedule="57 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs the checks of the lake every night: that nothing waits, or was refused.",
)


@dg.schedule(
    job=keep_lake,
    cron_schedule="37 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Sweeps the lake every night, where there is one.",
)
def daily_sweep_of_lake(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request a run, unless there is no lake."""
    if not sensing.resource(context, "lake").is_on():
        return dg.SkipReason(NONE)
    return dg.RunRequest(tags=sensing.run_tags(WING.name))
