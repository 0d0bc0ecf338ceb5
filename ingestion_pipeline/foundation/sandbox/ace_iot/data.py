"""What the stand-in of ACE IoT holds: a pure function of seed, site, point and instant.

Shaped after real room sensors: temperature, humidity, CO₂, light and motion with their day, noise,
single samples that are missing, and now and then a device that is silent for some hours. There is
no first day and no last one. Samples are numbered: number = tick · points + point, where tick is
the count of intervals since 1970; that is their order, and what a cursor holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingestion_pipeline.foundation.sandbox.ace_iot import shapes as ace_shapes
from ingestion_pipeline.foundation.sandbox.ace_iot.shapes import KINDS, SHAPES
from ingestion_pipeline.foundation.sandbox.noise import key_of, mixed, share

Integers = npt.NDArray[np.int64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MISSING = 0.003  # of the samples
_SILENT = 0.01  # of the times a device may be silent
_SILENCE = 3 * 3600  # seconds that a silence lasts
_LATE = (0.10, 0.15)  # shares of all samples, by their chance
_CORRECTED = (0.20, 0.25)
_ODD = 0.02
ODD_VALUES = (None, "NaN", "active", "Infinity")
_OFFSETS = (0, 0, 0, 500_000, 0, 123_000, 0, 123_456)  # microseconds after the tick, by point


@dataclass(frozen=True)
class Sample:
    """One sample, however a dialect writes it; only damage makes a value other than a number."""

    point: str
    time: datetime
    value: float | str | None


@dataclass(frozen=True)
class Damage:
    """What is wrong with the data for the moment; the same samples each time.

    Attributes:
        late: a twentieth of the samples is not there yet.
        corrected: a twentieth of the values has become 1 more than it was.
        odd: a fiftieth of the values is null, or a text, or a text that looks like a number.
        missing_point: has no samples.
    """

    late: bool = False
    corrected: bool = False
    odd: bool = False
    missing_point: str | None = None


UNDAMAGED = Damage()


@dataclass(frozen=True)
class Block:
    """Samples in the order of their numbers; one element a sample in every array.

    Attributes:
        microseconds: instants since 1970.
        hundredths: values times 100.
        chance: in [0, 1), by which data faults pick their samples.
    """

    numbers: Integers
    points: Integers
    microseconds: Integers
    hundredths: Integers
    chance: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, wanted: npt.NDArray[np.bool_] | slice) -> "Block":
        """Some of the samples."""
        return Block(
            self.numbers[wanted],
            self.points[wanted],
            self.microseconds[wanted],
            self.hundredths[wanted],
            self.chance[wanted],
        )


@dataclass(frozen=True)
class AceData:
    """All that the stand-in holds.

    Args:
        points_per_site: of every site.
        interval_seconds: from one sample of a point to the next.
    """

    seed: int = 1
    points_per_site: int = 50
    interval_seconds: int = 60
    sites: tuple[str, ...] = ("demo-site-1", "demo-site-2", "demo-site-3")

    def points(self, site: str) -> list[str]:
        """The names of a site's points: `client/site/device/measurement`."""
        return [
            f"sandbox/{site}/room-{point // KINDS + 1:04d}/{SHAPES[point % KINDS].name}"
            for point in range(self.points_per_site)
        ]

    def configured_points(self, site: str) -> list[str]:
        """The points that are set to be collected: every other device."""
        return [name for point, name in enumerate(self.points(site)) if self.configured(point)]

    @staticmethod
    def configured(point: int) -> bool:
        """Whether a point, by its place in `points`, is set to be collected."""
        return point // KINDS % 2 == 0

    def samples(
        self, site: str, start: datetime, end: datetime, damage: Damage = UNDAMAGED
    ) -> list[Sample]:
        """Every sample in [start, end), in order: what a client must have read in the end."""
        names = self.points(site)
        return [
            Sample(names[point], EPOCH + timedelta(microseconds=microseconds), value)
            for block in self.blocks(site, start, end, damage=damage)
            for point, microseconds, value in zip(
                block.points.tolist(),
                block.microseconds.tolist(),
                values_of(block, damage),
                strict=True,
            )
        ]

    def blocks(
        self,
        site: str,
        start: datetime,
        end: datetime,
        *,
        after: int = 0,
        size: int = 100_000,
        damage: Damage = UNDAMAGED,
    ) -> Iterator[Block]:
        """The samples in [start, end) from number `after` on, about `size` at a time."""
        first, last = microseconds_of(start), microseconds_of(end)
        step = self.interval_seconds * 1_000_000
        names = [] if damage.missing_point is None else self.points(site)
        low = max(after, first // step * self.points_per_site)
        high = -(-last // step) * self.points_per_site
        for begin in range(low, high, size):
            block = self._block(site, np.arange(begin, min(begin + size, high)))
            inside = (block.microseconds >= first) & (block.microseconds < last)
            if damage.late:
                inside &= ~_share_of(block, _LATE)
            if damage.missing_point in names:
                inside &= block.points != names.index(damage.missing_point)
            if damage.corrected:
                block.hundredths[_share_of(block, _CORRECTED)] += 100
            yield block.where(inside)

    def _block(self, site: str, numbers: Integers) -> Block:
        """The samples of consecutive numbers, without those that are missing."""
        traits = _traits(self.seed, site, self.points_per_site)
        ticks, points = np.divmod(numbers, self.points_per_site)
        seconds = ticks * self.interval_seconds
        first, last = int(ticks[0]), int(ticks[-1])
        curves = ace_shapes.curves(np.arange(first, last + 1) * self.interval_seconds)
        kinds = points % KINDS
        bits = mixed(traits.point_keys[points], ticks)
        silences = mixed(traits.device_keys[points], seconds // _SILENCE)
        there = (share(bits, nth=1) >= _MISSING) & (share(silences, nth=0) >= _SILENT)
        block = Block(
            numbers,
            points,
            seconds * 1_000_000 + traits.offsets[points],
            ace_shapes.hundredths(
                kinds,
                curves[kinds, ticks - first],
                character=traits.characters[points],
                noise=share(bits, nth=0),
            ),
            share(bits, nth=2),
        )
        return block.where(there)


@dataclass(frozen=True)
class _Traits:
    """What stays the same of a site's points; one element a point in every array."""

    point_keys: npt.NDArray[np.uint64]
    device_keys: npt.NDArray[np.uint64]
    characters: npt.NDArray[np.float64]
    offsets: Integers


@lru_cache(maxsize=16)
def _traits(seed: int, site: str, points: int) -> _Traits:
    keys = [key_of(seed, site, point) for point in range(points)]
    return _Traits(
        np.array(keys, dtype=np.uint64),
        np.array([keys[point - point % KINDS] ^ 1 for point in range(points)], dtype=np.uint64),
        np.array([key % 1009 / 1009 for key in keys]),
        np.array([_OFFSETS[point % len(_OFFSETS)] for point in range(points)], dtype=np.int64),
    )


def odd_values(block: Block, damage: Damage) -> dict[int, str | None]:
    """The values that are no numbers, by their place in the block."""
    if not damage.odd:
        return {}
    places = np.flatnonzero(block.chance < _ODD)
    which = (block.chance[places] / _ODD * len(ODD_VALUES)).astype(int)
    return {
        place: ODD_VALUES[odd] for place, odd in zip(places.tolist(), which.tolist(), strict=True)
    }


def values_of(block: Block, damage: Damage) -> list[float | str | None]:
    """The values of a block as a client should understand them."""
    values: list[float | str | None] = (block.hundredths / 100).tolist()
    for place, odd in odd_values(block, damage).items():
        values[place] = odd
    return values


def _share_of(block: Block, limits: tuple[float, float]) -> npt.NDArray[np.bool_]:
    return (block.chance >= limits[0]) & (block.chance < limits[1])


def microseconds_of(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)
