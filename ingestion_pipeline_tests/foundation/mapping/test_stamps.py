"""Seconds and milliseconds since 1970, as APIs write instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.mapping.moments import moment_reader
from ingestion_pipeline.foundation.mapping.refusals import Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("unix", "0", EPOCH),
        ("unix", "-1", EPOCH - timedelta(seconds=1)),
        ("unix", "1774756800", datetime(2026, 3, 29, 4, tzinfo=UTC)),
        ("unix", "1774756800.123456", datetime(2026, 3, 29, 4, 0, 0, 123456, tzinfo=UTC)),
        ("unix_ms", "1774756800001", datetime(2026, 3, 29, 4, 0, 0, 1000, tzinfo=UTC)),
    ],
)
def test_a_stamp_is_its_instant(form: str, text: str, moment: datetime) -> None:
    assert moment_reader((form,), None)(text) == moment


@pytest.mark.parametrize("text", ["", "1e9", "2026-01-01", "1774756800000", "1774756800 s", "٣"])
def test_what_is_no_stamp_of_seconds_is_refused(text: str) -> None:
    assert isinstance(moment_reader(("unix",), None)(text), Refusal)


@given(st.integers(0, 2 * 10**17))
def test_no_microsecond_is_lost(since: int) -> None:
    moment = EPOCH + timedelta(microseconds=since)
    seconds, rest = divmod(since, 1_000_000)
    assert moment_reader(("unix",), None)(f"{seconds}.{rest:06}") == moment


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([0, 1]))
def test_a_time_of_numbers_only_is_what_the_others_make_of_it(moment: datetime, place: int) -> None:
    """Formats of numbers only have a short way of their own."""
    day = f"{moment:%d.%m.}{moment.year:04}"
    text = (day, f"{day} {moment:%H:%M:%S}")[place]
    short, long = ("%d.%m.%Y", "%d.%m.%Y %H:%M:%S")[place], ("%d.%m.%Y", "%d.%m.%Y %I:%M:%S")[place]
    expected = (
        moment.replace(microsecond=0) if place else datetime(*moment.timetuple()[:3], tzinfo=UTC)
    )
    assert moment_reader((short,), ZoneInfo("UTC"))(text) == expected
    if not place or 1 <= moment.hour < 13:
        assert moment_reader((long,), ZoneInfo("UTC"))(text) == expected


@pytest.mark.parametrize(
    "text", ["30.02.2026", "01.13.2026", "00.01.2026", "01.01.0000", "١.01.2026"]
)
def test_a_day_that_no_month_has_is_refused(text: str) -> None:
    assert isinstance(moment_reader(("%d.%m.%Y",), ZoneInfo("UTC"))(text), Refusal)


def test_a_time_of_another_zone_is_not_read_as_one_of_utc() -> None:
    read = moment_reader(("%Y-%m-%d %H:%M:%S",), ZoneInfo("Europe/Berlin"))
    assert read("2026-07-01 12:00:00") == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert isinstance(moment_reader(("%Y-%m-%d %H:%M:%S",), None)("2026-07-01 12:00:00"), Refusal)
