"""When a sample was taken: ISO 8601, date and time of day, naive in UTC, cut to microseconds.

Everything else is refused with a reason that helps: a number might be seconds, milliseconds or the
days of a spreadsheet, and a date alone is no instant. Neither is guessed.
"""

import re
from datetime import UTC, datetime
from typing import Any

from ingestion_pipeline.foundation.instants import is_iso_8601

_BARE_DAY = re.compile(r"[0-9W-]+")
# The first magnitude of each that no instant of our times has in the next smaller one.
_UNITS = ((1e17, "nanoseconds"), (1e14, "microseconds"), (1e11, "milliseconds"), (0, "seconds"))


def read_instant(text: Any) -> datetime:
    """An ISO 8601 time; naive is UTC, and digits after the microsecond are dropped.

    >>> read_instant("2025-01-01T00:00:00.1234567").isoformat()
    '2025-01-01T00:00:00.123456+00:00'

    Raises:
        ValueError: it is none; the message says why.
    """
    if not isinstance(text, str) or not is_iso_8601(text) or _BARE_DAY.fullmatch(text):
        raise ValueError(why_no_instant(text))
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(why_no_instant(text)) from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def why_no_instant(value: Any) -> str:
    """Why a value can't be read as an instant, in words that tell what to change."""
    if value is None or value == "":
        return "is missing"
    if isinstance(value, bool):
        return "must be a text, got true or false"
    if isinstance(value, int | float) or (isinstance(value, str) and _is_number(value)):
        unit = next(name for least, name in _UNITS if abs(float(value)) >= least)
        return f"a number: {unit} since 1970 are not read as a time"
    if not isinstance(value, str):
        return "must be a text"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return "a date without a time of day"
    return f"no ISO 8601 time: {value!r:.60}"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{9,}(\.\d+)?", text, re.ASCII) is not None
