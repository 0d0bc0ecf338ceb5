"""Instants: a timestamp's text ↔ the UTC microsecond that identifies a reading.

`Z`, `+00:00`, `.000Z`, `-05:00` write one instant in several ways. JavaScript senders omit the
zone; they mean UTC.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

from ingestion_pipeline.foundation.instants import in_utc

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # older ones are clocks that were never set
FUTURE = timedelta(days=1)  # the last daily partition is tomorrow's

# Stricter than Python, which takes week dates, and 24:00 in its newer versions.
_PATTERN = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]+)?)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?"
)
_LONGEST = 64


def parse_instant(text: object) -> datetime:
    """The instant that a text names, in UTC; digits beyond microseconds are cut off.

    Raises:
        ValueError: it names none; the message says what is wrong.
    """
    if not isinstance(text, str):
        raise ValueError("must be a text such as 2026-01-31T12:30:00Z")  # noqa: TRY004
    if len(text) > _LONGEST or not _PATTERN.fullmatch(text):
        raise ValueError("must be a date with a time such as 2026-01-31T12:30:00Z")
    try:
        instant = datetime.fromisoformat(text.upper())
        return in_utc(instant)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is no date and time of the calendar: {error}") from None


def reading_instant(text: object, *, now: datetime) -> datetime:
    """The instant of a reading: as above, and on a day that there is a partition for.

    Raises:
        ValueError: it is not; the message says why.
    """
    instant = parse_instant(text)
    if instant < EARLIEST:
        raise ValueError("must not be before 1970-01-01")
    if instant > now + FUTURE:
        raise ValueError("must not be more than one day in the future")
    return instant


def instant_text(instant: datetime) -> str:
    """An instant as our documents write it: UTC with a Z, and no more decimals than it needs."""
    precision = "microseconds" if instant.microsecond % 1000 else "milliseconds"
    if not instant.microsecond:
        precision = "seconds"
    return instant.astimezone(UTC).isoformat(timespec=precision).removesuffix("+00:00") + "Z"


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """A UTC day as the instants from (inclusive) and to (exclusive)."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    return start, start + timedelta(days=1)
