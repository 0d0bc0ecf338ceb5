"""When marts are made: a sensor over what has changed; a schedule for their checks."""

from datetime import date, timedelta

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.orchestration import sensing
from ingestion_pipeline.orchestration.partitions import RANGE
from ingestion_pipeline.outlets.marts.all import BY_DAY, WHOLE
from ingestion_pipeline.outlets.marts.assets import ASSETS, DUE_ONLY, FIRST_DAY, PARTITIONS, WING
from ingestion_pipeline.outlets.marts.refresh import Mart

EVERY_SECONDS = 30  # a run costs some seconds; what is newer is in the tables that marts are of
MOST_DAYS = 60  # of a run: for each Dagster writes an event an asset, some 10 ms

_BY_DAY = ["kpi_hourly", "kpi_daily", "building_hours", "orders_daily", "customer_days"]
_WHOLE = ["book_income_daily", "macro_latest"]
_OF = {
    "kpi_points": ["kpi_hourly", "kpi_daily"],
    "timeseries_hourly": ["building_hours"],
    "orders": ["orders_daily", "customer_days"],
    "sales_events": ["book_income_daily"],
    "macro_observations": ["macro_latest"],
}
_DUE = sa.text("""
    SELECT source, max(change_id), count(*),
           min(greatest(least(day, CAST(:last AS date)), CAST(:first AS date))),
           max(greatest(least(day, CAST(:last AS date)), CAST(:first AS date)))
    FROM changed_parts WHERE reader = 'marts' AND source = ANY(:sources) GROUP BY source
""")

refresh_days = dg.define_asset_job(
    "refresh_days_of_marts",
    selection=dg.AssetSelection.assets(*map(WING.key, _BY_DAY)).without_checks(),
    description="Work out the days of marts that have changed.",
    tags=sensing.run_tags(WING.name),
)
refresh_whole = dg.define_asset_job(
    "refresh_marts",
    selection=dg.AssetSelection.assets(*map(WING.key, _WHOLE)).without_checks(),
    description="Work out what has changed of the marts that have no days.",
    tags=sensing.run_tags(WING.name),
)
check_marts = dg.define_asset_job(
    "check_marts",
    selection=dg.AssetSelection.checks_for_assets(*ASSETS),
    description="Run all checks of marts.",
    tags=sensing.run_tags(WING.name),
)


@dg.sensor(
    jobs=[refresh_days, refresh_whole],
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts runs for parts of tables that have changed since marts were made of them.",
)
def changed_parts(
    context: dg.SensorEvaluationContext,
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run of the newest days that are due, and one of the marts that have none."""
    last = date.fromisoformat(PARTITIONS.get_last_partition_key() or FIRST_DAY.isoformat())
    with sensing.resource(context).engine().connect() as connection:
        days = _due(connection, BY_DAY, last)
        whole = _due(connection, WHOLE, last)
    if not days and not whole:
        return dg.SkipReason("no part of a mart has changed")
    requests = []
    if days:
        newest = max(each.last for each in days)
        oldest = max(min(each.first for each in days), newest - timedelta(days=MOST_DAYS - 1))
        requests += _request(
            context, refresh_days.name,
            [each for each in days if each.last >= oldest],
            (oldest.isoformat(), newest.isoformat()),
        )  # fmt: skip
    if whole:
        requests += _request(context, refresh_whole.name, whole, None)
    return requests or dg.SkipReason("runs are at work, or wait after a failure")


class _Due:
    """What is due of a source."""

    def __init__(self, row: tuple[str, int, int, date, date]) -> None:
        self.source, self.newest, self.number, self.first, self.last = row

    @property
    def key(self) -> str:
        """Another one whenever something has changed."""
        return f"{self.source}-{self.newest}-{self.number}"


def _due(connection: sa.Connection, marts: tuple[Mart, ...], last: date) -> list[_Due]:
    """What is due of some marts, days outside of the partitions as the nearest one."""
    bounds = {"first": FIRST_DAY, "last": last, "sources": [mart.source for mart in marts]}
    return [_Due(tuple(row)) for row in connection.execute(_DUE, bounds)]


def _request(
    context: dg.SensorEvaluationContext,
    job_name: str,
    due: list[_Due],
    days: tuple[str, str] | None,
) -> list[dg.RunRequest]:
    """The run of a job for what is due; none, where one is at work or has just failed."""
    after = sensing.run_before(context, job_name, every=EVERY_SECONDS)
    if after is None:
        return []
    run_key = "-".join([*(each.key for each in due), *(days or ()), after])
    tags = {
        **sensing.run_tags(WING.name, *(days or ())),
        **DUE_ONLY,
        "marts/due": str(sum(each.number for each in due)),
    }
    assets = [WING.key(name) for each in due for name in _OF[each.source]]
    if days is None:
        return [dg.RunRequest(run_key, job_name=job_name, asset_selection=assets, tags=tags)]
    first, last = days
    if first == last:
        return [
            dg.RunRequest(
                run_key, job_name=job_name, asset_selection=assets, partition_key=first, tags=tags
            )
        ]
    # Never beside a partition key: Dagster refuses that.
    tags |= dict(zip(RANGE, days, strict=True))
    return [dg.RunRequest(run_key, job_name=job_name, asset_selection=assets, tags=tags)]


checks_of_marts = dg.ScheduleDefinition(
    name="daily_checks_of_marts",
    job=check_marts,
    cron_schedule="47 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Runs the checks of marts every night: that they add up with their tables.",
)
