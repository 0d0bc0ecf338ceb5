"""A day is the day that the sender wrote: nothing is converted before it is taken."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.markets.contract.days import parse_day, parse_instant
from ingestion_pipeline.domains.markets.contract.events import parse_event
from ingestion_pipeline_tests.domains.markets.builders import (
    comparable,
    comps_event,
    fundamentals_event,
    send,
)

MAY = date(2026, 5, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01", "2026-05-01T00:00:00+02:00", "2026-05-01T20:00:00-05:00", "20260501",
        "2026-05-01T23:59:59.9999999Z", "2026-05-01T00:00:00+14:00", "2026-05-01T23:00:00-12:00",
        "2026-05-01 20:00", "2026-05-01 20:00:00-05:00", "2026-05-01t20:00:00z", "2026-W18-5",
        "2026-05-01T24:00", "2026-05-01T24:00:00Z", "2026-05-01T24:00:00.000-06:00",
        " 2026-05-01 ", "2026-05-01T20",
    ],
)  # fmt: skip
def test_the_day_of_a_time_with_an_offset_became_the_day_of_utc(text: str) -> None:
    assert parse_day(text) == MAY


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T25:00", "2026-05-01T24:01", "2026-05-01Tnoon", "2026-05-01T", "05/01/2026",
        "２０２６-05-01", "2026-05-01T1２:00", "2026-05-01T00:00+99:00", "2026-02-29", "", "T20:00",
        "2026-05", "2026-121", "1777593600", "2026-05-01T20:00 (CET)",
    ],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_day(text)


@given(
    day=st.dates(date(1, 1, 3), date(9999, 12, 29)),
    clock=st.times(),
    hours=st.integers(-12, 14),
    separator=st.sampled_from(["T", " "]),
)
def test_whatever_the_offset_the_day_is_the_written_one(
    day: date, clock: time, hours: int, separator: str
) -> None:
    told = datetime.combine(day, clock, timezone(timedelta(hours=hours)))
    assert parse_day(told.isoformat(separator)) == day
    assert parse_instant(told.isoformat(separator)) == told


def test_the_end_of_a_day_is_the_beginning_of_the_next() -> None:
    assert parse_instant("2026-05-01T24:00:00Z") == datetime(2026, 5, 2, tzinfo=UTC)
    assert parse_instant("2026-05-01") == datetime(2026, 5, 1, tzinfo=UTC)


def test_one_sale_told_with_three_offsets_was_three_sales(
    engine: sa.Engine, tenant_id: int
) -> None:
    for day in ("2026-05-01", "2026-05-01T00:00:00+02:00", "2026-05-01T20:00:00-05:00"):
        send(engine, tenant_id, comps_event(comparable(None, sale_date=day)))
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT sale_date FROM market_comps")).all()
    assert found == [(MAY,)]


def test_an_event_of_the_last_evening_of_a_month_was_of_the_next_month(
    engine: sa.Engine, tenant_id: int
) -> None:
    for timestamp, data in (
        ("2026-01-31T23:30:00-06:00", {}),
        ("2026-02-02T10:00:00Z", {"as_of_date": "2026-03-31T20:00:00-05:00"}),
    ):
        event = {**fundamentals_event(**data), "timestamp": timestamp}
        send(engine, tenant_id, event)
    with engine.connect() as connection:
        query = sa.text("SELECT as_of_date FROM market_fundamentals ORDER BY 1")
        assert connection.scalars(query).all() == [date(2026, 1, 31), date(2026, 3, 31)]


def test_an_event_from_the_future_is_of_the_day_on_which_it_came(
    engine: sa.Engine, tenant_id: int
) -> None:
    send(engine, tenant_id, {**fundamentals_event(), "timestamp": "2999-01-01T00:00:00Z"})
    with engine.connect() as connection:
        assert connection.scalar(
            sa.text(
                "SELECT f.as_of_date = (e.received_at AT TIME ZONE 'UTC')::date "
                "FROM market_fundamentals AS f JOIN ingestion_events AS e USING (ingestion_id)"
            )
        )


def test_one_id_written_in_four_ways_is_one_comparable() -> None:
    event = parse_event(
        comps_event(*(comparable(each) for each in (12345, "12345", 12345.0, " 12345 ")))
    )
    assert [each.comp_key for each in event.comparables] == ["id:12345"] * 4
    [index] = [each.index for each in parse_event(
        comps_event(comparable(1), comparable(1.5))
    ).rejected]  # fmt: skip
    assert index == 1
