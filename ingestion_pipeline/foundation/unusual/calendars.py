"""Days and hours as people live them: by the wall clock of a zone, with holidays.

A day is a number (days since 1970 of the zone's own calendar), an hour 0 to 23 of its clock. When
clocks go forward one hour is not there, when they go back one is there twice and is one cell.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from ingestion_pipeline.foundation.unusual.series import Bools, Ints

DAY = 86_400  # seconds
HOUR = 3_600
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
    weeks = np.append(np.arange(first, last, 7 * DAY), last)
    begins, offsets = [first], [_offset(zone, first)]
    for low, high in zip(weeks[:-1].tolist(), weeks[1:].tolist(), strict=True):
        while _offset(zone, high) != offsets[-1]:
            below, above = low, high
            while above - below > 1:
                middle = (below + above) // 2
                if _offset(zone, middle) == offsets[-1]:
                    below = middle
                else:
                    above = middle
            begins.append(above)
            offsets.append(_offset(zone, above))
            low = above
    return np.array(begins, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _offset(zone: ZoneInfo, instant: int) -> int:
    moved = datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset()
    return int(moved.total_seconds()) if moved else 0
