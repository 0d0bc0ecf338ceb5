"""Quality: how far a reading can be trusted; pure.

Two things may be wrong with a reading: it came late or out of order, or it jumps away from those
before it. `high`: neither; `medium`: one; `low`: both, or somebody else says another value for the
same instant.

What a reading is measured against are up to 60 readings before it that came in order. Those don't
change any more, so that grading a day again gives the same grades.
"""

from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ingestion_pipeline.foundation.unusual.local import FEWEST, WINDOW, middle_and_scale

Quality = Literal["high", "medium", "low"]

LIMIT = 6.0  # robust z-scores


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
    middle, scale = middle_and_scale(windows)
    with np.errstate(over="ignore", invalid="ignore"):  # values may be as large as a double goes
        # Where nothing ever moved the scale is 0, and any difference is a jump.
        return np.abs(values - middle) > LIMIT * scale
