"""Who has gone quiet, and who sends far less than usual: by a sender's own rhythm.

How long nothing came is read from two clocks, which stand still when nothing is due:

- *days*: time, without the days of the week (and holidays) on which this sender does not send. It
  tells a daily file, a weekly one, a monthly one.
- *hours*: how many arrivals were to be expected, by what usually comes in each quarter of an hour
  of the week. It tells who sends all day, or in office hours. (Time-rescaling: a process read by
  its own rate has even intervals; Brown et al., 2002.)

A silence is too long when one of the clocks has gone further than in all but as many of the
intervals before as there may be false alarms in that time, and a margin that grows when few were
watched; never below one and a half usual intervals.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY, Calendar
from ingestion_pipeline.foundation.unusual.rarity import ALLOWED, BEYOND
from ingestion_pipeline.foundation.unusual.series import Bools, Floats, Ints

WATCHED_DAYS = 91  # that a rhythm is learnt from, or up to two years while fewer than so many
FEW = 60  # arrivals came
LONGEST_DAYS = 731
FEWEST = 4  # intervals; with fewer it is unknown
FIRST_DAYS = 15  # and before two weekends were seen
_QUARTER = 900
_TICK = 60  # arrivals of one minute are one
_ALL_DAY = 3  # arrivals a day, from which on the hours of the day tell something
_PROFILE_DAYS = 21
_WEEKDAYS_KNOWN = 15  # days with arrivals


@dataclass(frozen=True)
class Arrivals:
    """What came from a sender, or for a series; in any order.

    Attributes:
        instants: int64[n], seconds since 1970 in UTC.
        volumes: float64[n], rows, or points.
    """

    instants: Ints
    volumes: Floats


@dataclass(frozen=True)
class Quiet:
    """A stretch in which nothing came, or days on which far too little did.

    Attributes:
        kind: `silence`: nothing came; `volume`: it came, with far fewer rows.
        began: the last arrival before it (of `volume`: the first of the day).
        ended: the arrival that ended it; None while it lasts. A `volume` ends with its day.
        raised: the instant from which on it was longer than is usual.
        interval: the usual interval in seconds (the median).
        value: rows that came; None for silence.
        usual: rows that usually come; None for silence.
        rarity: false alarms a week, were this the threshold; never less than once in ten times as
            long as was watched.
    """

    kind: Literal["silence", "volume"]
    began: int
    ended: int | None
    raised: int
    interval: float
    value: float | None
    usual: float | None
    rarity: float


@dataclass(frozen=True)
class _Clock:
    """A clock that goes at a rate of its own in each quarter of an hour of the week.

    Attributes:
        rates: float64[7, 96], what it goes in a quarter of an hour.
        furthest: what it may go without an arrival.
    """

    rates: Floats
    furthest: float

    def at(self, instants: Ints, calendar: Calendar) -> Floats:
        """What it shows at instants, ascending; only differences mean anything."""
        begins, offsets = calendar.offsets(int(instants[0]), int(instants[-1]))
        shown = self._at_wall(calendar.wall_clock(instants), calendar)
        # When clocks are put forward or back, no time has gone.
        turns = begins[1:]
        both = np.stack([turns + offsets[:-1], turns + offsets[1:]], axis=1)
        jumps = np.array([np.diff(self._at_wall(np.sort(each), calendar))[0] for each in both])
        jumps = np.where(both[:, 1] < both[:, 0], -jumps, jumps)
        gone = np.append(0.0, np.cumsum(jumps))
        since = gone[np.searchsorted(turns, instants, side="right")]
        return np.asarray(shown - since, dtype=np.float64)

    def _at_wall(self, wall: Ints, calendar: Calendar) -> Floats:
        """What it would show, were clocks never put forward or back."""
        first = int(wall.min()) // DAY
        days = np.arange(first, int(wall.max()) // DAY + 1, dtype=np.int64)
        rows = (calendar.compared(days) + 3) % 7
        before = np.append(0.0, np.cumsum(self.rates.sum(axis=1)[rows]))
        within = np.hstack([np.zeros((7, 1)), np.cumsum(self.rates, axis=1)])
        day, second = wall // DAY - first, wall % DAY
        quarter, part = second // _QUARTER, second % _QUARTER / _QUARTER
        row = rows[day]
        return np.asarray(
            before[day] + within[row, quarter] + part * self.rates[row, quarter], dtype=np.float64
        )


@dataclass(frozen=True)
class _Rhythm:
    """What is known of a sender at some instant."""

    clocks: tuple[_Clock, ...]
    interval: float
    weeks: float


def silences(
    instants: Ints,
    calendar: Calendar,
    *,
    now: int,
    since: int | None = None,
    allowed: float = ALLOWED,
) -> list[Quiet]:
    """The silences that were too long, oldest first; the last may last.

    Args:
        instants: int64[n] of arrivals, in any order; those after `now` are passed over. At least
            `LONGEST_DAYS` of them, or all.
        calendar: whose clock, which holidays.
        now: the instant at which it is asked.
        since: what ended before is left out; None: all.
        allowed: false alarms a week.
    """
    visits = _visits(instants, now)
    if not len(visits):
        return []
    days = calendar.days(visits)
    ends = np.append(visits[1:], now)
    wanted = ends > (visits[0] if since is None else since)
    found: list[Quiet] = []
    for day in np.unique(days[wanted]).tolist():
        first, last = np.searchsorted(days, [day, day + 1])
        rhythm = _rhythm(visits[:first], calendar, allowed=allowed)
        if rhythm is None:
            continue
        # What follows the last arrival of a day is known at the day's own rhythm.
        stretch = np.append(visits[first:last], ends[last - 1])
        long = _too_long(rhythm, stretch, calendar) & wanted[first:last]
        for index in np.flatnonzero(long).tolist():
            begin, end = int(stretch[index]), int(stretch[index + 1])
            lasts = first + index + 1 == len(visits)
            found.append(_silence(rhythm, begin, end, calendar, allowed=allowed, lasts=lasts))
    return found


def _visits(instants: Ints, now: int) -> Ints:
    """Arrivals in order, of each minute the last."""
    ordered = np.unique(np.asarray(instants, dtype=np.int64))
    ordered = ordered[ordered <= now]
    if not len(ordered):
        return ordered
    minute = ordered // _TICK
    return np.asarray(ordered[np.append(minute[1:] != minute[:-1], True)], dtype=np.int64)


def _rhythm(visits: Ints, calendar: Calendar, *, allowed: float) -> _Rhythm | None:
    """What is known from visits; None: too little."""
    if len(visits) <= FEWEST or visits[-1] - visits[0] < FIRST_DAYS * DAY:
        return None
    recent = int(np.searchsorted(visits, visits[-1] - WATCHED_DAYS * DAY))
    oldest = int(np.searchsorted(visits, visits[-1] - LONGEST_DAYS * DAY))
    visits = visits[max(min(recent, len(visits) - FEW), oldest) :]
    if len(visits) <= FEWEST:
        return None
    weeks = float(visits[-1] - visits[0]) / (7 * DAY)
    days = calendar.days(visits)
    weekdays = (calendar.compared(days) + 3) % 7
    active = _active(days, weekdays, weeks)
    rates = np.repeat(active[:, None] * float(_QUARTER), 96, axis=1)
    measures = [rates]
    active_days = max(weeks * float(active.sum()), 1.0)
    if len(visits) >= _ALL_DAY * active_days and weeks * 7 >= _PROFILE_DAYS:
        quarters = calendar.wall_clock(visits) % DAY // _QUARTER
        counts = np.zeros((7, 96))
        np.add.at(counts, (weekdays, quarters), 1.0)
        measures.append(counts / weeks)
    clocks = tuple(_clock(each, visits, calendar, weeks, allowed) for each in measures)
    return _Rhythm(clocks, float(np.median(np.diff(visits))), weeks)


def _active(days: Ints, weekdays: Ints, weeks: float) -> Bools:
    """On which days of the week something comes: bool[7]."""
    seen, first = np.unique(days, return_index=True)
    share = np.bincount(weekdays[first], minlength=7) / weeks
    if len(seen) < _WEEKDAYS_KNOWN or share.max() < 0.5:
        return np.ones(7, dtype=bool)
    return np.asarray(share >= share.max() / 4, dtype=bool)


def _clock(rates: Floats, visits: Ints, calendar: Calendar, weeks: float, allowed: float) -> _Clock:
    """A clock, with how far it may go: half of the allowed alarms are each one's."""
    intervals = np.sort(np.diff(_Clock(rates, 0.0).at(visits, calendar)))[::-1]
    may = min(int(allowed / 2 * weeks), len(intervals) - 1)
    margin = 1.1 + 1 / np.sqrt(len(intervals))
    usual = float(np.median(intervals))
    return _Clock(rates, max(float(intervals[may]) * float(margin), 1.5 * usual))


