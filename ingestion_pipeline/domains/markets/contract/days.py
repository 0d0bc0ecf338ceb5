"""Days and instants as senders write them (ISO 8601), in ASCII; pure.

A day is the day that the sender wrote: what follows it (a time, an offset) is checked, and then cut
off before anything is converted. So a sale of 20:00 in Chicago is of that evening, not of the UTC
day after it, and told with three offsets it is one sale.
"""

import re
from datetime import UTC, date, datetime, time, timedelta

from ingestion_pipeline.foundation.instants import is_time_of_day

# ISO 8601 lets the end of a day be written so; Python reads hours to 23 only.
_END_OF_DAY = re.compile(r"^24(?::?00(?::?00(?:[.,]0+)?)?)?(?=$|Z|[+-])")


def parse_day(text: str) -> date:
    """The day in `2026-05-01`, `2026-05-01T20:00:00-05:00`, `2026-05-01 20:00`, `2026-W18-5`.

    Raises:
        ValueError, TypeError: there is none.
    """
    day, clock = _parts(text)
    if clock is not None:
        datetime.fromisoformat(f"2000-01-01T{_END_OF_DAY.sub('00', clock, count=1)}")
    return date.fromisoformat(day)


def latest_day() -> date:
    """The latest day that it is anywhere on earth: later ones are in the future."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant, in the offset in which it was written; UTC where it names none.

    Raises:
        ValueError, TypeError, OverflowError: it is none.
    """
    day, clock = _parts(text)
    moment = datetime.combine(date.fromisoformat(day), time.min)
    if clock is not None:
        within = _END_OF_DAY.sub("00", clock, count=1)
        moment = datetime.fromisoformat(f"{moment.date()}T{within}")
        if within != clock:
            moment += timedelta(days=1)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    moment.astimezone(UTC)  # or it is none that can be stored
    return moment


def _parts(text: str) -> tuple[str, str | None]:
    """The day and, where there is one, the time of day with its offset."""
    if not isinstance(text, str):
        raise TypeError("no text")
    if not text.isascii():
        raise ValueError("digits other than 0 to 9")
    parts = re.split(r"[Tt ]", text.strip(), maxsplit=1)
    if len(parts) > 1 and not is_time_of_day(parts[1]):
        raise ValueError("the time of day is none of ISO 8601")
    return parts[0].upper(), parts[1].upper() if len(parts) > 1 else None
