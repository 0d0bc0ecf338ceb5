"""Partitions by month: made once, whoever else makes them at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from threading import Barrier

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month, months_there

FEBRUARY = Month(date(2024, 2, 1))


def test_a_month_is_the_one_in_utc() -> None:
    east = datetime(2024, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert Month.of(east) == Month.of(date(2024, 2, 29)) == FEBRUARY
    assert FEBRUARY.partition == "timeseries_raw_2024_02"


@pytest.mark.parametrize(
    ("months", "first"),
    [(0, date(2024, 2, 1)), (1, date(2024, 1, 1)), (2, date(2023, 12, 1)), (14, date(2022, 12, 1))],
)
def test_months_are_counted_back_over_the_turn_of_the_year(months: int, first: date) -> None:
    assert FEBRUARY.back(months) == Month(first)


def test_a_partition_holds_its_month_and_no_instant_more(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        ensure_month(connection, FEBRUARY)
        ensure_month(connection, FEBRUARY)
        bounds = connection.scalar(
            sa.text("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = :name"),
            {"name": FEBRUARY.partition},
        )
        assert months_there(connection) == [FEBRUARY]
    assert bounds == "FOR VALUES FROM ('2024-02-01 00:00:00+00') TO ('2024-03-01 00:00:00+00')"


def test_a_month_that_another_process_had_just_made_was_made_again(engine: sa.Engine) -> None:
    together = Barrier(8)

    def need() -> None:
        with engine.connect() as connection:
            connection.execute(sa.select(1))
            connection.rollback()
            together.wait(30)
            with connection.begin():
                ensure_month(connection, FEBRUARY)

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(need) for _ in range(8)]:
            done.result()
    with engine.connect() as connection:
        assert months_there(connection) == [FEBRUARY]
