"""The detectors that are compared: ours, its parts, what was there before, and two controls.

Each takes a labelled series and gives a score a reading, float64[n]; higher is less usual.
"""

import math
from collections.abc import Callable

import numpy as np

from benchmarks.scoring import Labelled
from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.local import local_of
from ingestion_pipeline.foundation.unusual.rarity import tails_of
from ingestion_pipeline.foundation.unusual.series import QUARTER, Floats, Series, series_of
from ingestion_pipeline.foundation.unusual.usual import assess

Detector = Callable[[Labelled], Floats]
CALENDAR = Calendar()  # NAB does not say in which zone its instants are


def on_readings(labelled: Labelled, points: Series, scores: Floats) -> Floats:
    """Points' scores at readings: a point is judged once, when its last reading is there; NaN at
    the others."""
    order = np.argsort(labelled.instants, kind="stable")
    stretch = labelled.instants[order] // QUARTER
    found = np.full(len(order), np.nan)
    found[order[np.searchsorted(stretch, points.instants // QUARTER, side="right") - 1]] = scores
    return found


def ours(part: str) -> Detector:
    """−log of the false alarms a week: of all of it, or of a part."""

    def detect(labelled: Labelled) -> Floats:
        points = series_of(labelled.instants, labelled.values)
        scores = assess(points, CALENDAR).scores
        return on_readings(labelled, points, -np.log(getattr(scores, part)))

    return detect


def sixty_readings(labelled: Labelled) -> Floats:
    """The rule of a package's quality: z against the 60 readings before."""
    local = local_of(labelled.values)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(labelled.values - local.middle) / local.scale
    return np.asarray(np.minimum(z, 1e9), dtype=np.float64)


def sixty_readings_by_tail(labelled: Labelled) -> Floats:
    """The same as false alarms a week."""
    order = np.argsort(labelled.instants, kind="stable")
    found = np.empty(len(order))
    scores = sixty_readings(labelled)[order]
    found[order] = tails_of(scores, CALENDAR.days(labelled.instants[order]))[0]
    return -np.log(found)


def windowed_gaussian(labelled: Labelled, *, window: int = 6400, step: int = 100) -> Floats:
    """NAB's own baseline: 1 − Q(|x − mean| / deviation) of the window before; its published scores
    to the twelfth digit."""
    values = labelled.values
    scores = np.zeros(len(values))
    for index in range(1, len(values)):
        moved = max(index - window, 0) // step * step
        before = values[moved : min(index, moved + window)]
        if index <= window or moved != max(index - 1 - window, 0) // step * step or index == 1:
            mean, deviation = float(before.mean()), float(before.std()) or 1e-6
        scores[index] = 1 - 0.5 * math.erfc(abs(values[index] - mean) / deviation / 1.4142)
    return scores


def random(labelled: Labelled) -> Floats:
    """A control: nothing of the series."""
    return np.random.default_rng(len(labelled.name)).random(len(labelled.values))


def always(labelled: Labelled) -> Floats:
    """A control: one alarm without an end."""
    return np.ones(len(labelled.values))


DETECTORS: dict[str, Detector] = {
    "ours": ours("rarity"),
    "of which seasonal": ours("seasonal"),
    "of which distance": ours("distance"),
    "of which week": ours("week"),
    "60 readings, by tail": sixty_readings_by_tail,
    "60 readings, plain z": sixty_readings,
    "windowed Gaussian": windowed_gaussian,
    "random": random,
    "always": always,
}
