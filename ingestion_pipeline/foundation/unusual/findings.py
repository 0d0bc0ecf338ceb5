"""What is to be told of a series: each thing once, with since when, how far and how rare.

A finding's `kind`, `began` and `raised` stay as they are once told; `ended` comes later. A shift
absorbs the spikes and drops that it is made of, at its begin and at its end, and so does a value
that is stuck: they are named by what has absorbed them, and are told no more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR
from ingestion_pipeline.foundation.unusual.rarity import WATCHED_DAYS
from ingestion_pipeline.foundation.unusual.rhythm import silences
from ingestion_pipeline.foundation.unusual.seasonal import WEEKS
from ingestion_pipeline.foundation.unusual.series import Bools
from ingestion_pipeline.foundation.unusual.shift import RARITY as SHIFT_RARITY
from ingestion_pipeline.foundation.unusual.shift import shifts_of
from ingestion_pipeline.foundation.unusual.stuck import stuck_of
from ingestion_pipeline.foundation.unusual.usual import ALLOWED, Assessed

Kind = Literal["spike", "drop", "stuck", "level_shift", "gap"]
_EARLIER, _LATER = 6 * HOUR, 48 * HOUR  # around a turn of the level
_UNSETTLED = 30 * HOUR  # the level is a day's median, what lasts is of 6 hours
_JOINED = 2  # usual points between two that are not, within 6 hours: still one finding
_JOINED_WITHIN = 6 * HOUR


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
    shifts, stuck = _shifts(assessed), _stuck(assessed, allowed)
    points = spikes_of(assessed, allowed=allowed)
    found = [*_absorbing(shifts, points, _belongs), *_absorbing(stuck, points, _overlaps)]
    gone = {(kind, began) for each in found for kind, began in each.absorbed}
    found += [each for each in points if (each.kind, each.began) not in gone]
    found += _gaps(assessed, now=now, since=since, allowed=allowed)
    found = [each for each in found if each.raised <= now]
    kept = [each for each in found if since is None or each.ended is None or each.ended > since]
    return sorted(kept, key=lambda each: (each.began, each.kind))


def _absorbing(
    whole: list[Finding], points: list[Finding], part: Callable[[Finding, Finding], bool]
) -> list[Finding]:
    """Findings with what was told of them before, as spikes and drops."""
    return [
        replace(each, absorbed=tuple((one.kind, one.began) for one in points if part(each, one)))
        for each in whole
    ]


def _belongs(shift: Finding, point: Finding) -> bool:
    """A spike at the begin of a shift up, or at the end of one down; a drop the other way round.

    What is usual follows a new level within a day, so until then it looks like spikes, and the same
    when it goes back. Until it has settled it may go too far as well: then usual points look like
    drops.
    """
    risen = shift.value is not None and shift.middle is not None and shift.value > shift.middle
    same = (point.kind == "spike") == risen
    return any(
        turn is not None
        and turn - _EARLIER <= point.began <= turn + (_LATER if as_it_goes else _UNSETTLED)
        for turn, as_it_goes in ((shift.began, same), (shift.ended, not same))
    )


def _overlaps(stuck: Finding, point: Finding) -> bool:
    last = stuck.ended is None or point.began < stuck.ended
    return last and (point.ended is None or point.ended > stuck.began)


def _shifts(assessed: Assessed) -> list[Finding]:
    when = assessed.series.instants
    return [
        Finding(
            kind="level_shift",
            began=int(when[each.began]),
            ended=None if each.ended is None else int(when[each.ended]),
            raised=int(when[each.raised]),
            value=each.value,
            at=int(when[each.began]),
            low=each.usual - each.reach,
            middle=each.usual,
            high=each.usual + each.reach,
            weeks=weeks_before(assessed, each.began),
            rarity=SHIFT_RARITY,
            watched=watched(assessed, int(when[each.began])),
        )
        for each in shifts_of(assessed.series, assessed.seasonal)
    ]


def _stuck(assessed: Assessed, allowed: float) -> list[Finding]:
    when = assessed.series.instants
    found = []
    for each in stuck_of(assessed.series, allowed=allowed):
        whole = _finding(assessed, "stuck", each.first, each.last)
        over = each.last + 1 < len(when)
        found.append(
            replace(
                whole,
                ended=int(when[each.last + 1]) if over else None,
                raised=int(when[each.raised]),
                rarity=each.rarity,
            )
        )
    return found


def _gaps(assessed: Assessed, *, now: int, since: int | None, allowed: float) -> list[Finding]:
    """Stretches without a point that are longer than the series's own rhythm has them."""
    when = assessed.series.instants
    return [
        Finding(
            kind="gap",
            began=each.began,
            ended=each.ended,
            raised=each.raised,
            value=None,
            at=each.began,
            low=None,
            middle=None,
            high=None,
            weeks=(),
            rarity=each.rarity,
            watched=watched(assessed, each.began),
        )
        for each in silences(when, assessed.calendar, now=now, since=since, allowed=allowed)
    ]


def spikes_of(assessed: Assessed, *, allowed: float) -> list[Finding]:
    """Runs of points that are too high, or too low.

    One begins with a point that is rare enough, and lasts while it is outside of what is usual: the
    longer it lasts the less rare is the next point of it.
    """
    values, usual = assessed.series.values, assessed.usual
    rare = np.nan_to_num(assessed.scores.rarity, nan=np.inf) <= allowed
    high = values > usual.middle
    found = _runs(assessed, "spike", rare & high, values > usual.high)
    found += _runs(assessed, "drop", rare & ~high, values < usual.low)
    return sorted(found, key=lambda each: each.began)


def _runs(assessed: Assessed, kind: Kind, rare: Bools, outside: Bools) -> list[Finding]:
    index = np.flatnonzero(rare | outside)
    between = np.diff(index) - 1
    far = np.diff(assessed.series.instants[index]) > _JOINED_WITHIN
    runs = np.split(index, np.flatnonzero((between > _JOINED) | (between > 0) & far) + 1)
    begun = [run[int(np.argmax(rare[run])) :] for run in runs if np.any(rare[run])]
    return [_finding(assessed, kind, int(run[0]), int(run[-1])) for run in begun]


def _finding(assessed: Assessed, kind: Kind, first: int, last: int) -> Finding:
    """What points from the first to the last come to."""
    series, usual = assessed.series, assessed.usual
    over = last + _JOINED + 1 < len(series) or (
        last + 1 < len(series) and series.instants[-1] - series.instants[last] >= _JOINED_WITHIN
    )
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