def _too_long(rhythm: _Rhythm, stretch: Ints, calendar: Calendar) -> Bools:
    """Which of the intervals between instants are longer than may be."""
    found = np.zeros(len(stretch) - 1, dtype=bool)
    for clock in rhythm.clocks:
        found |= np.diff(clock.at(stretch, calendar)) > clock.furthest
    # Clocks may differ by a second of rounding; nothing below two ticks is a silence.
    return found & (np.diff(stretch) > 2 * _TICK)


def _silence(
    rhythm: _Rhythm, begin: int, end: int, calendar: Calendar, *, allowed: float, lasts: bool
) -> Quiet:
    raised, beyond = end, 1.0
    for clock in rhythm.clocks:
        raised = min(raised, _reached(clock, begin, end, calendar))
        gone = float(np.diff(clock.at(np.array([begin, end], dtype=np.int64), calendar))[0])
        beyond = max(beyond, gone / clock.furthest)
    # An exponential tail behind what may be, whose mean is a quarter of it.
    rarity = max(allowed * float(np.exp(-4 * (beyond - 1))), 1 / (BEYOND * rhythm.weeks))
    return Quiet(
        kind="silence",
        began=begin,
        ended=None if lasts else end,
        raised=raised,
        interval=rhythm.interval,
        value=None,
        usual=None,
        rarity=rarity,
    )


