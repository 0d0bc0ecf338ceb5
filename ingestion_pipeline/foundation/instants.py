"""ISO 8601 as far as Python reads it right, for all who are told a time.

`datetime.fromisoformat` takes more: "T12.5" is half a second past noon to it, "20260131112" noon,
any letter may part day and time, and +05:60 is six hours. So a text is asked here first.
"""

import re
from datetime import UTC, datetime

_OFFSET = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-5][0-9])?)"
_CLOCK = rf"[0-9]{{2}}(?::?[0-9]{{2}}(?::?[0-9]{{2}}(?:[.,][0-9]+)?)?)? ?{_OFFSET}?"
_DAY = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-?W[0-9]{2}-?[0-9])"
_ISO_8601 = re.compile(rf"{_DAY}(?:[Tt ]{_CLOCK})?")
_TIME = re.compile(_CLOCK)


def is_iso_8601(text: str) -> bool:
    """Whether a text is a day, or a day with a time of day, and means to Python what it says.

    >>> is_iso_8601("2026-01-31T12:30+0530"), is_iso_8601("2026-01-31T12.5")
    (True, False)
    """
    return _ISO_8601.fullmatch(text) is not None


def is_time_of_day(text: str) -> bool:
    """The same of what stands behind the day: `12:30`, `123000.5Z`, `12:30+05:30`."""
    return _TIME.fullmatch(text) is not None


def iso_8601(text: str) -> datetime:
    """The moment, or the midnight of the day; without an offset where none is written.

    Raises:
        ValueError, TypeError: it is none.
    """
    if not is_iso_8601(text):
        raise ValueError("is no time of ISO 8601")
    return datetime.fromisoformat(text.upper())


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, which one without an offset is taken to be in."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
