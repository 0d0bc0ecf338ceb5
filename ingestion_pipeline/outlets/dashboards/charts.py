"""A series as a picture: columns of pixels, gaps, what was usual, what was found.

Of each column the least, the mean and the most are drawn, so that no extreme is lost. Where
readings stay away for more than `GAP` times their usual distance there is a gap: no line goes over
it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

from ingestion_pipeline.outlets.dashboards.spans import Span

GAP = 3
# Sums of so many doubles stay finite when each is made smaller by this; a power of 2, so exactly.
SHRUNK = 2.0**-40
_DIGITS = 7  # of the largest value, of what is drawn


@dataclass(frozen=True)
class Bucket:
    """The readings of a column.

    Attributes:
        first, last: the first and the last instant of a reading in it.
        points: how many readings there are.
        least, mean, most: of their values.
    """

    first: datetime
    last: datetime
    points: int
    least: float
    mean: float
    most: float


@dataclass(frozen=True)
class Usual:
    """What was usual from an instant on, until the next one; None: nobody can say."""

    at: datetime
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True)
class Mark:
    """Something that is marked on the chart.

    Attributes:
        began, ended: from when to when; None: it lasts.
        kind: spike, drop, stuck, level_shift, silence, alert.
        says: in a sentence.
    """

    began: datetime
    ended: datetime | None
    kind: str
    says: str


@dataclass(frozen=True)
class Chart:
    """A series as it is drawn.

    Attributes:
        span: what is shown.
        buckets: in order of time, only those with readings.
        gaps: from the last reading before to the first one after.
        usual: in order of time.
        marks: what was found.
        unit: of the values.
        key: by which live readings know their chart.
    """

    span: Span
    buckets: tuple[Bucket, ...]
    gaps: tuple[tuple[datetime, datetime], ...] = ()
    usual: tuple[Usual, ...] = ()
    marks: tuple[Mark, ...] = ()
    unit: str = ""
    key: str = ""

    @property
    def points(self) -> int:
        """How many readings it is made of."""
        return sum(bucket.points for bucket in self.buckets)

    @property
    def has_usual(self) -> bool:
        """Whether anybody can say of any of it what was usual."""
        return any(each.low is not None for each in self.usual)

    @cached_property
    def drawn(self) -> dict[str, list[Any]]:
        """Columns for drawing, a row where there is a reading, and an empty one in each gap."""
        starts = {gap[0]: gap for gap in self.gaps}
        largest = max((max(abs(b.least), abs(b.most)) for b in self.buckets), default=0.0)
        digits = _DIGITS - math.ceil(math.log10(largest)) if largest else 0
        rows: list[tuple[Any, ...]] = []
        usual = _Steps(self.usual)
        for bucket in self.buckets:
            band = usual.at(bucket.first)
            values = (bucket.least, bucket.mean, bucket.most, band.low, band.high)
            told = (None if value is None else round(value, digits) for value in values)
            rows.append((_seconds(bucket.first), *told))
            if bucket.last in starts:
                middle = bucket.last + (starts[bucket.last][1] - bucket.last) / 2
                rows.append((_seconds(middle), None, None, None, None, None))
        names = ("at", "least", "mean", "most", "low", "high")
        return {name: [row[number] for row in rows] for number, name in enumerate(names)}

    def as_dict(self) -> dict[str, Any]:
        """What the script needs."""
        start, end = _seconds(self.span.start), _seconds(self.span.end)
        return {
            **self.drawn,
            "start": start,
            "end": end,
            "step": self.span.step,
            "live": self.span.live,
            "gaps": [[_seconds(begin), _seconds(end)] for begin, end in self.gaps],
            "marks": [
                [_seconds(mark.began), mark.ended and _seconds(mark.ended), mark.kind]
                for mark in self.marks
            ],
            "usual": self.has_usual,
            "unit": self.unit,
            "key": self.key,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Its numbers for a table, the newest first."""
        usual = _Steps(self.usual)
        told = []
        for bucket in self.buckets:
            band = usual.at(bucket.first)
            told.append({
                "from": bucket.first, "to": bucket.last, "readings": bucket.points,
                "least": bucket.least, "mean": bucket.mean, "most": bucket.most,
                "usual_low": band.low, "usual_high": band.high,
            })  # fmt: skip
        return told[::-1]


def chart_of(span: Span, buckets: Sequence[Bucket], **more: Any) -> Chart:
    """A chart of a span; its gaps are found."""
    found = Chart(span, tuple(buckets), **more)
    return replace(found, gaps=tuple(gaps_of(found.buckets, step=span.step)))


def gaps_of(buckets: Sequence[Bucket], *, step: int) -> list[tuple[datetime, datetime]]:
    """Where readings stayed away: from the last one before to the first one after."""
    apart = [(later.first - earlier.last).total_seconds() for earlier, later in pairwise(buckets)]
    if not apart:
        return []
    within = [
        (bucket.last - bucket.first).total_seconds() / (bucket.points - 1)
        for bucket in buckets
        if bucket.points > 1
    ]
    usual = median(within) if len(within) * 2 >= len(buckets) else max(median(apart), 1.0)
    return [
        (earlier.last, later.first)
        for earlier, later, seconds in zip(buckets, buckets[1:], apart, strict=False)
        if seconds > GAP * max(usual, 1.0) and seconds > step
    ]


class _Steps:
    """What holds at ascending instants, asked in order."""

    _NOTHING = Usual(datetime.min, None, None, None)  # noqa: DTZ901  (it is no moment)

    def __init__(self, usual: Sequence[Usual]) -> None:
        self._usual = usual
        self._next = 0
        self._now = self._NOTHING

    def at(self, instant: datetime) -> Usual:
        while self._next < len(self._usual) and self._usual[self._next].at <= instant:
            self._now = self._usual[self._next]
            self._next += 1
        return self._now


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
