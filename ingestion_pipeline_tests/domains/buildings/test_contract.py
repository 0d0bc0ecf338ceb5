"""Days and windows: UTC, half-open, each instant in exactly one, whatever clocks on walls do."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.contract.windows import (
    day_of,
    days_back,
    instant_text,
    windows_of,
)
from ingestion_pipeline.foundation.errors import ConfigurationError

HOUR = timedelta(hours=1)


@given(st.dates(date(1971, 1, 1), date(2200, 1, 1)), st.integers(60, 86_400))
def test_windows_tile_the_day_without_gap_or_overlap(day: date, seconds: int) -> None:
    windows = windows_of(day, timedelta(seconds=seconds))
    assert windows[0].start == day_of(day).start
    assert windows[-1].end == day_of(day).end == day_of(day + timedelta(days=1)).start
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))


@pytest.mark.parametrize("day", ["2024-02-29", "2023-12-31", "2024-12-31", "2025-01-01"])
def test_every_day_has_24_hours(day: str) -> None:
    assert len(windows_of(date.fromisoformat(day), HOUR)) == 24


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-06-01", 24),
                                            ("2025-10-26", 25)])  # fmt: skip
def test_a_local_day_of_23_24_or_25_hours_is_covered_once_by_utc_windows(
    day: str, hours: int
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    local = date.fromisoformat(day)
    midnights = [
        datetime(each.year, each.month, each.day, tzinfo=berlin).astimezone(UTC)
        for each in (local, local + timedelta(days=1))
    ]
    windows = [
        window
        for utc_day in (local - timedelta(days=1), local, local + timedelta(days=1))
        for window in windows_of(utc_day, HOUR)
        if midnights[0] <= window.start < midnights[1]
    ]
    assert len(windows) == hours
    assert windows[0].start == midnights[0]
    assert windows[-1].end == midnights[1]
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))


def test_today_ends_now() -> None:
    now = datetime(2024, 2, 29, 1, 30, 15, 999, tzinfo=UTC)
    windows = windows_of(date(2024, 2, 29), HOUR, until=now)
    assert [str(window) for window in windows] == [
        "2024-02-29T00:00:00Z/2024-02-29T01:00:00Z", "2024-02-29T01:00:00Z/2024-02-29T01:30:15Z",
    ]  # fmt: skip
    assert windows_of(date(2024, 3, 1), HOUR, until=now) == []


@pytest.mark.parametrize("length", [timedelta(0), timedelta(hours=25), -HOUR])
def test_a_window_is_a_second_to_a_day(length: timedelta) -> None:
    with pytest.raises(ConfigurationError, match="COLLECT_WINDOW"):
        windows_of(date(2024, 1, 1), length)


def test_the_end_of_a_window_is_no_last_second() -> None:
    assert instant_text(day_of(date(2024, 2, 29)).end) == "2024-03-01T00:00:00Z"


def test_look_back_goes_over_month_and_leap_day() -> None:
    assert [str(day) for day in days_back(date(2024, 3, 2), 2)] == [
        "2024-02-28", "2024-02-29", "2024-03-01",
    ]  # fmt: skip
