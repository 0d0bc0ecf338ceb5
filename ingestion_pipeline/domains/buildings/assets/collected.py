"""What comes from the API: samples, weather, the last known weather."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import tables
from ingestion_pipeline.domains.buildings.assets.metadata import samples_metadata, weather_metadata
from ingestion_pipeline.domains.buildings.assets.partitions import (
    PARTITIONED,
    WING,
    each_partition,
)
from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints
from ingestion_pipeline.domains.buildings.merge.day import Attempt, Options, attempt_day
from ingestion_pipeline.domains.buildings.merge.result import Half, result_of
from ingestion_pipeline.domains.buildings.merge.weather import WeatherCounts, snapshot_weather
from ingestion_pipeline.domains.buildings.resources import AceIotApi
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import NAME, AceIot
from ingestion_pipeline.foundation.errors import ConfigurationError, IngestionError, is_permanent
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.partitions import PartlyDoneError
from ingestion_pipeline.orchestration.resources import Configuration, Database, KeyValueStore

SAMPLES = WING.spec(
    "timeseries_raw",
    table=tables.timeseries_raw,
    kinds={"python", "postgres", "table"},
    description="Samples of the configured points, one row a point and instant, merged so that "
    "collecting again changes only what has changed. What can't be stored is in "
    "`rejected_records`, with the reason.",
)
WEATHER = WING.spec(
    "weather_raw",
    table=tables.weather_raw,
    skippable=True,  # where the weather of a day failed: what follows from its samples goes on
    kinds={"python", "postgres", "table"},
    description="Weather at the sites, one row a measure and instant. An API that only knows the "
    "last values has nothing for a day that is over; see `weather_snapshot`.",
)


@WING.multi_asset(
    name="collect", specs=[SAMPLES, WEATHER], can_subset=True, pool=NAME, **PARTITIONED
)
def collect(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    ace_iot: AceIotApi,
    key_value: KeyValueStore,
) -> Iterator[dg.MaterializeResult[None]]:
    """Collect every day of the run."""
    engine, settings = database.engine(), configuration.read()
    wanted = context.selected_asset_keys
    options = replace(
        Options.configured(settings),
        time_series=SAMPLES.key in wanted,
        weather=WEATHER.key in wanted,
        run_id=context.run.run_id,
    )
    checkpoints = Checkpoints.kept(engine, key_value.elsewhere())
    with _opened(ace_iot, engine) as source:

        def work(site: str, day: date) -> dict[dg.AssetKey, dict[str, Any]]:
            # A retry of the step does not begin anew with days that are done.
            result = result_of(engine, site, day, run_id=context.run.run_id)
            if result is not None and options.time_series:
                attempt = Attempt(result, {})
            else:
                attempt = attempt_day(
                    engine, source, site, day, options=options, checkpoints=checkpoints
                )
            context.log.info(f"{site} {day}: {attempt.result.as_dict()}")
            return _metadata_of(context, engine, attempt, wanted)

        whole = each_partition(context, sorted(wanted), work)
    for each in whole:
        yield dg.MaterializeResult(asset_key=each)


def _metadata_of(
    context: dg.AssetExecutionContext,
    engine: sa.Engine,
    attempt: Attempt,
    wanted: AbstractSet[dg.AssetKey],
) -> dict[dg.AssetKey, dict[str, Any]]:
    """What the halves that were collected show of themselves.

    Raises:
        PartlyDoneError: there are no samples, or the weather failed and nothing else was wanted.
    """
    halves: dict[dg.AssetKey, Half] = {SAMPLES.key: "samples", WEATHER.key: "weather"}
    with engine.connect() as connection:
        found = {
            SAMPLES.key: samples_metadata(connection, attempt.result),
            WEATHER.key: weather_metadata(connection, attempt.result),
        }
    done = {each: found[each] for each in wanted if halves[each] not in attempt.errors}
    decisive = attempt.errors.get("samples" if SAMPLES.key in wanted else "weather")
    if decisive is not None:
        raise PartlyDoneError(decisive, done)
    for half, error in attempt.errors.items():
        context.log.error(
            f"{attempt.result.site} {attempt.result.day}: {half}: {printable(str(error))}"
        )
    return done


@WING.asset(
    "weather_snapshot",
    kinds={"python", "postgres"},
    description="The last known weather of every site, each value under its own time, into "
    "`weather_raw`. For the live API, which knows no other; taken by a schedule.",
    # No pool: a request a site must not wait for a backfill, what was an hour ago is gone then.
)
def weather_snapshot(
    context: dg.AssetExecutionContext,
    configuration: Configuration,
    database: Database,
    ace_iot: AceIotApi,
) -> dg.MaterializeResult[None]:
    """Take the snapshot of every site."""
    engine = database.engine()
    inserted = fetched = 0
    with _opened(ace_iot, engine) as source:
        for site in configuration.read().site_names:
            counts = _snapshot(engine, source, site)
            context.log.info(f"{site}: {counts}")
            inserted, fetched = inserted + counts.inserted, fetched + counts.fetched
    with engine.connect() as connection:
        total = row_count(connection, tables.weather_raw)
    return dg.MaterializeResult(
        metadata={"fetched": fetched, "inserted": inserted, "dagster/row_count": total}
    )


def _snapshot(engine: sa.Engine, source: AceIot, site: str) -> WeatherCounts:
    try:
        return snapshot_weather(engine, source, site)
    except IngestionError as error:
        raise dg.Failure(f"{site}: {error}", allow_retries=not is_permanent(error)) from error


@contextmanager
def _opened(ace_iot: AceIotApi, engine: sa.Engine) -> Iterator[AceIot]:
    """The API; a setting that is missing is no reason to try again."""
    try:
        with ace_iot.open(engine) as source:
            yield source
    except ConfigurationError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
