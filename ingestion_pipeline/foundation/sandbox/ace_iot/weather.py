"""Weather as the stand-in of ACE IoT has it: one value an hour, a function of site and hour."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingestion_pipeline.foundation.sandbox.noise import key_of

_HOUR = timedelta(hours=1)
_CONDITIONS = ("clear", "clouds", "rain", "fog")


@dataclass(frozen=True)
class Observation:
    """The weather at one instant, metric."""

    time: datetime
    temperature: float
    humidity: float
    precipitation: float
    wind_speed: float
    conditions: str


def observations(seed: int, site: str, start: datetime, end: datetime) -> Iterator[Observation]:
    """One observation at every full hour in [start, end)."""
    moment = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if moment < start:
        moment += _HOUR
    while moment < end:
        yield at(seed, site, moment)
        moment += _HOUR


def at(seed: int, site: str, moment: datetime) -> Observation:
    """The observation of the full hour `moment`."""
    chance = key_of(seed, "weather", site, moment.isoformat())
    conditions = _CONDITIONS[chance % len(_CONDITIONS)]
    day = math.sin((moment.hour - 9) / 24 * 2 * math.pi)
    year = math.sin((moment.timetuple().tm_yday - 105) / 365 * 2 * math.pi)
    return Observation(
        moment,
        temperature=round(11 + 9 * year + 4 * day + chance % 100 / 50, 1),
        humidity=round(70 - 12 * day + chance % 70 / 10, 1),
        precipitation=round(chance % 40 / 10, 1) if conditions == "rain" else 0.0,
        wind_speed=round(1.5 + chance % 90 / 15, 1),
        conditions=conditions,
    )
