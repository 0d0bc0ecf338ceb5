"""Days and hours as people live them: by the wall clock of a zone, with holidays.

A day is a number (days since 1970 of the zone's own calendar), an hour 0 to 23 of its clock. When
clocks go forward one hour is not there, when they go back one is there twice and is one cell.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Bools, Ints

DAY = 86_400  # seconds
HOUR = 3_600
_YEAR = 366 * DAY
_EPOCH = date(1970, 1, 1)
_SUNDAY = 6  # date.weekday()


@dataclass(frozen=True)
class Calendar:
    """By which clock days and hours are told.

    Attributes:
        zone: a name of the IANA database.
        holidays: days that are compared with Sundays, and that no other day is compared with.
    """

    zone: str = "UTC"
    holidays: frozenset[date] = frozenset()

    def wall_clock(self, instants: Ints) -> Ints:
        """Seconds since 1970-01-01 00:00 of the zone's clock: int64[n], for ascending instants."""
        if not len(instants):
            return instants
        begins, offsets = self.offsets(int(instants[0]), int(instants[-1]))
        return instants + offsets[np.searchsorted(begins, instants, side="right") - 1]

    def offsets(self, first: int, last: int) -> tuple[Ints, Ints]:
        """From which instants on which offset holds (seconds east), from the first to the last."""
        return _offsets(ZoneInfo(self.zone), first, last)

    def days(self, instants: Ints) -> Ints:
        """The day of each instant."""
        return np.asarray(self.wall_clock(instants) // DAY, dtype=np.int64)

    def begin(self, day: int) -> int:
        """The instant at which a day begins; where clocks go forward at midnight, about it."""
        guess = day * DAY
        for _ in range(2):  # the second time with the offset that holds there
            guess += day * DAY - int(self.wall_clock(np.array([guess], dtype=np.int64))[0])
        return guess

    def is_holiday(self, days: Ints) -> Bools:
        """Which days are holidays."""
        numbers = [(day - _EPOCH).days for day in self.holidays]
        return np.isin(days, numbers)

    def compared(self, days: Ints) -> Ints:
        """The day whose weeks before a day is compared with: itself, for a holiday the Sunday after
        (which is itself on a Sunday)."""
        weekday = (days + 3) % 7  # 1970-01-01 was a Thursday
        return np.where(self.is_holiday(days), days + _SUNDAY - weekday, days)


def _offsets(zone: ZoneInfo, first: int, last: int) -> tuple[Ints, Ints]:
    begins, offsets = [first], [_offset(zone, first)]
    for year in range(first // _YEAR, last // _YEAR + 1):
        turns = [turn for turn in _turns(zone, year) if first < turn[0] <= last]
        begins += [turn[0] for turn in turns]
        offsets += [turn[1] for turn in turns]
    return np.array(begins, dtype=np.int64), np.array(offsets, dtype=np.int64)


@lru_cache(maxsize=4096)
def _turns(zone: ZoneInfo, year: int) -> tuple[tuple[int, int], ...]:
    """When another offset begins to hold within a year of ours, and which."""
    found: list[tuple[int, int]] = []
    steps = [*range(year * _YEAR, (year + 1) * _YEAR, 7 * DAY), (year + 1) * _YEAR]
    for low, high in pairwise(steps):
        below, offset = low, _offset(zone, low)
        while _offset(zone, high) != offset:
            above = high
            while above - below > 1:
                middle = (below + above) // 2
                if _offset(zone, middle) == offset:
                    below = middle
                else:
                    above = middle
            below, offset = above, _offset(zone, above)
            found.append((above, offset))
    return tuple(found)


def _offset(zone: ZoneInfo, instant: int) -> int:
    moved = datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()
    return int(moved.total_seconds()) if moved else 0
