"""What the values just before are like: a moving median with its deviation, the mean of a week.

z = |x − median| / (1.4826 · median |x_i − median|), over up to 60 values before (the Hampel filter;
Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993). Where more than half of them are equal
the mean deviation · 1.2533 is the scale.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ingestion_pipeline.foundation.unusual.calendars import DAY
from ingestion_pipeline.foundation.unusual.middles import MAD_TO_SIGMA, MEAN_TO_SIGMA
from ingestion_pipeline.foundation.unusual.series import Floats, Series

WINDOW = 60  # values that one is measured against
FEWEST = 8  # with fewer before it nothing is told
WEEK = 7 * DAY
_AT_ONCE = 100_000


@dataclass(frozen=True)
class Local:
    """Of each value the middle and scale of those before it: float64[n], NaN with too few."""

    middle: Floats
    scale: Floats


def middle_and_scale(windows: Floats) -> tuple[Floats, Floats]:
    """Of windows, float64[n, k] → float64[n] each. Where nothing ever moved the scale is 0."""
    with np.errstate(over="ignore", invalid="ignore"):  # values may be as large as a double goes
        middle = np.median(windows, axis=1)
        deviations = np.abs(windows - middle[:, None])
        median_deviation = np.median(deviations, axis=1)
        # More than half of them equal: the mean still tells how far the others are.
        scale = np.where(
            median_deviation > 0,
            median_deviation * MAD_TO_SIGMA,
            deviations.mean(axis=1) * MEAN_TO_SIGMA,
        )
    return middle, scale


def local_of(values: Floats) -> Local:
    """Middle and scale of the 60 before each value; of fewer for the first, NaN for eight."""
    middle, scale = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for index in range(FEWEST, min(WINDOW, len(values))):
        one, other = middle_and_scale(values[:index].reshape(1, -1))
        middle[index], scale[index] = one[0], other[0]
    for first in range(WINDOW, len(values), _AT_ONCE):
        stop = min(first + _AT_ONCE, len(values))
        windows = sliding_window_view(values[first - WINDOW : stop - 1], WINDOW)
        middle[first:stop], scale[first:stop] = middle_and_scale(windows)
    return Local(middle, scale)


def week_of(series: Series) -> Floats:
    """The mean of the 7 days before each point: float64[n], NaN with fewer than eight points.

    Each window is summed by itself: of running sums one huge value spoils all that come later.
    """
    stop = np.arange(len(series))
    start = np.searchsorted(series.instants, series.instants - WEEK)
    counts = stop - start
    # Sums of [start, stop), and between them of one value each, that is passed over.
    sums = np.add.reduceat(series.values, np.stack([start, stop], axis=1).ravel())[::2]
    return np.where(counts >= FEWEST, sums / np.maximum(counts, 1), np.nan)
