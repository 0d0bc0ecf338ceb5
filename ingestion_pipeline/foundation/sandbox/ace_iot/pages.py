"""Pages of samples as JSON, in bulk: templates by point, looked-up texts, one join.

A page of 100,000 records has to cost less to write than anybody needs to read it.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import numpy as np

from ingestion_pipeline.foundation.sandbox.ace_iot.data import UNDAMAGED, Block, Damage, odd_values
from ingestion_pipeline.foundation.sandbox.ace_iot.shapes import KINDS, SHAPES

_LARGEST_TEXT = 200_000  # hundredths; no shape goes beyond
_LARGEST_BLOCK = 100_000


class Source(Protocol):
    """What pages are read from: raw samples or buckets of them."""

    def blocks(
        self,
        site: str,
        start: datetime,
        end: datetime,
        *,
        after: int = 0,
        size: int = 0,
        damage: Damage = UNDAMAGED,
    ) -> Iterator[Block]:
        """See `AceData.blocks`."""


@dataclass(frozen=True)
class Page:
    """Part of a window.

    Attributes:
        next_number: of the first sample after the page; None: the page is the last.
    """

    blocks: Sequence[Block]
    next_number: int | None

    def __len__(self) -> int:
        return sum(map(len, self.blocks))


def read_page(
    data: Source,
    site: str,
    start: datetime,
    end: datetime,
    *,
    after: int,
    size: int,
    damage: Damage,
) -> Page:
    """The next `size` samples of [start, end) from number `after` on."""
    blocks: list[Block] = []
    missing = size
    # A little more than is wanted: some are missing, and one more says whether there is a next.
    step = min(size + size // 32 + 64, _LARGEST_BLOCK)
    for block in data.blocks(site, start, end, after=after, size=step, damage=damage):
        if len(block) > missing:
            blocks.append(block.where(slice(0, missing)))
            return Page(blocks, int(block.numbers[missing]))
        blocks.append(block)
        missing -= len(block)
    return Page(blocks, None)


@dataclass(frozen=True)
class Writer:
    """Writes the samples of one site in one dialect: head, time, value, tail, of every sample.

    Heads and tails belong to a point; a value's text begins with what stands between time and
    value, so that a record has few pieces.
    """

    heads: Sequence[bytes]
    tails: Sequence[bytes]
    value_format: str

    def records(self, blocks: Sequence[Block], damage: Damage, *, repeated: int = 0) -> bytes:
        """The records, separated by commas; the last `repeated` ones of the last block twice."""
        twice = [block.where(slice(-repeated, None)) for block in blocks[-1:] if repeated]
        return b"".join(self._records(block, damage) for block in [*blocks, *twice])[:-1]

    def _records(self, block: Block, damage: Damage) -> bytes:
        points = block.points.tolist()
        values = _looked_up(value_texts(self.value_format), block.hundredths.tolist())
        for place, odd in odd_values(block, damage).items():
            values[place] = self.value_format.replace('"{}"', "{}").format(json.dumps(odd)).encode()
        pieces = [b""] * (4 * len(block))
        pieces[0::4] = _looked_up(self.heads, points)
        pieces[1::4] = _time_texts(block)
        pieces[2::4] = values
        pieces[3::4] = _looked_up(self.tails, points)
        return b"".join(pieces)


def documented_writer(names: Sequence[str]) -> Writer:
    """Records of the documents: numbers, `Z`, quality and metadata."""
    return Writer(
        heads=[f'{{"point_name":{json.dumps(name)},"timestamp":"'.encode() for name in names],
        tails=[
            f',"quality":"good","metadata":{{"unit":"{SHAPES[point % KINDS].unit}"}}}},'.encode()
            for point in range(len(names))
        ],
        value_format='Z","value":{}',
    )


def live_writer(names: Sequence[str]) -> Writer:
    """Records of the live API: values as texts, times without a zone."""
    return Writer(
        heads=[f'{{"name":{json.dumps(name)},"time":"'.encode() for name in names],
        tails=[b"},"] * len(names),
        value_format='","value":"{}"',
    )


@lru_cache(maxsize=4)
def value_texts(value_format: str) -> Sequence[bytes]:
    """The texts of 0.0, 0.01, …, by hundredths."""
    return [value_format.format(number / 100).encode() for number in range(_LARGEST_TEXT)]


def _time_texts(block: Block) -> list[bytes]:
    """Every sample's instant to the second, and its fraction where it has one."""
    if not len(block):
        return []
    seconds, fractions = np.divmod(block.microseconds, 1_000_000)
    kinds = np.unique(fractions)
    unique, which = np.unique(seconds, return_inverse=True)
    instants = np.datetime_as_string(unique.astype("datetime64[s]")).tolist()
    texts = [
        f"{instant}{_fraction(kind)}".encode() for instant in instants for kind in kinds.tolist()
    ]
    return _looked_up(texts, (which * len(kinds) + np.searchsorted(kinds, fractions)).tolist())


def _fraction(microseconds: int) -> str:
    return f".{microseconds:06d}".rstrip("0") if microseconds else ""


def _looked_up(texts: Sequence[bytes], places: list[int]) -> list[bytes]:
    return list(map(texts.__getitem__, places))
