"""Equal keys are numbered as a Counter would, in a hundredth of its memory."""

import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.mapping.occurrences import Occurrences

BATCHES = st.lists(st.lists(st.integers(0, 40), max_size=30), max_size=12)


def digests(numbers: list[int]) -> list[bytes]:
    return [number.to_bytes(8, "little") for number in numbers]


@given(BATCHES, st.integers(2, 50))
def test_each_key_is_numbered_as_a_counter_would_whatever_is_on_disk(
    batches: list[list[int]], spilled: int
) -> None:
    occurrences, seen = Occurrences(spilled), Counter[int]()
    for batch in batches:
        expected = []
        for key in batch:
            seen[key] += 1
            expected.append(seen[key])
        assert occurrences.number(digests(batch)) == expected


def test_what_is_remembered_of_a_large_file_is_on_disk() -> None:
    keys, size = 200_000, 4_000
    occurrences = Occurrences(10_000)
    tracemalloc.start()
    for start in range(0, keys, size):
        new = [(key * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "little")
               for key in range(start, start + size)]  # fmt: skip
        assert set(occurrences.number(new)) == {1}
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 12 * 20_000 + 100_000
    assert occurrences.number(digests([0x9E3779B97F4A7C15])) == [2]
