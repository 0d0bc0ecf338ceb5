"""How rare each point of a series is, what was usual where it stands, and what will be.

Three scores, each calibrated by its own tail:

- *seasonal*: how far a point is from what is usual at this hour of the week (seasonal.py);
- *lasting*: the mean of those distances, with their signs, over the last 6 hours, but no more than
  twice the point's own: what is a little off for long, until it is usual again;
- *local*: how far it is from the 60 points before it (local.py).

The rarity of a point is that of the rarest, times how many were asked (Bonferroni). NaN is
`unknown`: too little came before.

The band of what is usual: the middle ± the 99.5th percentile of the scores before × the scale.

A series may be given from `LOOK_BACK_DAYS` before the first instant of interest: what is said from
there on is the same as with all that came before (a weekly median looks 8 weeks back, its scale
4 weeks of such, its tail 13 weeks of those, the level 14 days).
"""

from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import HOUR, Calendar
from ingestion_pipeline.foundation.unusual.local import local_of
from ingestion_pipeline.foundation.unusual.rarity import ALLOWED as ALLOWED
from ingestion_pipeline.foundation.unusual.rarity import tails_of, tails_of_sure
from ingestion_pipeline.foundation.unusual.seasonal import Seasonal, seasonal_of
from ingestion_pipeline.foundation.unusual.series import Floats, Ints, Series

LOOK_BACK_DAYS = 7 * 30
MOST = 1e9  # z; of more nothing more is known
LASTING = 6 * HOUR
_CLIPPED = 5.0  # z; one spike is no lasting change


@dataclass(frozen=True)
class Usual:
    """What was usual at each instant: float64[n] each, NaN where nobody can say yet."""

    low: Floats
    middle: Floats
    high: Floats


@dataclass(frozen=True)
class Scores:
    """How rare each point is, in false alarms a week: float64[n], NaN where it is unknown."""

    seasonal: Floats
    lasting: Floats
    local: Floats

    @property
    def rarity(self) -> Floats:
        """Of the rarest of the three."""
        each = np.stack([self.seasonal, self.lasting, self.local])
        asked = np.sum(~np.isnan(each), axis=0)
        return np.asarray(np.fmin.reduce(each) * asked, dtype=np.float64)


@dataclass(frozen=True)
class Assessed:
    """A series with what there is to say of each of its points."""

    series: Series
    calendar: Calendar
    usual: Usual
    scores: Scores
    seasonal: Seasonal


def assess(series: Series, calendar: Calendar) -> Assessed:
    """Judge every point of a series by what came before it."""
    days = calendar.days(series.instants)
    seasonal = seasonal_of(series, calendar)
    center = seasonal.base + seasonal.level
    signed = _z(series.values - center, seasonal.scale)
    by_week, week_limit = tails_of_sure(np.abs(signed), days, seasonal.sure)
    lasting, _ = tails_of_sure(_lasting(series.instants, signed), days, seasonal.sure)
    local = local_of(series.values)
    by_hour, hour_limit = tails_of(_z(np.abs(series.values - local.middle), local.scale), days)
    known = ~np.isnan(week_limit) & ~np.isnan(center)
    middle = np.where(known, center, local.middle)
    reach = np.where(known, week_limit * seasonal.scale, hour_limit * local.scale)
    scores = Scores(by_week, lasting, by_hour)
    return Assessed(series, calendar, _usual(middle, reach), scores, seasonal)


def forecast(series: Series, calendar: Calendar, *, hours: int = 24) -> tuple[Ints, Usual]:
    """What will be usual at the next full hours, should the level stay as it is.

    Returns:
        (instants, usual); the instants are int64[hours]. All NaN where there is no week yet.
    """
    if not len(series):
        return np.empty(0, dtype=np.int64), Usual(*(np.empty(0) for _ in range(3)))
    wall = int(calendar.wall_clock(series.instants[-1:])[0])
    first = int(series.instants[-1]) + HOUR - wall % HOUR
    instants = np.arange(first, first + hours * HOUR, HOUR, dtype=np.int64)
    # A day ahead nothing has been read: such points have no say in each other's base or level.
    longer = Series(
        np.append(series.instants, instants), np.append(series.values, np.full(hours, np.nan))
    )
    seasonal = seasonal_of(longer, calendar)
    score = _z(np.abs(longer.values - seasonal.base - seasonal.level), seasonal.scale)
    _, limit = tails_of_sure(score, calendar.days(longer.instants), seasonal.sure)
    middle = (seasonal.base + seasonal.level)[-hours:]
    reach = (limit * seasonal.scale)[-hours:]
    return instants, Usual(
        middle - reach, np.where(np.isnan(reach), np.nan, middle), middle + reach
    )


def _usual(middle: Floats, reach: Floats) -> Usual:
    return Usual(middle - reach, np.where(np.isnan(reach), np.nan, middle), middle + reach)


def _lasting(instants: Ints, signed: Floats) -> Floats:
    """The mean of z, with signs, over the last 6 hours; at most twice the point's own."""
    known = ~np.isnan(signed)
    clipped = np.clip(np.where(known, signed, 0.0), -_CLIPPED, _CLIPPED)
    sums, counts = np.append(0.0, np.cumsum(clipped)), np.append(0, np.cumsum(known))
    stop = np.arange(1, len(signed) + 1)
    start = np.searchsorted(instants, instants - LASTING, side="right")
    mean = (sums[stop] - sums[start]) / np.maximum(counts[stop] - counts[start], 1)
    own = np.maximum(np.sign(mean) * signed, 0.0)
    return np.where(known, np.minimum(np.abs(mean), 2 * own), np.nan)


def _z(distance: Floats, scale: Floats) -> Floats:
    """Distances in scales. Where nothing ever moved, anything is far: but not infinitely so."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = distance / scale
    still = scale == 0
    z[still] = np.sign(distance[still]) * MOST
    return np.asarray(np.clip(z, -MOST, MOST))
