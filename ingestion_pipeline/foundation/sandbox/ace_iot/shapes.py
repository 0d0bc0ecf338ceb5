"""How a room's sensors behave over a day: five measurements, as real rooms show them.

Air warms until the evening and dries; CO₂ and motion follow the people, who are there on weekdays
from eight to six; light follows the sun and the people.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shape:
    """One measurement: `base + swing · curve + noise`, in its unit."""

    name: str
    unit: str
    base: float
    swing: float
    noise: float


SHAPES = (
    Shape("temperature", "degC", base=22.6, swing=1.3, noise=0.25),
    Shape("humidity", "%", base=50.0, swing=-3.5, noise=1.2),
    Shape("co2", "ppm", base=430.0, swing=340.0, noise=35.0),
    Shape("light", "lx", base=3.0, swing=170.0, noise=2.5),
    Shape("motion", "", base=0.0, swing=0.3, noise=0.0),
)
KINDS = len(SHAPES)
MOTION = 4

_base = np.array([shape.base for shape in SHAPES])
_swing = np.array([shape.swing for shape in SHAPES])
_noise = np.array([shape.noise for shape in SHAPES])


def curves(seconds: Integers) -> Floats:
    """How far each measurement is up at some instants since 1970: an array (kinds, instants)."""
    hours = seconds % 86_400 / 3_600
    weekday = (seconds // 86_400 + 3) % 7 < 5  # 1970 began on a Thursday
    warmth = np.sin((hours - 11) / 24 * 2 * np.pi)
    people = weekday * np.clip(np.minimum(hours - 8, 18 - hours), 0, 1)
    stale = weekday * np.clip(np.minimum((hours - 8) / 3, (20 - hours) / 3), 0, 1)
    daylight = np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None)
    return np.stack([warmth, warmth, stale, daylight * 0.6 + people * 0.4, people])


def hundredths(kinds: Integers, curve: Floats, *, character: Floats, noise: Floats) -> Integers:
    """Values times 100, never negative.

    Args:
        curve: of the sample's measurement at its instant.
        character: in [0, 1), makes one room differ from the other.
        noise: in [0, 1), makes one sample differ from the next.
    """
    swing = _swing[kinds] * (0.75 + character / 2)
    value = _base[kinds] * (0.95 + character / 10) + swing * curve
    value += _noise[kinds] * (noise - 0.5)
    value = np.where(kinds == MOTION, noise < swing * curve, value)
    rounded: Integers = np.rint(np.maximum(value, 0) * 100).astype(np.int64)
    return rounded
