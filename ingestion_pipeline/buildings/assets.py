"""Buildings as assets, a partition a UTC day and site.

`timeseries_raw` and `weather_raw` are collected side by side from the ACE IoT API; aggregates,
coverage and alerts follow from the samples. Any partition may be made again at any time: the same
rows come out, and what has changed at the source. Where some days of a run fail, those that are
well are recorded, and the run fails for the others.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.buildings import tables
from ingestion_pipeline.buildings.aggregates import aggregate_day, aggregate_hours
from ingestion_pipeline.buildings.alerts import detect_alerts
from ingestion_pipeline.buildings.archive import archive_old_months
from ingestion_pipeline.buildings.checkpoint import Checkpoints
from ingestion_pipeline.buildings.collect import DayResult, Options, collect_day, result_of
from ingestion_pipeline.buildings.coverage import record_gaps
from ingestion_pipeline.buildings.plot import plot_day
from ingestion_pipeline.buildings.source import NAME, AceIot, open_source
from ingestion_pipeline.buildings.weather import snapshot_weather
from ingestion_pipeline.checks import as_table, table_metadata
from ingestion_pipeline.errors import ConfigurationError, IngestionError, is_permanent
from ingestion_pipeline.resources import Database
from ingestion_pipeline.settings import settings
from ingestion_pipeline.storage.database import row_count

GROUP = "buildings"
DAY, SITE = "day", "site"
PARTITIONS = dg.MultiPartitionsDefinition(
    {
        DAY: dg.DailyPartitionsDefinition(start_date=settings().collect_since.isoformat()),
        SITE: dg.StaticPartitionsDefinition(list(settings().site_names)),
    }
)

_SHOWN = 20
_COMMON: dict[str, Any] = {"group_name": GROUP, "owners": ["team:data"], "code_version": "1"}
_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)
_PARTITIONED: dict[str, Any] = {
    "partitions_def": PARTITIONS,
    "backfill_policy": dg.BackfillPolicy.multi_run(30),
    "retry_policy": _RETRIES,
}
Decorator = Callable[[Callable[..., Any]], dg.AssetsDefinition]


def key(name: str) -> dg.AssetKey:
    """The key of a buildings asset."""
    return dg.AssetKey([GROUP, name])


def partition_key(day: date, site: str) -> str:
    """The key of a partition."""
    return str(dg.MultiPartitionKey({DAY: day.isoformat(), SITE: site}))


_SAMPLES = dg.AssetSpec(
    key=key("timeseries_raw"),
    **_COMMON,
    kinds={"python", "postgres", "table"},
    metadata=table_metadata(tables.timeseries_raw),
    description="Samples of the configured points, one row a point and instant, merged so that "
    "collecting again changes only what has changed. What can't be stored is in "
    "`rejected_records`, with the reason.",
)
_WEATHER = dg.AssetSpec(
    key=key("weather_raw"),
    **_COMMON,
    kinds={"python", "postgres", "table"},
    metadata=table_metadata(tables.weather_raw),
    description="Weather at the sites, one row a measure and instant. An API that only knows the "
    "last values has nothing for a day that is over; see `weather_snapshot`.",
)


def _decorator(make: Callable[..., Any], **arguments: Any) -> Decorator:
    """`dg.asset` or `dg.multi_asset` with arguments, of which Dagster still calls one beta."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        decorator: Decorator = make(**arguments)
    return decorator


@_decorator(
    dg.multi_asset,
    name="collect",
    specs=[_SAMPLES, _WEATHER],
    can_subset=True,
    pool=NAME,
    **_PARTITIONED,
)
def collect(
    context: dg.AssetExecutionContext, database: Database
) -> Iterator[dg.MaterializeResult[None]]:
    """Collect every day of the run."""
    engine, configuration = database.engine(), settings()
    wanted = context.selected_asset_keys
    options = replace(
        Options.configured(configuration),
        time_series=_SAMPLES.key in wanted,
        weather=_WEATHER.key in wanted,
        run_id=context.run.run_id,
    )
    checkpoints = Checkpoints.configured(engine, configuration)
    with _source(engine) as source:

        def work(site: str, day: date) -> dict[dg.AssetKey, dict[str, Any]]:
            # A retry of the step does not begin anew with days that are done.
            result = result_of(engine, site, day, run_id=context.run.run_id)
            if result is None or not options.time_series:
                result = collect_day(
                    engine, source, site, day, options=options, checkpoints=checkpoints
                )
            context.log.info(f"{site} {day}: {result.as_dict()}")
            with engine.connect() as connection:
                found = {
                    _SAMPLES.key: _samples_metadata(connection, result),
                    _WEATHER.key: _weather_metadata(connection, result),
                }
            return {each: found[each] for each in wanted}

        _each_partition(context, sorted(wanted), work)
    for each in sorted(wanted):
        yield dg.MaterializeResult(asset_key=each)


