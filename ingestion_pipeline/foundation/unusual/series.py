"""A series as the detector takes it: instants in order, one finite value at each.

A *reading* is what was sent; a *point* is what is judged: the mean of the readings of a quarter of
an hour. Minute data is judged as such means, and what comes more seldom as it is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

QUARTER = 900  # seconds
LARGEST = 1e150  # of what is larger a square is not a number any more
_FIRST, _LAST = -2_208_988_800, 7_258_118_400  # 1900 and 2200; what is said of other years is wrong


@dataclass(frozen=True)
class Series:
    """A series of points.

    Attributes:
        instants: int64[n], seconds since 1970 in UTC, ascending, none twice.
        values: float64[n], finite.
    """

    instants: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.instants)

    def since(self, instant: int) -> "Series":
        """The points at and after an instant."""
        first = int(np.searchsorted(self.instants, instant))
        return Series(self.instants[first:], self.values[first:])

    def before(self, instant: int) -> "Series":
        """The points before an instant."""
        last = int(np.searchsorted(self.instants, instant))
        return Series(self.instants[:last], self.values[:last])


def series_of(instants: Any, values: Any, *, every: int = QUARTER) -> Series:
    """Readings as a series of points.

    Readings are taken in any order. What is not a finite number, or of a year that cannot be meant,
    is passed over. Several of one stretch of `every` seconds are one point: their mean, at the
    instant of the first, whatever the order in which they are given.

    Args:
        instants: int64[n], seconds since 1970 in UTC.
        values: float64[n].
        every: seconds; 1 joins only what stands at the same second.
    """
    when = np.asarray(instants, dtype=np.int64)
    value = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        kept = (np.abs(value) <= LARGEST) & (when >= _FIRST) & (when < _LAST)
    order = np.lexsort((value[kept], when[kept]))
    when, value = when[kept][order], value[kept][order]
    first = np.flatnonzero(np.diff(when // every, prepend=np.iinfo(np.int64).min // every))
    if len(first) == len(when):
        return Series(when, value)
    counts = np.diff(first, append=len(when))
    return Series(when[first], np.add.reduceat(value / np.repeat(counts, counts), first))
