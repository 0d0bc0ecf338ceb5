"""The token bucket, against a clock that we hold."""

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.gateway.limits import RateLimit


def test_a_burst_passes_and_then_the_rate() -> None:
    now = 0.0
    limit = RateLimit(rate=2, burst=3, clock=lambda: now)
    assert [limit.take(1) for _ in range(4)] == [0, 0, 0, 0.5]
    now = 0.5
    assert [limit.take(1) for _ in range(2)] == [0, 0.5]


def test_addresses_without_end_do_not_fill_the_memory() -> None:
    limit = RateLimit(rate=1, burst=1, clock=lambda: 0.0)
    limit.take("first")
    for number in range(10_000):
        limit.take(number)
    assert len(limit._buckets) == 10_000
    assert limit.take(9_999) > 0
    assert limit.take("first") == 0  # forgotten


def test_one_tenant_does_not_use_up_what_another_may_send() -> None:
    limit = RateLimit(rate=1, burst=1, clock=lambda: 0.0)
    assert limit.take(1) == 0
    assert limit.take(1) > 0
    assert limit.take(2) == 0


@given(steps=st.lists(st.floats(min_value=0, max_value=3), max_size=60))
def test_never_more_passes_than_burst_and_rate_allow(steps: list[float]) -> None:
    now, passed = 0.0, 0
    limit = RateLimit(rate=2, burst=5, clock=lambda: now)
    for step in steps:
        now += step
        passed += limit.take(1) == 0
        assert passed <= 5 + 2 * now + 1e-6


def test_who_waits_as_told_passes() -> None:
    now = 0.0
    limit = RateLimit(rate=3, burst=1, clock=lambda: now)
    limit.take(1)
    for _ in range(100):
        now += limit.take(1) + 1e-9
        assert limit.take(1) == 0
