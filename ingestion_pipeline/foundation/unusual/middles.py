"""Medians of windows that have holes, and what turns a median deviation into a sigma."""

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Floats, Ints

MAD_TO_SIGMA = 1.4826
MEAN_TO_SIGMA = 1.2533  # Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993


def middle(stack: Floats, *, fewest: int = 1) -> Floats:
    """The median along the last axis without NaN; NaN where fewer than `fewest` are left."""
    ordered = np.sort(stack, axis=-1)  # NaN goes last
    there = np.sum(~np.isnan(ordered), axis=-1)
    return _pick(ordered, there, np.where(there >= max(fewest, 1), there, 0))


def _pick(ordered: Floats, there: Ints, enough: Ints) -> Floats:
    low = np.maximum(there - 1, 0) // 2
    high = np.minimum(there // 2, ordered.shape[-1] - 1)
    lower = np.take_along_axis(ordered, low[..., None], axis=-1)[..., 0]
    upper = np.take_along_axis(ordered, high[..., None], axis=-1)[..., 0]
    return np.where(enough > 0, lower + (upper - lower) / 2, np.nan)


def middle_by(groups: Ints, values: Floats) -> Floats:
    """The median of each group: groups int64[n] ascending, values float64[n] → float64[groups]."""
    order = np.lexsort((values, groups))
    ordered = values[order]
    first = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
    counts = np.diff(first, append=len(groups))
    return np.asarray(
        (ordered[first + (counts - 1) // 2] + ordered[first + counts // 2]) / 2, dtype=np.float64
    )
