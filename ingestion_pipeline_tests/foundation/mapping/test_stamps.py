"""Seconds and milliseconds since 1970, as APIs write instants."""

from datetime import UTC, datetime, timedelta

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
