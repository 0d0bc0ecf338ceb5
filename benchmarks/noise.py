"""False alarms on series that hold nothing but a rhythm and noise."""

from collections.abc import Callable, Mapping

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.rarity import ALLOWED
from ingestion_pipeline.foundation.unusual.series import Floats, Ints, series_of
from ingestion_pipeline.foundation.unusual.usual import assess

Make = Callable[[np.random.Generator, Ints], Floats]
_WEEK = 7 * DAY
_BEGIN = 1_735_689_600  # 2025-01-01


def _working(instants: Ints) -> Ints:
    return np.asarray((instants // DAY + 3) % 7 < 5)


def _office(instants: Ints) -> Ints:
    hours = instants // HOUR % 24
    return np.asarray(_working(instants) & (hours >= 8) & (hours < 18))


def _orders(spread: float) -> Make:
    return lambda chance, at: np.where(_working(at), 120, 40) * chance.normal(1, spread, len(at))


def _drifting(chance: np.random.Generator, at: Ints) -> Floats:
    smooth = np.convolve(chance.normal(0, 1, len(at)), np.ones(12) / 3, "same")
    return np.asarray(50 + 10 * np.sin(at // HOUR % 24 / 24 * 2 * np.pi) + smooth)


KINDS: Mapping[str, tuple[int, Make]] = {
    "days, 6 % around their weekday": (DAY, _orders(0.06)),
    "days, 30 % around their weekday": (DAY, _orders(0.3)),
    "days around a level": (DAY, lambda chance, at: chance.normal(100, 5, len(at))),
    "hours, heated in office hours": (
        HOUR,
        lambda chance, at: 18 + 3.5 * _office(at) + chance.normal(0, 0.15, len(at)),
    ),
    "hours that drift around their day": (HOUR, _drifting),
}


def noise(*, series: int) -> None:
    """Print a row a kind: alarms that begin in a week in which something could be said."""
    print(f"| nothing but noise, {series} series | weeks | false a week |\n| --- | ---: | ---: |")
    for name, (every, make) in KINDS.items():
        alarms, weeks = 0, 0.0
        number = 400 if every == DAY else 24 * 7 * 24
        for seed in range(series):
            at = np.arange(number, dtype=np.int64) * every + _BEGIN
            values = make(np.random.default_rng(1000 + seed), at)
            rarity = assess(series_of(at, values, every=1), Calendar()).scores.rarity
            rare = rarity <= ALLOWED
            alarms += int((rare[1:] & ~rare[:-1]).sum())
            weeks += float((~np.isnan(rarity)).sum()) * every / _WEEK
        print(f"| {name} | {weeks:.0f} | {alarms / weeks:.2f} |", flush=True)
