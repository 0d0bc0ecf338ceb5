"""How rare each point of a series is, what was usual where it stands, and what will be.

Four scores, each calibrated by its own tail (rarity.py), which is all the scale that most need:

- *seasonal*: how far a point is from what is usual at this hour of the week (seasonal.py), in
  scales of the hour: a small number at night may be as odd as a large one at noon;
- *distance*: the same in the series's own unit: what is far wherever it happens;
- *week*: how far from the mean of the 7 days before, and from what is usual at this hour whatever
  the level, but no more than twice the distance: what is off for long, until it is usual again;
- *local*: how far from the 60 points before (local.py), where no hour is known yet.

The rarity of a point is that of the rarest; *seasonal*, a second look at one distance with a scale
that is itself a guess, counts twice. Who asks several is told something by chance more often than
who asks one: on series of nothing but noise half as often again (`_ASKED`; they agree a lot, else
it were thrice). NaN is `unknown`: too little came before.

The band of what is usual: the middle ± the 99.5th percentile of the scores before × the scale.

A series may be given from `LOOK_BACK_DAYS` before the first instant of interest: what is said from
there on is the same as with all that came before (a weekly median looks 8 weeks back, its scale
4 weeks of such, its tail 13 weeks of those, the level 14 days).
"""

from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import HOUR, Calendar
from ingestion_pipeline.foundation.unusual.local import local_of, week_of
from ingestion_pipeline.foundation.unusual.rarity import ALLOWED as ALLOWED
from ingestion_pipeline.foundation.unusual.rarity import tails_of, tails_of_sure
from ingestion_pipeline.foundation.unusual.seasonal import Seasonal, seasonal_of
from ingestion_pipeline.foundation.unusual.series import Floats, Ints, Series

LOOK_BACK_DAYS = 7 * 30
MOST = 1e9  # z; of more nothing more is known
_ASKED = 1.6  # measured: 0.37 to 0.46 false alarms a week where 0.25 were allowed
_ROUNDING = 1e-9  # of a value: nearer is the same


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
    distance: Floats
    week: Floats
    local: Floats

    @property
    def rarity(self) -> Floats:
        """Of the rarest."""
        each = [2 * self.seasonal, self.distance, self.week, self.local]
        return np.asarray(_ASKED * np.fmin.reduce(each), dtype=np.float64)


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
    days, values = calendar.days(series.instants), series.values
    seasonal = seasonal_of(series, calendar)
    center, near = seasonal.base + seasonal.level, local_of(values).middle
    away = _apart(values, center)
    from_week = np.fmin(_apart(values, week_of(series)), _apart(values, seasonal.base))
    from_week = np.fmin(from_week, 2 * away)
    by_hour, hour_limit = tails_of_sure(_z(away, seasonal.scale), days, seasonal.sure)
    by_distance, _ = tails_of_sure(away, days, seasonal.sure)
    by_week, _ = tails_of_sure(from_week, days, seasonal.sure)
    by_near, near_limit = tails_of(_apart(values, near), days)
    by_near[~np.isnan(by_distance)] = np.nan
    known = ~np.isnan(hour_limit) & ~np.isnan(center)
    middle = np.where(known, center, near)
    reach = np.where(known, hour_limit * seasonal.scale, near_limit)
    scores = Scores(by_hour, by_distance, by_week, by_near)
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
    score = _z(_apart(longer.values, seasonal.base + seasonal.level), seasonal.scale)
    _, limit = tails_of_sure(score, calendar.days(longer.instants), seasonal.sure)
    middle = (seasonal.base + seasonal.level)[-hours:]
    reach = (limit * seasonal.scale)[-hours:]
    return instants, Usual(
        middle - reach, np.where(np.isnan(reach), np.nan, middle), middle + reach
    )


def _usual(middle: Floats, reach: Floats) -> Usual:
    return Usual(middle - reach, np.where(np.isnan(reach), np.nan, middle), middle + reach)


def _apart(values: Floats, middle: Floats) -> Floats:
    """How far values are from a middle; what is only rounding is nothing."""
    distance = np.abs(values - middle)
    distance[distance <= _ROUNDING * np.abs(values)] = 0.0
    return distance


def _z(distance: Floats, scale: Floats) -> Floats:
    """Distances in scales. Where nothing ever moved, anything is far: but not infinitely so."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = distance / scale
    still = scale == 0
    z[still] = np.sign(distance[still]) * MOST
    return np.asarray(np.clip(z, -MOST, MOST))
