"""What is to be told of a series: each thing once, with since when, how far and how rare.

A finding's `kind`, `began` and `raised` stay as they are once told; `ended` comes later. A shift
absorbs the spikes and drops that it is made of, at its begin and at its end, and so does a value
that is stuck: they are named by what has absorbed them, and are told no more.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY
from ingestion_pipeline.foundation.unusual.rarity import WATCHED_DAYS
from ingestion_pipeline.foundation.unusual.seasonal import WEEKS
from ingestion_pipeline.foundation.unusual.series import Bools
from ingestion_pipeline.foundation.unusual.usual import ALLOWED, Assessed

Kind = Literal["spike", "drop", "stuck", "level_shift", "gap"]
_JOINED = 2  # usual points between two that are not: still one finding


@dataclass(frozen=True)
class Finding:
    """Something out of the ordinary.

    Attributes:
        kind: what it is.
        began: the first instant that is not usual (seconds since 1970 in UTC); of a gap the last
            that was.
        ended: the first that is again; None while it lasts.
        raised: the instant at which it could be told.
        value: the farthest from usual; None for a gap.
        at: the instant of that value.
        low, middle, high: what was usual at that instant; None where nobody can say.
        weeks: (instant, value) at the same hour of the weeks before, oldest first, at most 8.
        rarity: false alarms a week, were this the threshold.
        watched: weeks of history behind it.
        absorbed: kind and begin of what had been told before it, and is a part of it.
    """

    kind: Kind
    began: int
    ended: int | None
    raised: int
    value: float | None
    at: int
    low: float | None
    middle: float | None
    high: float | None
    weeks: tuple[tuple[int, float], ...]
    rarity: float | None
    watched: float
    absorbed: tuple[tuple[Kind, int], ...] = ()


def findings_of(
    assessed: Assessed, *, now: int, since: int | None = None, allowed: float = ALLOWED
) -> list[Finding]:
    """What is to be told of a series, oldest first.

    Args:
        assessed: from `assess`, of a series that begins `LOOK_BACK_DAYS` before `since`.
        now: the instant at which it is asked; a gap may reach up to it.
        since: what ended before is left out; None: all.
        allowed: false alarms a week.
    """
    found = spikes_of(assessed, allowed=allowed)
    found = [each for each in found if each.raised <= now]
    return [each for each in found if since is None or each.ended is None or each.ended > since]


def spikes_of(assessed: Assessed, *, allowed: float) -> list[Finding]:
    """Runs of points that are too high, or too low."""
    rare = np.nan_to_num(assessed.scores.rarity, nan=np.inf) <= allowed
    high = assessed.series.values > assessed.usual.middle
    found = _runs(assessed, "spike", rare & high) + _runs(assessed, "drop", rare & ~high)
    return sorted(found, key=lambda each: each.began)


def _runs(assessed: Assessed, kind: Kind, told: Bools) -> list[Finding]:
    index = np.flatnonzero(told)
    if not len(index):
        return []
    parts = np.split(index, np.flatnonzero(np.diff(index) > _JOINED + 1) + 1)
    return [_finding(assessed, kind, int(part[0]), int(part[-1])) for part in parts]


def _finding(assessed: Assessed, kind: Kind, first: int, last: int) -> Finding:
    """What points from the first to the last come to."""
    series, usual = assessed.series, assessed.usual
    over = last + _JOINED + 1 < len(series)
    span = slice(first, last + 1)
    distance = np.nan_to_num(np.abs(series.values[span] - usual.middle[span]))
    farthest = first + int(np.argmax(distance))
    began = int(series.instants[first])
    rarity = assessed.scores.rarity[span]
    return Finding(
        kind=kind,
        began=began,
        ended=int(series.instants[last + 1]) if over else None,
        raised=began,
        value=float(series.values[farthest]),
        at=int(series.instants[farthest]),
        low=_known(usual.low[farthest]),
        middle=_known(usual.middle[farthest]),
        high=_known(usual.high[farthest]),
        weeks=weeks_before(assessed, farthest),
        rarity=None if np.all(np.isnan(rarity)) else float(np.nanmin(rarity)),
        watched=watched(assessed, began),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def watched(assessed: Assessed, instant: int) -> float:
    """Weeks of history that stand behind what is said of an instant."""
    days = (instant - int(assessed.series.instants[0])) / DAY
    return float(min(days, WATCHED_DAYS) / 7)


def weeks_before(assessed: Assessed, point: int) -> tuple[tuple[int, float], ...]:
    """(instant, value) at the same hour of the up to 8 weeks before, oldest first."""
    cells = assessed.seasonal.cells
    cell = cells.of_point[point]
    hour = cells.hour[cell]
    hours = cells.days[cells.row] * 24 + cells.hour  # of each cell, ascending
    wanted = (cells.compared[cells.row[cell]] - 7 * np.arange(WEEKS, 0, -1)) * 24 + hour
    index = np.minimum(np.searchsorted(hours, wanted), len(hours) - 1)
    there = index[(hours[index] == wanted) & (index < cell)]
    return tuple(
        (int(assessed.series.instants[at]), float(assessed.seasonal.medians[one]))
        for at, one in zip(cells.first[there], there, strict=True)
    )
