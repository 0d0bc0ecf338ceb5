"""The token bucket, against a clock that we hold."""

import asyncio
from typing import Any

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.ledger import rate_buckets
from ingestion_pipeline.foundation.ledger.rate_buckets import Lot
from ingestion_pipeline.gateway.trust.limits import RateLimit, SharedRate


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


def shared(engine: sa.Engine, **limits: Any) -> SharedRate:
    """The part of a gateway; its database answers in a thread, as another's would."""

    async def take(tenant_id: int, lot: int) -> Lot:
        def taken() -> Lot:
            with engine.begin() as connection:
                return rate_buckets.take(connection, tenant_id, lot=lot, **limits)

        return await asyncio.to_thread(taken)

    return SharedRate(take=take, **limits)


async def passed(rate: SharedRate, tenant_id: int, number: int) -> int:
    waits = await asyncio.gather(*(rate.take(tenant_id) for _ in range(number)))
    return sum(wait == 0 for wait in waits)


def test_a_tenant_sent_as_much_through_each_of_several_gateways(
    engine: sa.Engine, tenant_id: int
) -> None:
    async def through_three() -> list[int]:
        gateways = [shared(engine, rate=0.001, burst=100) for _ in range(3)]
        return await asyncio.gather(*(passed(each, tenant_id, 100) for each in gateways))

    assert sum(asyncio.run(through_three())) in range(86, 101)  # up to a lot each may be unused


def test_a_bucket_is_filled_by_the_rate_and_no_higher_than_the_burst(
    engine: sa.Engine, tenant_id: int
) -> None:
    limits = {"rate": 2.0, "burst": 10}
    with engine.begin() as connection:

        def take(lot: int, *, ago: float = 0) -> Lot:
            connection.execute(
                sa.text(
                    "UPDATE rate_buckets SET filled_at = statement_timestamp() - "
                    "make_interval(secs => :ago)"
                ),
                {"ago": ago},
            )
            return rate_buckets.take(connection, tenant_id, lot=lot, **limits)

        assert take(10).tokens == 10
        empty = take(5)
        assert empty.tokens == 0
        assert 0 < empty.wait <= 0.5
        assert take(5, ago=1.5).tokens == 3
        assert take(20, ago=3600).tokens == 10


def test_of_a_flood_the_database_is_asked_only_for_what_may_pass() -> None:
    asked: list[int] = []

    async def take(_: int, lot: int) -> Lot:
        asked.append(lot)
        return Lot(lot) if len(asked) <= 20 else Lot(0, 60.0)

    async def flood() -> int:
        return await passed(SharedRate(rate=1, burst=100, take=take), 1, 10_000)

    assert asyncio.run(flood()) == 100
    assert asked == [5] * 21


def test_without_the_buckets_each_gateway_counts_for_itself() -> None:
    async def take(_: int, __: int) -> Lot:
        raise OSError("the database is away")

    async def flood() -> int:
        return await passed(SharedRate(rate=0.001, burst=7, take=take), 1, 100)

    assert asyncio.run(flood()) == 7