def _reached(clock: _Clock, begin: int, end: int, calendar: Calendar) -> int:
    """When a clock has gone as far as it may since an instant; the end, if it has not."""
    grid = np.append(np.arange(begin, end, _QUARTER, dtype=np.int64), end)
    gone = clock.at(grid, calendar)
    gone = gone - gone[0]
    over = int(np.searchsorted(gone, clock.furthest, side="right"))
    if over == len(grid):
        return end
    part = (clock.furthest - gone[over - 1]) / (gone[over] - gone[over - 1])
    return int(grid[over - 1] + np.ceil(part * (grid[over] - grid[over - 1])))


def volume_drops(
    arrivals: Arrivals,
    calendar: Calendar,
    *,
    now: int,
    since: int | None = None,
    allowed: float = ALLOWED,
) -> list[Quiet]:
    """Days on which far fewer rows came than is usual; told when the day is over.

    A day is compared with the same weekday of the 8 weeks before, or with the 14 days before as
    long as there are fewer than 3 of those. Days on which nothing came are not compared: they are
    silence, or they are usual. What is told has less than half of the usual rows, and less, in
    proportion, than all but as many days before as there may be false alarms.

    Args, order: as `silences`.
    """
    kept = (arrivals.instants <= now) & np.isfinite(arrivals.volumes) & (arrivals.volumes >= 0)
    order = np.argsort(arrivals.instants[kept], kind="stable")
    instants, volumes = arrivals.instants[kept][order], arrivals.volumes[kept][order]
    if not len(instants):
        return []
    days, first = np.unique(calendar.days(instants), return_index=True)
    totals = np.add.reduceat(volumes, first)
    usual = _usual_totals(days, totals, calendar)
    ratio = np.log1p(totals) - np.log1p(usual)
    today = int(calendar.days(np.array([now], dtype=np.int64))[0])
    found: list[Quiet] = []
    interval = float(np.median(np.diff(days)) * DAY) if len(days) > 1 else float(DAY)
    for index in np.flatnonzero((totals < usual / 2) & (days < today)).tolist():
        known = (days[:index] >= days[index] - LONGEST_DAYS) & ~np.isnan(ratio[:index])
        before = np.sort(ratio[:index][known])
        if len(before) < 2 * FEWEST:
            continue
        weeks = max(float(days[index] - days[:index][known][0]) / 7, 1.0)
        may = min(int(allowed * weeks), len(before) - 1)
        if ratio[index] >= before[may] * (1.1 + 1 / np.sqrt(len(before))):
            continue
        over = calendar.begin(int(days[index]) + 1)
        if since is None or over > since:
            rarity = max(allowed / (1 + may), 1 / (BEYOND * weeks))
            came, usually = float(totals[index]), float(usual[index])
            began = int(instants[first[index]])
            found.append(Quiet("volume", began, over, over, interval, came, usually, rarity))
    return found


def _usual_totals(days: Ints, totals: Floats, calendar: Calendar) -> Floats:
    """What usually comes on each day; NaN where nobody can say yet."""
    from ingestion_pipeline.foundation.unusual.seasonal import Cells, bases_of

    count = np.arange(len(days), dtype=np.int64)
    ordinary = ~calendar.is_holiday(days)
    zero = np.zeros(len(days), dtype=np.int64)
    compared = calendar.compared(days)
    return bases_of(Cells(count, count, count, zero, days, compared, ordinary), totals)[0]
