"""A day of a site: its samples, and the weather beside them; neither takes the other down."""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import day_of, windows_of
from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints
from ingestion_pipeline.domains.buildings.merge.day_samples import DaySamples
from ingestion_pipeline.domains.buildings.merge.options import OnProgress, Options
from ingestion_pipeline.domains.buildings.merge.result import (
    SAMPLES,
    WEATHER,
    DayResult,
    Half,
    record_day,
)
from ingestion_pipeline.domains.buildings.merge.staging import abandoned
from ingestion_pipeline.domains.buildings.merge.weather import WeatherCounts, merge_weather
from ingestion_pipeline.domains.buildings.merge.window import WindowResult, lock_of
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.foundation.errors import ConfigurationError, IngestionError
from ingestion_pipeline.foundation.storage import locks

__all__ = ["Attempt", "Options", "attempt_day", "merge_day"]

logger = logging.getLogger(__name__)

_SHOWN_POINTS = 20


@dataclass(frozen=True)
class Attempt:
    """What an attempt at a day came to.

    Attributes:
        errors: of the halves that could not be collected; the other one is there.
    """

    result: DayResult
    errors: dict[Half, IngestionError]


def merge_day(
    engine: sa.Engine, source: AceIot, site: str, day: date, **arguments: Any
) -> DayResult:
    """Collect a day as `attempt_day` does; weather that could not be collected is in the result.

    Raises:
        ConfigurationError: the day is in the future, or no point is configured.
        ContractError, UpstreamRefusedError: the API's answers can't be used; see window.py.
        UpstreamUnavailableError, CircuitOpenError: it does not answer; the next attempt goes on.
    """
    attempt = attempt_day(engine, source, site, day, **arguments)
    options: Options = arguments.get("options") or Options()
    error = attempt.errors.get(SAMPLES if options.time_series else WEATHER)
    if error is not None:
        raise error
    return attempt.result


def attempt_day(
    engine: sa.Engine,
    source: AceIot,
    site: str,
    day: date,
    *,
    options: Options | None = None,
    checkpoints: Checkpoints | None = None,
    on_progress: OnProgress | None = None,
    now: datetime | None = None,
) -> Attempt:
    """Collect a UTC day of a site; doing it again changes nothing but what changed at the source.

    Samples and weather are collected side by side, and neither takes the other down.

    Args:
        engine: of a database whose schema is up to date.
        source: the API.
        site: its name there.
        day: may be today: what is there by now is collected.
        options: how.
        checkpoints: where progress is kept; by default in the database.
        on_progress: see options.py.
        now: for tests.

    Raises:
        ConfigurationError: the day is in the future.
    """
    options, checkpoints = options or Options(), checkpoints or Checkpoints(engine)
    started, before = time.monotonic(), source.counts
    windows = windows_of(day, options.window, until=now or datetime.now(UTC))
    if not windows:
        raise ConfigurationError(f"{day}: has not begun")
    _sweep(engine, checkpoints)
    samples = DaySamples(engine, source, site, day, windows, options, checkpoints, on_progress)
    errors: dict[Half, IngestionError] = {}
    try:
        samples.read_points()  # before the weather, so that one of them finds a wrong key
    except IngestionError as error:
        errors[SAMPLES] = error
    with ThreadPoolExecutor(1, thread_name_prefix="weather") as pool:
        weather: Future[WeatherCounts] | None = None
        if options.weather:
            weather = pool.submit(merge_weather, engine, source, site, day_of(day))
        if not errors:
            try:
                samples.collect()
            except IngestionError as error:
                errors[SAMPLES] = error
        weather_counts = WeatherCounts()
        try:
            weather_counts = WeatherCounts() if weather is None else weather.result()
        except IngestionError as error:
            errors[WEATHER] = error
    after = source.counts
    result = DayResult(
        site=site,
        day=day,
        counts=samples.counts,
        configured_points=len(samples.points),
        missing_points=samples.missing_points(),
        requests=after.requests - before.requests,
        retries=after.retries - before.retries,
        seconds=time.monotonic() - started,
        complete=False,
        over=SAMPLES not in errors and windows[-1].end == day_of(day).end,
        failed={half: str(error) for half, error in errors.items()},
        resumed=any(each.resumed_at for each in samples.results),
        dialect=next((each.dialect for each in samples.results if each.dialect), None),
        weather=weather_counts,
        **samples.refused(),
    )
    asked: set[Half] = {SAMPLES} if options.time_series else set()
    if options.weather:
        asked.add(WEATHER)
    result = record_day(engine, result, samples.points, options.run_id, asked=frozenset(asked))
    _say_skipped(site, samples.results)
    return Attempt(result, errors)


def _say_skipped(site: str, results: list[WindowResult]) -> None:
    """Which points were not configured: once a run, by name."""
    names = sorted(set().union(*(each.skipped_points for each in results)))
    if names:
        shown = ", ".join(names[:_SHOWN_POINTS]) + (", …" if len(names) > _SHOWN_POINTS else "")
        logger.info(
            "%s: %d points are not configured and were skipped: %s", site, len(names), shown
        )


def _sweep(engine: sa.Engine, checkpoints: Checkpoints) -> None:
    """Drop what killed collections have staged, once their checkpoints are gone."""
    store = checkpoints.usable()
    with engine.connect() as connection:
        tables = abandoned(connection)
    for table, key in tables:
        if store.get(key) is not None:
            continue
        with engine.begin() as connection:
            if locks.try_hold(connection, lock_of(key)):
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
