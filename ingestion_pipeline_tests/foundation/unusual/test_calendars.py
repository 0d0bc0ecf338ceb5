"""Days and hours by the wall clock of a zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.unusual.calendars import Calendar

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
         "Pacific/Apia", "Africa/Casablanca")  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(946_684_800, 2_000_000_000), min_size=1, max_size=20),
)
def test_the_wall_clock_is_that_of_the_zone(zone: str, instants: list[int]) -> None:
    ordered = np.array(sorted(instants), dtype=np.int64)
    expected = [
        int(datetime.fromtimestamp(each, UTC).astimezone(ZoneInfo(zone))
            .replace(tzinfo=UTC).timestamp())
        for each in ordered.tolist()
    ]  # fmt: skip
    assert Calendar(zone).wall_clock(ordered).tolist() == expected


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26), date(2025, 7, 1)])
def test_a_day_begins_at_its_midnight(zone: str, day: date) -> None:
    number = (day - date(1970, 1, 1)).days
    begin = Calendar(zone).begin(number)
    expected = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    assert begin == int(expected.timestamp())


def test_a_holiday_is_compared_with_sundays() -> None:
    friday, sunday = date(2025, 4, 18), date(2025, 4, 20)
    calendar = Calendar(holidays=frozenset({friday, sunday}))
    numbers = np.array([(each - date(1970, 1, 1)).days for each in (friday, sunday)])
    assert calendar.compared(numbers).tolist() == [numbers[1], numbers[1]]
