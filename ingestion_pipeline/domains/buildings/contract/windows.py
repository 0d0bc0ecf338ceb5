"""The shapes and rules of building telemetry: windows, days, what a sample is. Pure.

Days are UTC days, and windows are half-open, `[start, end)`: each instant is in exactly one
window, whatever clocks on walls do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Self

from ingestion_pipeline.foundation.errors import ConfigurationError

Dialect = Literal["documented", "live"]

# What a live value is worth, where the sender has not said; see land/samples.py.
GOOD, BAD, TEXT, UNKNOWN = "good", "bad", "text", "unknown"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """A half-open span of time, in UTC."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{instant_text(self.start)}/{instant_text(self.end)}"


@dataclass(frozen=True)
class Counts:
    """What became of the records of a window or a day.

    fetched = kept + skipped + outside + rejected;
    kept = inserted + updated + unchanged + duplicates.

    Attributes:
        pages: answered with records or without.
        fetched: records in them.
        kept: usable, of a configured point, within the window.
        skipped: of points that are not configured.
        outside: not within the window that was asked for.
        rejected: unusable; kept in `rejected_records`.
        duplicates: kept records that another one of the same point and instant has replaced.
    """

    pages: int = 0
    fetched: int = 0
    kept: int = 0
    skipped: int = 0
    outside: int = 0
    rejected: int = 0
    duplicates: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Self) -> "Counts":
        return Counts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)}
        )


def instant_text(instant: datetime) -> str:
    """An instant as the API's parameters have it: `2025-01-01T00:00:00Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def day_of(day: date) -> Window:
    """A UTC day as a window."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Window(start, start + DAY)


def windows_of(day: date, length: timedelta, *, until: datetime | None = None) -> list[Window]:
    """A UTC day cut into windows; none reaches past `until` (now), nor past the day.

    Raises:
        ConfigurationError: the length is not a second to a day.
    """
    if not timedelta(seconds=1) <= length <= DAY:
        raise ConfigurationError(f"COLLECT_WINDOW: must be a second to a day, got {length}")
    whole = day_of(day)
    end = whole.end if until is None else min(whole.end, until.replace(microsecond=0))
    windows = []
    start = whole.start
    while start < end:
        windows.append(Window(start, min(start + length, end)))
        start += length
    return windows


def days_back(today: date, look_back: int) -> Sequence[date]:
    """The day that ended when `today` began, and the `look_back` days before it; oldest first."""
    return [today - timedelta(days=ago) for ago in range(look_back + 1, 0, -1)]
