"""What a report says of its own time: when it was made, else the end of its period or its name.

A workbook says when it was made (`docProps/core.xml`); spreadsheets may write there when their own
template was made, so a time before what the report tells of is not the report's. Where nothing
does, the later counts of the end of the period that the report names and of the date in its file's
name: it can't be older. What lies in the future is a wrong clock and says nothing. Arrival decides
between equals, and where there is nothing else (`merge/events.py`).
"""

import re
from datetime import UTC, datetime, timedelta

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NAMED = re.compile(
    r"(?<![0-9A-Za-z])(20[0-9]{2})(?:([-_.])([0-9]{2})(?:\2([0-9]{2}))?|([0-9]{2})([0-9]{2}))"
    r"(?![0-9])"
)
_DAYS_APART = timedelta(days=1)  # what days differ by around the earth
_SKEW = timedelta(minutes=10)  # between this clock and that of whoever made the report


def as_of(
    *,
    created: datetime | None,
    period_end: datetime | None,
    file_name: str,
    received_at: datetime,
    newest_day: datetime | None = None,
) -> datetime | None:
    """The time that a report says of itself; None: it says nothing.

    Args:
        newest_day: the latest that it tells of.
    """
    latest = received_at + _SKEW
    if created is not None and created <= latest and not _is_before(created, newest_day):
        return created
    said = [at for at in (period_end, date_in(file_name)) if at is not None and at <= latest]
    return max(said, default=None)


def _is_before(created: datetime, newest_day: datetime | None) -> bool:
    return newest_day is not None and created < newest_day - _DAYS_APART


def date_in(file_name: str) -> datetime | None:
    """The latest date in a file's name: `2026-02-01`, `20260201`, `2026_02`; UUIDs don't count."""
    found = []
    for year, _, month, day, compact_month, compact_day in _NAMED.findall(_UUID.sub("", file_name)):
        try:
            found.append(
                datetime(int(year), int(month or compact_month), int(day or compact_day or 1),
                         tzinfo=UTC)
            )  # fmt: skip
        except ValueError:
            continue  # digits that are no date
    return max(found, default=None)
