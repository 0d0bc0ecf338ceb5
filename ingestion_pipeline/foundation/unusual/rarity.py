"""How rare a score is in its own series: false alarms a week, were it the threshold.

P(score ≥ s) = 0.02 · exp(−(s − u) / β) above u, the 98th percentile of the scores before; β is the
mean excess over u (peaks over threshold with an exponential tail: Pickands, 1975; Davison & Smith,
1990). Below u it is the share that was as high. Times points a week: false alarms a week. It is
never said to be rarer than once in ten times as long as was watched.

The scores before are those of the 13 weeks before the point's day.
"""

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Floats, Ints

WATCHED_DAYS = 91
TAIL = 0.02
FEWEST = 50  # scores, with fewer before nothing is told
LIMIT = 0.995
BEYOND = 10.0  # times as long as was watched


def tails_of(scores: Floats, days: Ints) -> tuple[Floats, Floats]:
    """How rare each score is, and how high one may usually be.

    Args:
        scores: float64[n], NaN where unknown.
        days: int64[n], ascending.

    Returns:
        (rarity, limit), float64[n] each: false alarms a week, NaN where the score is unknown or too
        few came before; the 99.5th percentile of the scores before, NaN where too few came.
    """
    rarity, limit = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
    known = np.flatnonzero(~np.isnan(scores))
    score, day = scores[known], days[known]
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    if not len(starts):
        return rarity, limit
    for start, stop in zip(starts, np.append(starts[1:], len(days)), strict=True):
        first, last = np.searchsorted(day, [days[start] - WATCHED_DAYS, days[start]])
        if last - first < FEWEST:
            continue
        before = np.sort(score[first:last])
        limit[start:stop] = before[int((last - first - 1) * LIMIT)]
        weeks = (days[start] - day[first]) / 7
        rarity[start:stop] = _rarity(before, scores[start:stop], weeks)
    return rarity, limit


def _rarity(before: Floats, scores: Floats, weeks: float) -> Floats:
    """False alarms a week of scores; NaN stays NaN. `before` is in order."""
    count = len(before)
    u = before[int((count - 1) * (1 - TAIL))]
    excess = before[before > u] - u
    share = (count - np.searchsorted(before, scores)) / count
    if len(excess):
        beyond = TAIL * np.exp(-np.maximum(scores - u, 0) / excess.mean())
        share = np.where(scores > u, beyond, share)
    share = np.where(np.isnan(scores), np.nan, np.maximum(share, 1 / (BEYOND * count)))
    return np.asarray(share * count / weeks)
