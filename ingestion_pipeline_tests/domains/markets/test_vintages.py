"""Periods of real time joined again are what one request for all of it would give."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.markets.contract.vintages import (
    LAST_DAY,
    Period,
    Vintage,
    joined,
    periods,
)

DAY = timedelta(days=1)
START = date(2024, 1, 1)

# Of a date: the days on which its value was released or revised, and whether it was taken back.
releases = st.dictionaries(
    st.integers(1, 60), st.sampled_from([None, Decimal(1), Decimal("2.50"), Decimal(3)]), min_size=1
)


def vintages_of(day: date, known: dict[int, Decimal | None]) -> list[Vintage]:
    """As FRED has them: a release that changes nothing begins no vintage."""
    made: list[Vintage] = []
    for number, value in sorted(known.items()):
        released = START + number * DAY
        if made and made[-1].value == value:
            continue
        if made:
            made[-1] = cut(made[-1], Period(end=released - DAY))
        made.append(Vintage(day, released, LAST_DAY, value))
    return made


def cut(vintage: Vintage, period: Period) -> Vintage:
    return Vintage(
        vintage.date,
        max(vintage.realtime_start, period.start),
        min(vintage.realtime_end, period.end),
        vintage.value,
    )


@given(st.lists(releases, max_size=8), st.integers(1, 20))
def test_no_vintage_is_lost_or_invented(dates: list[dict[int, Decimal | None]], most: int) -> None:
    whole = [
        vintage
        for number, known in enumerate(dates)
        for vintage in vintages_of(START + number * DAY, known)
    ]
    days = sorted({vintage.realtime_start for vintage in whole})
    parts = list(periods(days, most=most))
    assert parts[0].start < parts[-1].end == LAST_DAY
    for period in parts:
        assert sum(period.start <= day <= period.end for day in days) <= most
    asked = (
        (
            period,
            [
                cut(vintage, period)
                for vintage in whole
                if vintage.realtime_start <= period.end and vintage.realtime_end >= period.start
            ],
        )
        for period in parts
    )
    assert sorted(joined(asked), key=str) == sorted(whole, key=str)


def test_a_series_without_vintages_is_one_period() -> None:
    assert list(periods([], most=5)) == [Period()]
    assert joined([(Period(), [])]) == []
