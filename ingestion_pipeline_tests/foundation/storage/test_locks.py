"""Locks: every number and name is there once, and only one module asks PostgreSQL for one."""

import itertools
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

import ingestion_pipeline
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.locks import Family, Lock, Named

PACKAGE = Path(ingestion_pipeline.__file__).parent


def named() -> dict[str, Lock | Named | Family]:
    """Everything that the module names, by its name."""
    found = {**vars(locks), **{f"of {what}": family for what, family in locks.OF_DAY.items()}}
    return {
        name: value for name, value in found.items() if isinstance(value, Lock | Named | Family)
    }


def test_no_two_locks_share_a_number() -> None:
    numbers = [lock.number for lock in named().values() if isinstance(lock, Lock)]
    assert len(numbers) == len(set(numbers)) >= 5
    assert locks.PUBLISHING_KPIS.number == 7_310_281_541_402_212


def test_no_name_of_one_family_can_be_one_of_another() -> None:
    spaces = [
        (each.seed, each.name if isinstance(each, Named) else each.prefix)
        for each in named().values()
        if isinstance(each, Named | Family)
    ]
    assert len(spaces) >= 8
    for (seed, one), (other_seed, other) in itertools.combinations(spaces, 2):
        together = one.startswith(other) or other.startswith(one)
        assert seed != other_seed or not together, (one, other)


def test_nobody_else_asks_for_advisory_locks() -> None:
    asking = [
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        if "_advisory_" in file.read_text().replace("pg_advisory_*", "")
    ]
    assert sorted(asking) == ["foundation/storage/locks.py"]


@pytest.mark.parametrize("lock", [locks.TELLING_ALERTS, locks.LOADING_SALES.of("1:kdp")])
def test_a_lock_is_held_to_the_end_of_the_transaction_and_keeps_only_its_own_out(
    engine: sa.Engine, lock: Lock | Named
) -> None:
    with engine.connect() as mine, engine.connect() as other:
        with mine.begin():
            locks.hold(mine, lock)
            with other.begin():
                assert not locks.try_hold(other, lock)
                assert locks.try_hold(other, locks.PUBLISHING_KPIS)
        with other.begin():
            assert locks.try_hold(other, lock)


def test_a_sessions_lock_outlives_transactions_also_failed_ones(engine: sa.Engine) -> None:
    lock = locks.COLLECTING_WINDOW.of("hq:2026-01-01")
    with engine.connect() as mine, engine.connect() as other:
        with suppress(sa.exc.ProgrammingError), locks.held_by_session(mine, lock) as number:
            with mine.begin():
                assert mine.scalar(sa.select(lock.key)) == number
            with other.begin():
                assert not locks.try_hold(other, lock)
            mine.exec_driver_sql("SELECT nonsense")
        with other.begin():
            assert locks.try_hold(other, lock)
