"""Values that no longer move: one value for longer than the series ever keeps one.

Told when a run of one value has more than twice as many points as all runs of the 13 weeks before,
but as many as there may be false alarms in that time; at least 8 points, and after 14 days. A
series that rests at night or over the weekend has shown by then how long.
"""

from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY
from ingestion_pipeline.foundation.unusual.rarity import BEYOND, WATCHED_DAYS
from ingestion_pipeline.foundation.unusual.series import Series

FEWEST = 8  # points
FIRST_DAYS = 14
_FREQUENT = 20  # runs before, for each that may be passed over: what rarely moves rests for long


@dataclass(frozen=True)
class Stuck:
    """A run of one value: indices of its first and last point, and of that at which it was told."""

    first: int
    last: int
    raised: int
    rarity: float


def stuck_of(series: Series, *, allowed: float) -> list[Stuck]:
    """The runs that are too long, oldest first."""
    if not len(series):
        return []
    moved = np.flatnonzero(np.diff(series.values) != 0) + 1
    begins = np.append(0, moved)
    counts = np.diff(begins, append=len(series))
    ends = begins + counts - 1
    found: list[Stuck] = []
    for run in np.flatnonzero(counts >= FEWEST).tolist():
        begin = int(series.instants[begins[run]])
        if begin - int(series.instants[0]) < FIRST_DAYS * DAY:
            continue
        early = int(np.searchsorted(series.instants[ends], begin - WATCHED_DAYS * DAY))
        weeks = (begin - int(series.instants[begins[early]])) / (7 * DAY)
        before = np.sort(counts[early:run])[::-1]
        may = min(int(allowed * weeks), len(before) // _FREQUENT)
        needed = max(2 * int(before[may]) + 1, FEWEST)
        if counts[run] >= needed:
            raised = int(begins[run]) + needed - 1
            rarity = max(allowed / (1 + may), 1 / (BEYOND * weeks))
            found.append(Stuck(int(begins[run]), int(ends[run]), raised, rarity))
    return found
