"""Levels that have moved: a day's median distance from what is usual, and where it began.

d: the median of (hour's median − b) over the last 24 hours that had readings (seasonal.py).
z: d against its own median and median deviation of the 8 weeks before, at least a quarter of the
   scale of single points (the standard error of a median of 24 is 1.25/√24 of it).

A shift is told when |z| ≥ 6 held for 36 hours, and is over when |z| < 3: either the level is back,
or the weeks before have become what it is. Its begin is where two means fit the residuals best (one
change point by least squares: Page, 1955).
"""

from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import HOUR
from ingestion_pipeline.foundation.unusual.middles import MAD_TO_SIGMA, middle
from ingestion_pipeline.foundation.unusual.seasonal import Seasonal, rows_of, table_of
from ingestion_pipeline.foundation.unusual.series import Floats, Series

DAYS = 56  # that a day's distance is measured against
FEWEST_DAYS = 14
HIGH, LOW = 6.0, 3.0  # z
HELD = 36 * HOUR
RARITY = 0.04  # false alarms a week: the upper bound of 0 in 72 weeks
_BEFORE = 48 * HOUR  # in which the begin is looked for
_FLOOR = 0.25
_AT_ONCE = 512  # days


@dataclass(frozen=True)
class Shift:
    """A level that has moved.

    Attributes:
        began, raised, ended: indices of points; `ended` None while it lasts.
        up: whether it has risen.
        value: the mean of the points from its begin until it was told.
        usual: the mean of what is usual there.
        reach: how far from it a day usually is.
    """

    began: int
    raised: int
    ended: int | None
    up: bool
    value: float
    usual: float
    reach: float


def shifts_of(series: Series, seasonal: Seasonal) -> list[Shift]:
    """The shifts of a series, oldest first."""
    cells = seasonal.cells
    score, scale = _scores(seasonal)
    when = series.instants[cells.first]
    found: list[Shift] = []
    open_: tuple[int, int, int] | None = None  # cells in which it began and was told, sign
    start, sign = -1, 0
    # The last hour may not be over.
    for cell, z in enumerate(score[:-1].tolist()):
        if open_ is not None:
            if not z * open_[2] >= LOW:
                found.append(_shift(series, seasonal, open_, cell, scale))
                open_, start = None, -1
            continue
        here = (z >= HIGH) - (z <= -HIGH)
        if not here:
            start = -1
        elif start < 0 or here != sign:
            start, sign = cell, here
        elif when[cell] - when[start] >= HELD:
            open_ = (start, cell, sign)
    if open_ is not None:
        found.append(_shift(series, seasonal, open_, None, scale))
    return found


def _scores(seasonal: Seasonal) -> tuple[Floats, Floats]:
    """z of each cell's distance, and its scale; NaN where it is unknown."""
    cells = seasonal.cells
    table = table_of(cells, seasonal.distance)
    center, spread = np.full((2, len(cells.days)), np.nan)
    for first in range(0, len(cells.days), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        days = table[rows_of(cells.days, cells.days[part, None] - np.arange(1, DAYS + 1))]
        known = np.sum(~np.all(np.isnan(days), axis=2), axis=1) >= FEWEST_DAYS
        flat = days.reshape(len(days), DAYS * 24)
        middles = middle(flat)
        center[part] = np.where(known, middles, np.nan)
        spread[part] = middle(np.abs(flat - middles[:, None])) * MAD_TO_SIGMA
    scale = np.maximum(spread[cells.row], _FLOOR * seasonal.scale[cells.first])
    with np.errstate(divide="ignore", invalid="ignore"):
        return (seasonal.distance - center[cells.row]) / scale, scale


def _shift(
    series: Series,
    seasonal: Seasonal,
    cells: tuple[int, int, int],
    ended: int | None,
    scale: Floats,
) -> Shift:
    first = seasonal.cells.first
    told = int(first[cells[1] + 1])  # a point that came when the hour was over
    early = int(np.searchsorted(series.instants, series.instants[first[cells[0]]] - _BEFORE))
    began = early + _change(series.values[early:told] - seasonal.base[early:told])
    span = slice(began, told)
    return Shift(
        began=began,
        raised=told,
        ended=None if ended is None else _back(series, seasonal, int(first[ended]), cells[2]),
        up=cells[2] > 0,
        value=float(np.mean(series.values[span])),
        usual=float(np.nanmean(seasonal.base[span])),
        reach=float(LOW * scale[cells[0]]),
    )


def _change(residual: Floats) -> int:
    """Where the second of two means begins: the split with the least squares."""
    known = np.flatnonzero(~np.isnan(residual))
    low, high = np.quantile(residual[known], [0.05, 0.95])
    clipped = np.clip(residual[known], low, high)
    count = len(clipped)
    if count < 2:
        return 0
    left = np.arange(1, count)
    sums = np.cumsum(clipped)[:-1]
    gain = (sums - left * clipped.mean()) ** 2 / (left * (count - left))
    return int(known[int(np.argmax(gain)) + 1])


def _back(series: Series, seasonal: Seasonal, point: int, sign: int) -> int:
    """The first point that was usual again, seen from where the day's median was."""
    early = int(np.searchsorted(series.instants, series.instants[point] - _BEFORE))
    residual = series.values[early : point + 1] - seasonal.base[early : point + 1]
    if len(residual) < 2 or np.all(np.isnan(residual)):
        return point
    changed = early + _change(residual)
    after = series.values[changed : point + 1] - seasonal.base[changed : point + 1]
    before = residual[: changed - early]
    # Where nothing stepped back the weeks before have become what it is: it is over now.
    stepped = sign * (np.nanmean(before) - np.nanmean(after)) > 0 if changed > early else False
    return changed if stepped else point
