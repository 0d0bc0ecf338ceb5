"""Quality: how far a reading can be trusted; pure.

Two things may be wrong with a reading: it came late or out of order, or it jumps away from those
before it. `high`: neither; `medium`: one; `low`: both, or somebody else says another value for the
same instant.

What a reading is measured against are up to 60 readings before it that came in order. Those don't
change any more, so that grading a day again gives the same grades.
"""

from typing import Any, Literal

Quality = Literal["high", "medium", "low"]

WINDOW = 60  # readings that one is measured against
FEWEST = 8  # with fewer before it nothing is a jump
LIMIT = 6.0  # robust z-scores
_MAD_TO_SIGMA = 1.4826
_MEAN_TO_SIGMA = 1.2533  # Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993


def quality(*, untimely: bool, jump: bool, conflicting: bool) -> Quality:
    """The quality of a reading by what is wrong with it."""
    if conflicting or (untimely and jump):
        return "low"
    return "medium" if untimely or jump else "high"


def jumps(values: Any, in_order: Any, *, start: int) -> Any:
    """Which readings jump away from those before them.

    Args:
        values: float64[n], one series by instant.
        in_order: bool[n], whether a reading came before all newer ones.
        start: the first reading of interest.

    Returns:
        bool[n - start].
    """
    import numpy as np
    from numpy.lib.stride_tricks import sliding_window_view

    found = np.zeros(len(values) - start, dtype=bool)
    baseline = values[in_order]
    before = (np.cumsum(in_order) - in_order)[start:]  # readings in order before each
    full = before >= WINDOW
    if full.any():
        windows = sliding_window_view(baseline, WINDOW)[before[full] - WINDOW]
        found[full] = _stand_out(values[start:][full], windows)
    for index in np.flatnonzero(~full & (before >= FEWEST)):
        window = baseline[: before[index]].reshape(1, -1)
        found[index] = _stand_out(values[start + index : start + index + 1], window)[0]
    return found


def _stand_out(values: Any, windows: Any) -> Any:
    """Which values, float64[n], are far from the middle of their windows, float64[n, k]."""
    import numpy as np

    with np.errstate(over="ignore", invalid="ignore"):  # values may be as large as a double goes
        middle = np.median(windows, axis=1)
        deviations = np.abs(windows - middle[:, None])
        median_deviation = np.median(deviations, axis=1)
        # More than half of them equal: the mean still tells how far the others are.
        scale = np.where(
            median_deviation > 0,
            median_deviation * _MAD_TO_SIGMA,
            deviations.mean(axis=1) * _MEAN_TO_SIGMA,
        )
        # Where nothing ever moved the scale is 0, and any difference is a jump.
        return np.abs(values - middle) > LIMIT * scale
