"""Series and senders of which it is known what is unusual in them."""

from datetime import date

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.findings import Finding, findings_of
from ingestion_pipeline.foundation.unusual.series import Floats, Ints, series_of
from ingestion_pipeline.foundation.unusual.usual import assess

BERLIN = Calendar("Europe/Berlin")
# Monday, 13 January 2025, 00:00 in Berlin: clocks go forward after eleven weeks.
START = 1_736_722_800
WEEK = 7 * DAY


def office(*, weeks: int = 14, every: int = HOUR, seed: int = 1) -> tuple[Ints, Floats]:
    """A KPI of office hours, by Berlin's clock: 100 at night, 200 at 13:00, less at weekends."""
    chance = np.random.default_rng(seed)
    instants = START + np.arange(weeks * WEEK // every, dtype=np.int64) * every
    wall = BERLIN.wall_clock(instants)
    hour, weekday = wall % DAY / HOUR, (wall // DAY + 3) % 7
    day = np.exp(-(((hour - 13) / 4) ** 2)) * np.where(weekday < 5, 1.0, 0.3)
    return instants, 100 + 100 * day + chance.normal(0, 3, len(instants))


def instant(day: int, hour: float) -> int:
    """An hour of a day after the first, in winter time."""
    return START + day * DAY + int(hour * HOUR)


def told(
    instants: Ints, values: Floats, *, calendar: Calendar = BERLIN, now: int | None = None
) -> list[Finding]:
    """All that is told of a series."""
    assessed = assess(series_of(instants, values), calendar)
    return findings_of(assessed, now=int(instants.max()) if now is None else now)


def kinds(found: list[Finding], *, first: int, last: int) -> list[str]:
    """The kinds of what began within an hour of a stretch, or in it."""
    return [each.kind for each in found if first - HOUR <= each.began < last]


def day_of(number: int) -> date:
    """The day after so many."""
    return date.fromordinal(date(2025, 1, 13).toordinal() + number)
