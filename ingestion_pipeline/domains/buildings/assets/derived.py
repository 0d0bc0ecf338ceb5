"""What follows from the samples: aggregates, coverage, alerts, the archive."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import tables
from ingestion_pipeline.domains.buildings.assets.collected import SAMPLES
from ingestion_pipeline.domains.buildings.assets.partitions import (
    PARTITIONED,
    WING,
    each_partition,
)
from ingestion_pipeline.domains.buildings.contract.windows import day_of
from ingestion_pipeline.domains.buildings.publish.aggregates import publish_day, publish_hours
from ingestion_pipeline.domains.buildings.publish.alerts import publish_alerts
from ingestion_pipeline.domains.buildings.publish.archive import publish_archive
from ingestion_pipeline.domains.buildings.publish.coverage import publish_gaps
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import preview
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore

_COUNTED_ON = ("value", "quality")
_STATISTICS = {
    "unit": ("metadata",),
    "samples": ("timestamp",),
    "left_out": _COUNTED_ON,
    "minimum": _COUNTED_ON,
    "maximum": _COUNTED_ON,
    "mean": _COUNTED_ON,
    "last": (*_COUNTED_ON, "timestamp"),
    "coverage": ("timestamp",),
}


# The column that says when a row of each table is.
_TIMES = {
    "timeseries_hourly": "hour",
    "timeseries_daily": "day",
    "timeseries_gaps": "gap_start",
    "building_alerts": "started_at",
}


def _of_day(table: sa.Table, site: str, day: date) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of a site's day."""
    time, window = table.c[_TIMES[table.name]], day_of(day)
    if isinstance(time.type, sa.Date):
        return (table.c.site_name == site, time == day)
    return (table.c.site_name == site, time >= window.start, time < window.end)


def _samples(*, own: Sequence[str] = (), **made: Sequence[str]) -> Origin:
    """Columns that are made of the samples'."""
    return Origin(SAMPLES.key, tables.timeseries_raw, made=made, own=own)


def _derived(
    name: str,
    table: sa.Table,
    description: str,
    work: Callable[[sa.Engine, str, date], int],
    origin: Origin,
) -> dg.AssetsDefinition:
    """An asset whose rows of a day follow from the day's samples."""

    @WING.asset(
        name,
        deps=[SAMPLES],
        table=table,
        origin=origin,
        kinds={"postgres", "table"},
        description=description,
        **PARTITIONED,
    )
    def derived(
        context: dg.AssetExecutionContext, database: Database
    ) -> dg.MaterializeResult[None]:
        engine, time = database.engine(), table.c[_TIMES[table.name]]

        def each(site: str, day: date) -> dict[dg.AssetKey, dict[str, Any]]:
            rows = work(engine, site, day)
            with engine.connect() as connection:
                total = row_count(connection, table)
                shown = preview(connection, table, *_of_day(table, site, day), newest_first=time)
            return {
                context.asset_key: {
                    "dagster/partition_row_count": rows,
                    "dagster/row_count": total,
                    **shown,
                }
            }

        each_partition(context, [context.asset_key], each)
        return dg.MaterializeResult()

    return derived


timeseries_hourly = _derived(
    "timeseries_hourly",
    tables.timeseries_hourly,
    "Count, extremes, mean, last value and coverage of every point by UTC hour and unit; numbers "
    "of good quality only, `left_out` counts the others.",
    publish_hours,
    _samples(hour=("timestamp",), **_STATISTICS),
)
timeseries_daily = _derived(
    "timeseries_daily",
    tables.timeseries_daily,
    "Count, extremes, mean, last value and coverage of every point by UTC day and unit; numbers of "
    "good quality only, `left_out` counts the others.",
    publish_day,
    _samples(day=("timestamp",), **_STATISTICS),
)
coverage = _derived(
    "coverage",
    tables.timeseries_gaps,
    "What is missing of the day: hours that were not collected, and hours in which a configured "
    "point has no sample. No row, no gap.",
    lambda engine, site, day: len(publish_gaps(engine, site, day)),
    _samples(**dict.fromkeys(("day", "gap_start", "gap_end"), ("timestamp",)), own=("reason",)),
)
alerts = _derived(
    "alerts",
    tables.alerts,
    "Stretches of samples beyond the limits of a rule in `building_alert_rules`; the sensor "
    "`alerts` tells of each, once.",
    publish_alerts,
    _samples(
        started_at=("timestamp",),
        ended_at=("timestamp",),
        open_ended=("timestamp",),
        samples=("value",),
        extreme=("value",),
        own=("rule_id", "severity", "detected_at", "incident"),
    ),
)


@WING.asset(
    "archived_months",
    deps=[SAMPLES],
    table=tables.archived_months,
    origin=_samples(
        month=("timestamp",),
        rows=("timestamp",),
        own=("archive_id", "location", "bytes", "archived_at"),
    ),
    kinds={"parquet"},
    description="Months older than RETENTION_MONTHS as Parquet under ARCHIVE_URL; their "
    "partitions are dropped from `timeseries_raw` once the file is proved complete.",
)
def archived_months(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    landing: LandingStore,
) -> dg.MaterializeResult[None]:
    """Archive what is old."""
    engine, settings = database.engine(), configuration.read()
    archived = publish_archive(
        engine,
        keep=settings.retention_months,
        archive_url=landing.archive().url,
        followed=settings.lake is not None,
    )
    for each in archived:
        context.log.info(f"{each.month:%Y-%m}: {each.rows} rows → {each.location}")
    with engine.connect() as connection:
        total = row_count(connection, tables.archived_months)
    return dg.MaterializeResult(
        metadata={
            "months": len(archived),
            "rows": sum(each.rows for each in archived),
            "bytes": sum(each.bytes for each in archived),
            "dagster/row_count": total,
        }
    )
