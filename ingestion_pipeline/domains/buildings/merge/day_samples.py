"""The samples of a day: its windows one after the other.

A window that is complete is not fetched again by an attempt that goes on where an earlier one
failed. Once the day is complete it is forgotten: the next collection fetches all of it, and finds
what came late.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Counts, Dialect, Window, day_of
from ingestion_pipeline.domains.buildings.merge.checkpoint import LIFETIME, Checkpoints
from ingestion_pipeline.domains.buildings.merge.options import OnProgress, Options
from ingestion_pipeline.domains.buildings.merge.refusals import counted_reasons, why_nothing_is_kept
from ingestion_pipeline.domains.buildings.merge.window import WindowResult, merge_window
from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot
from ingestion_pipeline.domains.buildings.sources.ace_iot.points import points_of


class _DayProgress(msgspec.Struct):
    """The windows of a day that are complete, by their texts: counts and missing points."""

    bound: str
    done: dict[str, tuple[Counts, frozenset[str], Dialect | None]] = msgspec.field(
        default_factory=dict
    )


@dataclass
class DaySamples:
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

            result = merge_window(
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
