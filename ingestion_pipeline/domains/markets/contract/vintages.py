"""Vintages of a series, and how those of a part of real time are put together; pure.

Asked for a period of real time, FRED cuts to it the days on which a row was known. Periods that
follow one another are therefore joined again: what ends with one and goes on with the next is one
vintage.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

Day = date  # for classes that have a member of that name

FIRST_DAY, LAST_DAY = date(1776, 7, 4), date(9999, 12, 31)  # FRED's beginning and end of time


@dataclass(frozen=True)
class Vintage:
    """What was known of a date from one day to another, both inclusive; None: nothing."""

    date: Day
    realtime_start: Day
    realtime_end: Day
    value: Decimal | None


@dataclass(frozen=True)
class Period:
    """Days of real time, both inclusive."""

    start: Day = FIRST_DAY
    end: Day = LAST_DAY


def periods(vintage_dates: Sequence[date], *, most: int) -> Iterator[Period]:
    """All of real time in periods that hold at most so many of these dates, which are in order."""
    starts = [FIRST_DAY, *vintage_dates[most::most]]
    ends = [day - timedelta(days=1) for day in starts[1:]] + [LAST_DAY]
    for start, end in zip(starts, ends, strict=True):
        yield Period(start, end)


def joined(parts: Iterable[tuple[Period, Sequence[Vintage]]]) -> list[Vintage]:
    """The vintages of periods that follow one another, as if they had been asked for at once."""
    known: list[Vintage] = []
    going_on: dict[tuple[Day, Decimal | None], int] = {}
    for period, vintages in parts:
        began, going_on = going_on, {}
        for each in vintages:
            of_before = began.get((each.date, each.value))
            if each.realtime_start == period.start and of_before is not None:
                place = of_before
                known[place] = replace(known[place], realtime_end=each.realtime_end)
            else:
                place = len(known)
                known.append(each)
            if each.realtime_end == period.end:
                going_on[each.date, each.value] = place
    return known
