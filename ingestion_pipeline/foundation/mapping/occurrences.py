"""How often a key was there before in a file, however large the file is.

A Counter of digests takes some 200 bytes a key, 2 GB for ten million rows. Here it is 12, in sorted
runs as of a log-structured merge tree; of what is beyond a million keys, runs are files that are
mapped into memory, which the system takes back when it needs it.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

DIGEST_BYTES = 8
"""Of ten million keys two have the same digest once in 370,000 files; the second is then given the
number 2, which is as good as any."""

_SPILLED = 1_000_000  # keys of a run that goes to disk

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class _Run:
    """Sorted keys, and how often each was there."""

    keys: Keys
    counts: Counts


class Occurrences:
    """Numbers equal keys in the order in which they come, from 1."""

    def __init__(self, spilled: int | None = None) -> None:
        self._runs: list[_Run] = []
        self._most = spilled or _SPILLED

    def number(self, digests: Sequence[bytes]) -> list[int]:
        """For each key the number of its occurrence; of a file's keys, in order.

        Args:
            digests: of the keys, of DIGEST_BYTES each.
        """
        if not digests:
            return []
        found = np.frombuffer(b"".join(digests), dtype=np.uint64)
        keys, key_of, times = np.unique(found, return_inverse=True, return_counts=True)
        before = self._before(keys)
        self._add(_Run(keys, times.astype(np.uint32)))
        numbers = before[key_of] + 1
        if len(keys) < len(found):
            order = np.argsort(key_of, kind="stable")
            begins = np.cumsum(times) - times  # of each key's rows in this order
            numbers[order] += np.arange(len(found)) - np.repeat(begins, times)
        return numbers.tolist()  # type: ignore[no-any-return]

    def _before(self, keys: Keys) -> npt.NDArray[np.int64]:
        total = np.zeros(len(keys), dtype=np.int64)
        for run in self._runs:
            at = np.searchsorted(run.keys, keys)
            at[at == len(run.keys)] = 0
            there = run.keys[at] == keys
            total[there] += run.counts[at[there]]
        return total

    def _add(self, run: _Run) -> None:
        """Take a run up; of two that are about as long one is made, so that there are few."""
        while self._runs and len(self._runs[-1].keys) < min(2 * len(run.keys), self._most):
            run = _merged(self._runs.pop(), run)
        self._runs.append(run if len(run.keys) < self._most else _Run(
            _on_disk(run.keys), _on_disk(run.counts)
        ))  # fmt: skip


def _merged(one: _Run, other: _Run) -> _Run:
    keys = np.concatenate([one.keys, other.keys])
    order = np.argsort(keys, kind="stable")  # linear: both are sorted
    keys, counts = keys[order], np.concatenate([one.counts, other.counts])[order]
    begins = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    return _Run(keys[begins], np.add.reduceat(counts, begins, dtype=np.uint32))


def _on_disk(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array in a file without a name, which is gone with whoever reads it."""
    with tempfile.TemporaryFile() as file:  # the map keeps a handle of its own
        mapped = np.memmap(file, dtype=array.dtype, mode="w+", shape=array.shape)
    mapped[:] = array
    return mapped
