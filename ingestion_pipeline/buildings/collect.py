"""A day of a site: its windows one after the other, and the weather beside them.

A window that is complete is not fetched again by an attempt that goes on where an earlier one
failed. Once the day is complete it is forgotten: the next collection fetches all of it, and finds
what came late.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.buildings.checkpoint import LIFETIME, Checkpoints
from ingestion_pipeline.buildings.contract import Counts, Dialect, Window, day_of, windows_of
from ingestion_pipeline.buildings.days import DayResult, record_day
from ingestion_pipeline.buildings.merge import abandoned
from ingestion_pipeline.buildings.points import points_of
from ingestion_pipeline.buildings.source import AceIot
from ingestion_pipeline.buildings.weather import WeatherCounts, collect_weather
from ingestion_pipeline.buildings.window import WindowResult, collect_window, lock_of
from ingestion_pipeline.errors import ConfigurationError
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


def collect_day(
    engine: sa.Engine,
    source: AceIot,
    site: str,
    day: date,
    *,
    options: Options | None = None,
    checkpoints: Checkpoints | None = None,
    on_progress: OnProgress | None = None,
    now: datetime | None = None,
) -> DayResult:
    """Collect a UTC day of a site; doing it again changes nothing but what changed at the source.

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
        ConfigurationError: the day is in the future, or no point is configured.
        ContractError, UpstreamRefusedError: the API's answers can't be used; see window.py.
        UpstreamUnavailableError, CircuitOpenError: it does not answer; the next attempt goes on.
    """
    options, checkpoints = options or Options(), checkpoints or Checkpoints(engine)
    started, before = time.monotonic(), source.counts
    now = now or datetime.now(UTC)
    windows = windows_of(day, options.window, until=now)
    if not windows:
        raise ConfigurationError(f"{day}: has not begun")
    _sweep(engine, checkpoints)
    points = points_of(source, site, options.points) if options.time_series else frozenset()
    with ThreadPoolExecutor(1, thread_name_prefix="weather") as pool:
        weather = (
            pool.submit(collect_weather, engine, source, site, day_of(day))
            if options.weather
            else None
        )
        results: list[WindowResult] = []
        if options.time_series:
            results = _collect_windows(
                engine, source, site, day, windows=windows, points=points, options=options,
                checkpoints=checkpoints, on_progress=on_progress,
            )  # fmt: skip
        weather_counts = WeatherCounts() if weather is None else weather.result()
    if (
        options.time_series
        and options.points is not None
        and not any(each.counts.fetched for each in results)
    ):
        source.configured_points(site)  # refused where the site, or the API, is not there at all
    after = source.counts
    result = DayResult(
        site=site,
        day=day,
        counts=sum((each.counts for each in results), Counts()),
        configured_points=len(points),
        missing_points=tuple(
            sorted(points.intersection(*(each.missing_points for each in results)))
        ),
        requests=after.requests - before.requests,
        retries=after.retries - before.retries,
        seconds=time.monotonic() - started,
        complete=windows[-1].end == day_of(day).end,
        resumed=any(each.resumed_at for each in results),
        dialect=next((each.dialect for each in results if each.dialect), None),
        weather=weather_counts,
    )
    if options.time_series:
        record_day(engine, result, points, options.run_id)
        _say_skipped(site, results)
    return result


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
