"""A day of a site: its windows one after the other, and the weather beside them.

A window that is complete is not fetched again by an attempt that goes on where an earlier one
failed. Once the day is complete it is forgotten: the next collection fetches all of it, and finds
what came late.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.buildings.checkpoint import LIFETIME, Checkpoints
from ingestion_pipeline.buildings.contract import Counts, Dialect, Window, day_of, windows_of
from ingestion_pipeline.buildings.days import SAMPLES, WEATHER, DayResult, Half, record_day
from ingestion_pipeline.buildings.merge import abandoned
from ingestion_pipeline.buildings.points import points_of
from ingestion_pipeline.buildings.refusals import counted_reasons, why_nothing_is_kept
from ingestion_pipeline.buildings.source import AceIot
from ingestion_pipeline.buildings.weather import WeatherCounts, collect_weather
from ingestion_pipeline.buildings.window import WindowResult, collect_window, lock_of
from ingestion_pipeline.errors import ConfigurationError, IngestionError
from ingestion_pipeline.settings import Settings
from ingestion_pipeline.storage import locks

logger = logging.getLogger(__name__)

_SHOWN_POINTS = 20


@dataclass(frozen=True)
class Options:
    """How days are collected."""

    window: timedelta = timedelta(hours=1)
    most_pages: int = 1000
    points: frozenset[str] | None = None
    time_series: bool = True
    weather: bool = True
    run_id: str | None = None

    @classmethod
    def configured(cls, configuration: Settings) -> "Options":
        """As the settings say."""
        return cls(
            window=configuration.collect_window,
            most_pages=configuration.ace_window_pages,
            points=configuration.configured_point_names,
        )


class _DayProgress(msgspec.Struct):
    """The windows of a day that are complete, by their texts: counts and missing points."""

    bound: str
    done: dict[str, tuple[Counts, frozenset[str], Dialect | None]] = msgspec.field(
        default_factory=dict
    )


OnProgress = Callable[[int, int, Counts], None]


@dataclass(frozen=True)
class Attempt:
    """What an attempt at a day came to.

    Attributes:
        errors: of the halves that could not be collected; the other one is there.
    """

    result: DayResult
    errors: dict[Half, IngestionError]


def collect_day(
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
        on_progress: called with (windows done, windows, counts so far) after every page.
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
    samples = _Samples(engine, source, site, day, windows, options, checkpoints, on_progress)
    errors: dict[Half, IngestionError] = {}
    try:
        samples.read_points()  # before the weather, so that one of them finds a wrong key
    except IngestionError as error:
        errors[SAMPLES] = error
    with ThreadPoolExecutor(1, thread_name_prefix="weather") as pool:
        weather: Future[WeatherCounts] | None = None
        if options.weather:
            weather = pool.submit(collect_weather, engine, source, site, day_of(day))
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


@dataclass
class _Samples:
    """The half of a day that is its samples."""

    engine: sa.Engine
    source: AceIot
    site: str
    day: date
    windows: list[Window]
    options: Options
    checkpoints: Checkpoints
    on_progress: OnProgress | None
    points: frozenset[str] = frozenset()
    results: list[WindowResult] = field(default_factory=list)

    @property
    def counts(self) -> Counts:
        """Of all windows."""
        return sum((each.counts for each in self.results), Counts())

    def read_points(self) -> None:
        """Find out which points are wanted."""
        if self.options.time_series:
            self.points = points_of(self.source, self.site, self.options.points)

    def collect(self) -> None:
        """Collect every window."""
        if not self.options.time_series:
            return
        self.results = _collect_windows(
            self.engine, self.source, self.site, self.day, windows=self.windows,
            points=self.points, options=self.options, checkpoints=self.checkpoints,
            on_progress=self.on_progress,
        )  # fmt: skip
        if self.options.points is not None and not self.counts.fetched:
            # Refused where the site, or the API, is not there at all.
            self.source.configured_points(self.site)

    def missing_points(self) -> tuple[str, ...]:
        """Configured points without a sample, as far as windows were collected."""
        if not self.results:
            return ()
        return tuple(
            sorted(self.points.intersection(*(each.missing_points for each in self.results)))
        )

    def refused(self) -> dict[str, Any]:
        """Why records were refused, and whether that were all."""
        if not self.counts.fetched:
            return {}
        with self.engine.connect() as connection:
            reasons = counted_reasons(connection, self.site, day_of(self.day))
        return {"reasons": reasons, "fault": why_nothing_is_kept(self.counts, reasons)}


def _collect_windows(
    engine: sa.Engine,
    source: AceIot,
    site: str,
    day: date,
    *,
    windows: list[Window],
    points: frozenset[str],
    options: Options,
    checkpoints: Checkpoints,
    on_progress: OnProgress | None,
) -> list[WindowResult]:
    store = checkpoints.usable()
    key = f"checkpoint:{site}:{day}"
    progress = _load(checkpoints, key, f"{options.window} {sorted(points)}")
    results: list[WindowResult] = []
    total = Counts()
    for number, window in enumerate(windows):
        earlier = progress.done.get(str(window))
        if earlier is not None:
            counts, missing, dialect = earlier
            result = WindowResult(counts, missing, frozenset(), dialect, resumed_at=counts.pages)
        else:
            so_far, done = total, number

            def on_page(counts: Counts, so_far: Counts = so_far, done: int = done) -> None:
                if on_progress is not None:
                    on_progress(done, len(windows), so_far + counts)

            result = collect_window(
                engine, source, site, window, points=points, checkpoints=checkpoints,
                most_pages=options.most_pages, on_page=on_page,
            )  # fmt: skip
            progress.done[str(window)] = (result.counts, result.missing_points, result.dialect)
            store.put(key, msgspec.to_builtins(progress), ttl=LIFETIME)
        results.append(result)
        total += result.counts
        if on_progress is not None:
            on_progress(number + 1, len(windows), total)
    store.delete(key)
    return results


def _load(checkpoints: Checkpoints, key: str, bound: str) -> _DayProgress:
    entry = checkpoints.usable().get(key)
    if entry is None or entry.value.get("bound") != bound:
        return _DayProgress(bound)
    return msgspec.convert(entry.value, _DayProgress)


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
