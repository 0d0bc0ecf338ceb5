"""What identifies a run: the jobs that it takes, and how often each has been tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.orchestration.sensing import run_key_of, run_tags

due = st.sets(st.tuples(st.integers(1, 10**12), st.integers(0, 30)), min_size=1, max_size=20)


@given(due=due, data=st.data())
def test_the_order_in_which_jobs_are_found_is_not_in_the_key(
    due: set[tuple[int, int]], data: st.DataObject
) -> None:
    jobs = data.draw(st.permutations(sorted(due)))
    assert run_key_of("uploads", jobs) == run_key_of("uploads", due)


@given(one=due, other=due)
def test_other_jobs_or_another_attempt_are_another_run(
    one: set[tuple[int, int]], other: set[tuple[int, int]]
) -> None:
    assert (run_key_of("uploads", one) == run_key_of("uploads", other)) == (one == other)
    assert run_key_of("uploads", one) != run_key_of("events", one)


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        ((), {}),
        (("2026-01-01",), {"partition": "2026-01-01"}),
        (("2026-01-01", "2026-01-01"), {"partition": "2026-01-01"}),
        (("2026-01-01", "2026-01-31"), {"partition": "2026-01-01...2026-01-31"}),
    ],
)
def test_a_run_says_its_domain_and_its_partitions(
    partitions: tuple[str, ...], said: dict[str, str]
) -> None:
    assert run_tags("kpis", *partitions) == {"domain": "kpis", **said}
