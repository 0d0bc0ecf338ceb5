"""Series and senders whose anomalies are planted, so that they are known; made, not measured.

They have the shape that the detector assumes (a week, noise), so what is found in them flatters it.
"""

from dataclasses import dataclass

import numpy as np

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.series import Floats, Ints

WEEK = 7 * DAY
QUARTER = 900
START = 1_754_258_400  # Monday, 4 August 2025, 00:00 in Berlin; clocks go back in week 12
WEEKS = 26
BERLIN = Calendar("Europe/Berlin")


def kpi(seed: int, *, weeks: int = WEEKS) -> tuple[Ints, Floats]:
    """A KPI each quarter of an hour: office hours, a calm weekend, noise; by Berlin's clock."""
    rng = np.random.default_rng(seed)
    instants = START + np.arange(weeks * WEEK // QUARTER, dtype=np.int64) * QUARTER
    wall = BERLIN.wall_clock(instants)
    hour, weekday = wall % DAY / HOUR, (wall // DAY + 3) % 7
    base, swing = rng.uniform(50, 500), rng.uniform(0.3, 0.8)
    day = np.exp(-(((hour - rng.uniform(12, 15)) / 4) ** 2))
    working = np.where(weekday < 5, 1.0, rng.uniform(0.2, 0.6))
    noise = rng.normal(0, rng.uniform(0.02, 0.05), len(instants))
    drift = 1 + 0.05 * np.sin(np.arange(len(instants)) / len(instants) * 2 * np.pi)
    return instants, base * (1 + swing * day * working + noise) * drift


@dataclass(frozen=True)
class Sender:
    """A sender's kind, and when it sends."""

    name: str
    instants: Ints
    interval: float
    burst: int = 1
    calendar: Calendar = BERLIN


def senders(seed: int, *, weeks: int = WEEKS) -> list[Sender]:
    """One of each kind."""
    rng = np.random.default_rng(seed)
    days = np.arange(weeks * 7)
    begin = START + days * DAY
    wall = np.array([BERLIN.begin((START + HOUR * 2) // DAY + int(day)) for day in days])
    weekday = (BERLIN.days(begin + 12 * HOUR) + 3) % 7
    office = weekday < 5

    def at(days_: Ints, hour: float, jitter: float) -> Ints:
        moved = np.clip(rng.normal(0, jitter, len(days_)), -3 * jitter, 3 * jitter)
        return np.asarray(wall[days_] + (hour + moved) * HOUR, dtype=np.int64)

    every = np.arange(START, START + weeks * WEEK, QUARTER, dtype=np.int64)
    clock = BERLIN.wall_clock(every)
    hours, of_week = clock % DAY // HOUR, (clock // DAY + 3) % 7
    jittered = every + rng.integers(0, 120, len(every))
    minutes = np.arange(START, START + weeks * WEEK, 60, dtype=np.int64)
    poisson = START + np.cumsum(rng.exponential(HOUR / 2, int(weeks * 336)))
    daily = at(days, 6, 0.7)
    burst = (daily[:, None] + np.cumsum(rng.exponential(20, (len(days), 40)), axis=1)).ravel()
    weekly = days[weekday == 0]
    return [
        Sender("every minute", minutes, 60.0),
        Sender("every 15 min", jittered, 900.0),
        Sender(
            "office hours, 15 min",
            jittered[(of_week < 5) & (hours >= 8) & (hours < 18)],
            900.0,
        ),
        Sender("at random, 2 an hour", poisson.astype(np.int64), HOUR / 2),
        Sender("daily file, ±2 h", daily, float(DAY)),
        Sender("daily file, weekdays", at(days[office], 7, 0.5), float(DAY)),
        Sender("a burst of 40 a day", burst.astype(np.int64), float(DAY), burst=40),
        Sender("weekly file", at(weekly, 9, 1.0), float(WEEK)),
        Sender("monthly file", at(days[15::30], 9, 20.0), float(30 * DAY)),
    ]
