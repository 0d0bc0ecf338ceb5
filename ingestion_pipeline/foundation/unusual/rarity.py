"""How rare a score is in its own series: false alarms a week, were it the threshold.

P(score ≥ s) = p · exp(−(s − u) / β) above u, the 98th percentile of the scores of the days before;
β is the mean excess over u, p how many exceed it (peaks over threshold with an exponential tail:
Pickands, 1975; Davison & Smith, 1990), but never less than the share that was as high: what comes
back each week is heavier than exponential. Below u it is that share. β and p count the day's own
scores as they come: the second hour of an incident is no longer as rare as the first. Times points
a week: false alarms a week. It is never said to be rarer than once in ten times as long as was
watched.

The scores before are those of the 13 weeks before the point's day. Of the highest days as many as
may have had a false alarm in that time are left out, if they are three times as high as all others:
an incident, or the first weekend that was ever seen, must not hide the next one for a quarter.
"""

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Bools, Floats, Ints

WATCHED_DAYS = 91
ALLOWED = 0.25  # false alarms a week and series
TAIL = 0.02
FEWEST = 50  # scores, with fewer before nothing is told
LIMIT = 0.995
_LEAST = 1e-3  # of u
_INCIDENT = 3.0  # times as high as the highest of all other days
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
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    if not len(known):
        return rarity, limit
    score, day = scores[known], days[known]
    begins = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    sizes = np.diff(begins, append=len(day))
    highest = np.maximum.reduceat(score, begins)
    for start, stop in zip(starts, np.append(starts[1:], len(days)), strict=True):
        first, last = np.searchsorted(day[begins], [days[start] - WATCHED_DAYS, days[start]])
        if first == last:
            continue
        weeks = (days[start] - day[begins[first]]) / 7
        kept = np.repeat(_without_incidents(highest[first:last], weeks), sizes[first:last])
        before = np.sort(score[begins[first] : begins[first] + len(kept)][kept])
        if len(before) >= FEWEST:
            limit[start:stop] = before[int((len(before) - 1) * LIMIT)]
            rarity[start:stop] = _rarity(before, scores[start:stop], len(kept) / weeks)
    return rarity, limit


def tails_of_sure(scores: Floats, days: Ints, sure: Bools) -> tuple[Floats, Floats]:
    """The same; what is sure is calibrated by nothing that is a guess."""
    rarity, limit = tails_of(scores, days)
    rarity[sure], limit[sure] = tails_of(scores[sure], days[sure])
    return rarity, limit


def _without_incidents(highest: Floats, weeks: float) -> Bools:
    """Which days count, by their highest scores."""
    may = int(ALLOWED * weeks)
    if not may or may >= len(highest):
        return np.ones(len(highest), dtype=bool)
    next_ = np.partition(highest, -may - 1)[-may - 1]
    return np.asarray(highest <= _INCIDENT * next_, dtype=bool)


def _rarity(before: Floats, scores: Floats, a_week: float) -> Floats:
    """False alarms a week of a day's scores; NaN stays NaN. `before` is in order, `scores` as they
    came; so many come a week."""
    count = len(before)
    u = before[int((count - 1) * (1 - TAIL))]
    least = _LEAST * u  # a tail of rounding errors is none
    excess = before[np.searchsorted(before, u + least, side="right") :] - u
    share = (count - np.searchsorted(before, scores - least)) / count
    over = np.where(scores > u + least, scores - u, 0.0)  # NaN is not over
    came: Ints = np.cumsum(over > 0) - (over > 0)
    sums: Floats = np.cumsum(over) - over
    exceeding: Ints = came + len(excess)
    tail = (over > 0) & (exceeding > 0)
    beta = (excess.sum() + sums[tail]) / exceeding[tail]
    beyond = exceeding[tail] / (count + came[tail]) * np.exp(-over[tail] / beta)
    share[tail] = np.maximum(share[tail], beyond)
    share = np.where(np.isnan(scores), np.nan, np.maximum(share, 1 / (BEYOND * count)))
    return np.asarray(share * a_week)
