"""Which stretch of time a page shows, and in how many columns.

    ?span=7d                                         up to now
    ?from=2026-11-01&to=2026-11-08T12:00             by the tenant's clock
    ?from=1793491200&to=1793577600                   seconds since 1970, as zooming says them

What can't be read is said on the page, which then shows the usual span.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from ingestion_pipeline.outlets.dashboards.asking import Ask

NAMED = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "1y": timedelta(days=365),
    "2y": timedelta(days=730),
    "10y": timedelta(days=3_653),
    "50y": timedelta(days=18_263),
}
COLUMNS = 740  # at most; a column is a pixel or two
POINTS_DAYS = 40  # so far columns are of points, beyond of roll-ups
HOURS_DAYS = 3 * 366  # so far of hours, beyond of days
_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400,
)  # fmt: skip
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """A stretch of time.

    Attributes:
        start, end: UTC; `end` is not in it.
        name: of `NAMED`; empty: any from and to.
        fault: what could not be read, as a sentence; empty: nothing.
        live: whether it ends now.
    """

    start: datetime
    end: datetime
    name: str = ""
    fault: str = ""
    live: bool = True

    @property
    def days(self) -> float:
        """How long it is."""
        return (self.end - self.start) / timedelta(days=1)

    @property
    def step(self) -> int:
        """Seconds of a column; of roll-ups whole hours, or whole days."""
        least = (self.end - self.start).total_seconds() / COLUMNS
        if self.days > HOURS_DAYS:
            least = max(least, 86_400)
        elif self.days > POINTS_DAYS:
            least = max(least, 3_600)
        for step in _STEPS:
            if step >= least:
                return step
        return math.ceil(least / 86_400) * 86_400

    @property
    def source(self) -> str:
        """Of what its columns are made: points, hours or days."""
        if self.days <= POINTS_DAYS:
            return "points"
        return "hours" if self.days <= HOURS_DAYS else "days"


def span_of(ask: Ask, *, usual: str = "7d") -> Span:
    """The span that a request is about."""
    told = {name: ask.text(name).strip() for name in ("from", "to")}
    if not any(told.values()):
        name = ask.text("span")
        name = name if name in NAMED else usual
        return Span(ask.now - NAMED[name], ask.now, name)
    try:
        end = _instant(told["to"], ask.zone) if told["to"] else ask.now
        start = _instant(told["from"], ask.zone) if told["from"] else end - NAMED[usual]
    except ValueError as error:
        return _instead(ask, usual, str(error))
    if start >= end:
        return _instead(ask, usual, "it ends before it begins")
    start = max(_FIRST, min(start, end - _SHORTEST))
    return Span(start, min(end, _LAST), live=not told["to"])


def _instead(ask: Ask, usual: str, why: str) -> Span:
    said = f"This span can't be shown: {why}. Here are the last {usual}."
    return Span(ask.now - NAMED[usual], ask.now, usual, said)


def address(path: str, **parameters: object) -> str:
    """A link to a page of ours; None: without that parameter."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _instant(text: str, zone: tzinfo) -> datetime:
    """What somebody wrote, as an instant within the bounds.

    Raises:
        ValueError: it is none; the message quotes it.
    """
    try:
        if text.isascii() and text.isdigit() and 8 <= len(text) <= 11:
            found = datetime.fromtimestamp(int(text), UTC)
        else:
            found = datetime.fromisoformat(text)
            found = found if found.tzinfo else found.replace(tzinfo=zone)
        told = found.astimezone(UTC) if _FIRST.year < found.year < _LAST.year else None
    except (ValueError, OverflowError):
        told = None
    if told is None:
        raise ValueError(f"{text[:40]!r} is no day such as 2026-11-28, from 1901 to 2199")
    return told