@contextmanager
def _source(engine: sa.Engine) -> Iterator[AceIot]:
    """The API; a setting that is missing is no reason to try again."""
    try:
        with open_source(engine, settings()) as source:
            yield source
    except ConfigurationError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def _each_partition(
    context: dg.AssetExecutionContext,
    assets: Sequence[dg.AssetKey],
    work: Callable[[str, date], dict[dg.AssetKey, dict[str, Any]]],
) -> None:
    """Do the work of each partition of the run; one that fails does not stop the others.

    Raises:
        dg.Failure: some failed. The others are recorded; the run is not.
    """
    done: list[tuple[str, dict[dg.AssetKey, dict[str, Any]]]] = []
    failures: dict[str, IngestionError] = {}
    for partition in context.partition_keys:
        site, day = _site_and_day(partition)
        try:
            metadata = work(site, day)
        except IngestionError as error:
            context.log.warning(f"{partition}: {error}")
            failures[partition] = error
        else:
            done.append((partition, metadata))
    if failures:
        for partition, metadata in done:
            for asset in assets:
                context.log_event(
                    dg.AssetMaterialization(asset, metadata=metadata[asset], partition=partition)
                )
        said = "; ".join(f"{each}: {error}" for each, error in list(failures.items())[:_SHOWN])
        raise dg.Failure(
            f"{len(failures)} of {len(failures) + len(done)} partitions failed: {said}",
            allow_retries=not all(map(is_permanent, failures.values())),
        ) from next(iter(failures.values()))
    for partition, metadata in done:
        for asset in assets:
            context.add_asset_metadata(metadata[asset], asset_key=asset, partition_key=partition)


def _site_and_day(partition: str) -> tuple[str, date]:
    keys = PARTITIONS.get_partition_key_from_str(partition).keys_by_dimension
    return keys[SITE], date.fromisoformat(keys[DAY])


def _samples_metadata(connection: sa.Connection, result: DayResult) -> dict[str, Any]:
    counts = result.counts
    c = tables.timeseries_raw.c
    metadata: dict[str, Any] = {
        **asdict(counts),
        "requests": result.requests,
        "retries": result.retries,
        "seconds": round(result.seconds, 3),
        "complete": result.complete,
        "resumed": result.resumed,
        "configured_points": result.configured_points,
        "missing_points": len(result.missing_points),
        "dialect": result.dialect or "unknown",
        "dagster/partition_row_count": counts.kept - counts.duplicates,
        "dagster/row_count": _estimated_rows(connection),
    }
    if result.ratio is not None:
        metadata["kept_ratio"] = round(result.ratio, 4)
    if result.missing_points:
        names = [{"point": name} for name in result.missing_points[:_SHOWN]]
        metadata["missing_point_names"] = as_table(names)
    plot = plot_day(connection, result.site, result.day)
    if plot is not None:
        metadata["plot"] = dg.MetadataValue.md(plot)
        newest = connection.execute(
            sa.select(c.point_name, c.timestamp, c.value, c.value_text, c.quality)
            .where(c.site_name == result.site, c.timestamp >= result.day)
            .where(c.timestamp < sa.cast(result.day, sa.Date) + 1)
            .limit(5)
        )
        metadata["preview"] = as_table(
            [{name: str(value) for name, value in row.items()} for row in newest.mappings()]
        )
    return metadata


def _weather_metadata(connection: sa.Connection, result: DayResult) -> dict[str, Any]:
    weather = result.weather
    return {
        "dialect": weather.dialect or "no feed",
        "fetched": weather.fetched,
        "inserted": weather.inserted,
        "updated": weather.updated,
        "unchanged": weather.unchanged,
        "rejected": weather.rejected,
        "dagster/partition_row_count": weather.fetched - weather.rejected,
        "dagster/row_count": row_count(connection, tables.weather_raw),
    }


