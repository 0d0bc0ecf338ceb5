"""Group commit: one transaction for all who wait, and each gets what is theirs."""

import asyncio
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline.gateway import group_commit
from ingestion_pipeline.gateway.group_commit import GroupCommit, OverloadedError

batches: list[list[int]] = []


def insert(connection: sa.Connection, items: list[int]) -> Sequence[str]:
    batches.append(items)
    connection.execute(
        sa.text("INSERT INTO numbers SELECT unnest(CAST(:items AS int[]))"), {"items": items}
    )
    return [f"stored {item}" for item in items]


@pytest.fixture
def numbers(engine: sa.Engine) -> str:
    batches.clear()
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (n int CHECK (n <> 99))")
    return engine.url.render_as_string(hide_password=False)


def stored(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT n FROM numbers ORDER BY n")).scalars())


def gather(url: str, items: Sequence[int]) -> list[str | BaseException]:
    async def run() -> list[str | BaseException]:
        engine = database.async_engine(url)
        group: GroupCommit[int, str] = GroupCommit(engine, insert)
        results = await asyncio.gather(*map(group.submit, items), return_exceptions=True)
        await engine.dispose()
        return results

    return asyncio.run(run())


def test_all_who_wait_share_one_transaction(engine: sa.Engine, numbers: str) -> None:
    assert gather(numbers, range(20)) == [f"stored {n}" for n in range(20)]
    assert stored(engine) == list(range(20))
    assert [len(batch) for batch in batches] == [20]


def test_more_than_a_batch_takes_several(
    engine: sa.Engine, numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_LARGEST_BATCH", 8)
    gather(numbers, range(20))
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert stored(engine) == list(range(20))


def test_an_item_that_can_not_be_stored_fails_alone(engine: sa.Engine, numbers: str) -> None:
    results = gather(numbers, range(97, 102))
    assert isinstance(results[2], sa.exc.IntegrityError)
    assert results[3] == "stored 100"
    assert stored(engine) == [97, 98, 100, 101]


def test_an_outage_reaches_all_who_wait_and_nothing_is_written(
    engine: sa.Engine, numbers: str
) -> None:
    def broken(connection: sa.Connection, items: list[int]) -> Sequence[str]:
        insert(connection, items)
        raise TransientError("gone")

    async def run() -> list[object]:
        async_engine = database.async_engine(numbers)
        group: GroupCommit[int, str] = GroupCommit(async_engine, broken)
        results = await asyncio.gather(*map(group.submit, range(5)), return_exceptions=True)
        await async_engine.dispose()
        return list(results)

    assert all(isinstance(result, TransientError) for result in asyncio.run(run()))
    assert len(batches) == 1  # they are not tried one by one
    assert stored(engine) == []


def test_a_request_that_is_canceled_leaves_the_others_alone(
    engine: sa.Engine, numbers: str
) -> None:
    async def run() -> str:
        async_engine = database.async_engine(numbers)
        group: GroupCommit[int, str] = GroupCommit(async_engine, insert)
        first, second = (asyncio.create_task(group.submit(n)) for n in (1, 2))
        await asyncio.sleep(0)
        first.cancel()
        result = await second
        await async_engine.dispose()
        return result

    assert asyncio.run(run()) == "stored 2"
    assert 2 in stored(engine)


def test_too_many_who_wait_are_refused_at_once(
    numbers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_MOST_WAITING", 3)
    results = gather(numbers, range(5))
    assert [isinstance(result, OverloadedError) for result in results] == [False] * 3 + [True] * 2
