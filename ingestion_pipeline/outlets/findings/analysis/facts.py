"""What is known of a reading: how far from what is usual at its hour, how rare, the verdict.

What is told as a finding (at most `ALLOWED` false alarms a week) is worth watching; what comes by
chance less than once in twenty weeks is worth acting upon. Below the history that the detector
needs nothing is known.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.findings import watched, weeks_before
from ingestion_pipeline.foundation.unusual.series import QUARTER, Series
from ingestion_pipeline.foundation.unusual.usual import ALLOWED, Assessed, assess

Verdict = Literal["normal", "watch", "act", "unknown"]
ACT = 0.05  # false alarms a week


@dataclass(frozen=True)
class Facts:
    """What is known of a reading.

    Attributes:
        value: that was read.
        at: when, by the tenant's clock.
        low, middle, high: what is usual then; None: unknown.
        weeks: values at the same hour of the weeks before, oldest first, at most 8.
        rarity: false alarms a week, were this the threshold; None: unknown.
        watched: weeks of history behind it.
    """

    value: float
    at: datetime
    low: float | None
    middle: float | None
    high: float | None
    weeks: tuple[float, ...]
    rarity: float | None
    watched: float

    @property
    def verdict(self) -> Verdict:
        """What the reading comes to."""
        if self.rarity is None or self.low is None or self.middle is None or self.high is None:
            return "unknown"
        if self.rarity > ALLOWED or self.value == self.middle:
            return "normal"
        return "act" if self.rarity <= ACT else "watch"


class History:
    """Points of a KPI, as its readings are judged by."""

    def __init__(self, series: Series, calendar: Calendar) -> None:
        self._series = series
        self._calendar = calendar
        self._zone = ZoneInfo(calendar.zone)
        self._assessed: Assessed | None = None

    def facts(self, value: float, instant: int) -> Facts:
        """What is known of a reading, from what came before its quarter of an hour.

        Readings of one quarter are points together. One that is another than their mean (a peak of
        a minute, a value that was told twice) is judged by itself.
        """
        if self._assessed is None:
            self._assessed = assess(self._series, self._calendar)
        assessed = self._assessed
        index = int(np.searchsorted(self._series.instants, instant // QUARTER * QUARTER))
        there = index < len(self._series) and self._series.instants[index] // QUARTER == (
            instant // QUARTER
        )
        if not there or self._series.values[index] != value:
            before = self._series.before(instant // QUARTER * QUARTER)
            alone = Series(np.append(before.instants, instant), np.append(before.values, value))
            assessed, index = assess(alone, self._calendar), len(before)
        usual, rarity = assessed.usual, assessed.scores.rarity[index]
        return Facts(
            value=value,
            at=datetime.fromtimestamp(instant, self._zone),
            low=_known(usual.low[index]),
            middle=_known(usual.middle[index]),
            high=_known(usual.high[index]),
            weeks=tuple(each for _, each in weeks_before(assessed, index)),
            rarity=_known(rarity),
            watched=watched(assessed, int(assessed.series.instants[index])),
        )

    def nothing(self, value: float, instant: int) -> Facts:
        """Of a reading that is too large to be reckoned with."""
        at = datetime.fromtimestamp(instant, self._zone)
        return Facts(value, at, None, None, None, (), None, 0.0)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
