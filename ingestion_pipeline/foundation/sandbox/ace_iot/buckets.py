"""Samples as the live API gives them unless it is asked for raw ones: means of five minutes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from ingestion_pipeline.foundation.sandbox.ace_iot.data import (
    EPOCH,
    UNDAMAGED,
    AceData,
    Block,
    Damage,
    microseconds_of,
)

_BUCKET = 300_000_000  # microseconds


@dataclass(frozen=True)
class Buckets:
    """The means of `AceData`; a bucket's instant is its beginning."""

    data: AceData

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
        """See `AceData.blocks`; a number is bucket · points + point."""
        points = self.data.points_per_site
        first = max(microseconds_of(start) // _BUCKET, after // points)
        last = -(-microseconds_of(end) // _BUCKET)
        at_a_time = max(1, size // points)
        for low in range(first, last, at_a_time):
            begin = max(start, _moment(low))
            stop = min(end, _moment(min(low + at_a_time, last)))
            block = self._means(low, list(self.data.blocks(site, begin, stop, damage=damage)))
            yield block.where(block.numbers >= after)

    def _means(self, low: int, raw: list[Block]) -> Block:
        points = self.data.points_per_site
        instants = np.concatenate([block.microseconds for block in raw])
        which = np.concatenate([block.points for block in raw])
        values = np.concatenate([block.hundredths for block in raw])
        places = (instants // _BUCKET - low) * points + which
        counts = np.bincount(places)
        there = np.flatnonzero(counts)
        sums = np.bincount(places, weights=values)[there]
        numbers = low * points + there
        return Block(
            numbers,
            numbers % points,
            numbers // points * _BUCKET,
            np.rint(sums / counts[there]).astype(np.int64),
            np.ones(len(there)),  # damage has been done to the raw samples
        )


def _moment(bucket: int) -> datetime:
    return EPOCH + timedelta(microseconds=bucket * _BUCKET)