def _estimated_rows(connection: sa.Connection) -> int:
    """How many samples there are, by the counts of the days: counting them all takes minutes."""
    c = tables.collected_days.c
    rows = c.result["counts"]["kept"].as_integer() - c.result["counts"]["duplicates"].as_integer()
    return int(connection.scalar(sa.select(sa.func.sum(rows))) or 0)


def _derived(
    name: str, table: sa.Table, description: str, work: Callable[[sa.Engine, str, date], int]
) -> dg.AssetsDefinition:
    """An asset whose rows of a day follow from the day's samples."""

    @_decorator(
        dg.asset,
        key=key(name),
        deps=[_SAMPLES.key],
        kinds={"postgres", "table"},
        description=description,
        metadata=table_metadata(table),
        **_COMMON,
        **_PARTITIONED,
    )
    def derived(
        context: dg.AssetExecutionContext, database: Database
    ) -> dg.MaterializeResult[None]:
        engine = database.engine()

        def each(site: str, day: date) -> dict[dg.AssetKey, dict[str, Any]]:
            rows = work(engine, site, day)
            with engine.connect() as connection:
                total = row_count(connection, table)
            return {
                context.asset_key: {
                    "dagster/partition_row_count": rows,
                    "dagster/row_count": total,
                }
            }

        _each_partition(context, [context.asset_key], each)
        return dg.MaterializeResult()

    return derived


timeseries_hourly = _derived(
    "timeseries_hourly",
    tables.timeseries_hourly,
    "Count, extremes, mean, last value and coverage of every point by UTC hour.",
    aggregate_hours,
)
timeseries_daily = _derived(
    "timeseries_daily",
    tables.timeseries_daily,
    "Count, extremes, mean, last value and coverage of every point by UTC day.",
    aggregate_day,
)
coverage = _derived(
    "coverage",
    tables.timeseries_gaps,
    "What is missing of the day: hours that were not collected, and hours in which a configured "
    "point has no sample. No row, no gap.",
    lambda engine, site, day: len(record_gaps(engine, site, day)),
)
alerts = _derived(
    "alerts",
    tables.alerts,
    "Stretches of samples beyond the limits of a rule in `building_alert_rules`.",
    detect_alerts,
)


@_decorator(
    dg.asset,
    key=key("weather_snapshot"),
    kinds={"python", "postgres"},
    description="The last known weather of every site, each value under its own time, into "
    "`weather_raw`. For the live API, which knows no other; taken by a schedule.",
    # No pool: a request a site must not wait for a backfill, what was an hour ago is gone then.
    retry_policy=_RETRIES,
    **_COMMON,
)
def weather_snapshot(
    context: dg.AssetExecutionContext, database: Database
) -> dg.MaterializeResult[None]:
    """Take the snapshot of every site."""
    engine = database.engine()
    inserted = fetched = 0
    with _source(engine) as source:
        for site in settings().site_names:
            counts = _snapshot(engine, source, site)
            context.log.info(f"{site}: {counts}")
            inserted, fetched = inserted + counts.inserted, fetched + counts.fetched
    with engine.connect() as connection:
        total = row_count(connection, tables.weather_raw)
    return dg.MaterializeResult(
        metadata={"fetched": fetched, "inserted": inserted, "dagster/row_count": total}
    )


def _snapshot(engine: sa.Engine, source: AceIot, site: str) -> Any:
    try:
        return snapshot_weather(engine, source, site)
    except IngestionError as error:
        raise dg.Failure(f"{site}: {error}", allow_retries=not is_permanent(error)) from error


@_decorator(
    dg.asset,
    key=key("archived_months"),
    deps=[_SAMPLES.key],
    kinds={"parquet"},
    description="Months older than RETENTION_MONTHS as Parquet under ARCHIVE_URL; their "
    "partitions are dropped from `timeseries_raw` once the file is proved complete.",
    metadata=table_metadata(tables.archived_months),
    retry_policy=_RETRIES,
    **_COMMON,
)
def archived_months(
    context: dg.AssetExecutionContext, database: Database
) -> dg.MaterializeResult[None]:
    """Archive what is old."""
    engine, configuration = database.engine(), settings()
    archived = archive_old_months(
        engine, keep=configuration.retention_months, archive_url=configuration.archive
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


ASSETS = [
    collect,
    timeseries_hourly,
    timeseries_daily,
    coverage,
    alerts,
    weather_snapshot,
    archived_months,
]
PARTITIONED = [
    _SAMPLES.key, _WEATHER.key, timeseries_hourly.key, timeseries_daily.key, coverage.key,
    alerts.key,
]  # fmt: skip
