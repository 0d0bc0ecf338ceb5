"""Records → rows: values, times, filtering; nothing is dropped without being counted."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.contract.values import judge
from ingestion_pipeline.domains.buildings.land.samples import Batch, read_instant, to_rows
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import read_page
from ingestion_pipeline_tests.domains.buildings.builders import HOUR, body

POINTS = frozenset({"a", "b"})


def batch(records: list[Any], *, live: bool = False) -> Batch:
    page = read_page(body(records, None, live=live))
    found = to_rows(page, site="s", window=HOUR, points=POINTS)
    accounted = len(found.rows) + found.skipped + found.outside + len(found.unusable)
    assert accounted == page.fetched
    return found


@pytest.mark.parametrize(
    ("value", "judged"),
    [
        ("1.61", (1.61, None, "good")),
        (1.61, (1.61, None, "good")),
        ("-0", (-0.0, None, "good")),
        ("1e3", (1000.0, None, "good")),
        ("NaN", (None, "NaN", "bad")),
        ("Infinity", (None, "Infinity", "bad")),
        ("1e999", (None, "1e999", "bad")),
        ("active", (None, "active", "text")),
        ("", (None, "", "text")),
        ("1_000", (None, "1_000", "text")),
        ("١٢", (None, "١٢", "text")),
        (True, (None, "true", "text")),
        (None, (None, None, "unknown")),
    ],
)
@pytest.mark.parametrize("beside", [[], [("b", 1, "off")]])
@pytest.mark.parametrize("live", [True, False])
def test_a_value_is_a_number_or_its_text_is_kept(
    value: Any, judged: Any, beside: list[Any], live: bool
) -> None:
    assert judge(value) == judged
    row = batch([("a", 0, value), *beside], live=live).rows[0]
    assert row[3:6] == judged


@given(st.lists(st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(), max_size=20))
def test_a_column_of_values_is_judged_like_each_by_itself(values: list[Any]) -> None:
    values = [v for v in values if not isinstance(v, str) or "\0" not in v]
    values = [v for v in values if not isinstance(v, float) or abs(v) < 1e308]
    records = [("a", number, value) for number, value in enumerate(values)]
    page = read_page(body(records, None))
    found = to_rows(page, site="s", window=HOUR, points=POINTS)
    assert [row[3:6] for row in found.rows] == [judge(v) for v in values]


def test_the_senders_quality_and_metadata_are_kept() -> None:
    record = {
        "point_name": "a", "timestamp": "2024-02-29T00:00:00Z", "value": 1, "quality": "uncertain",
        "metadata": {"unit": "kW", "n": [1, 2]},
    }  # fmt: skip
    content = json.dumps({"data": [record], "pagination": {"has_more": False}}).encode()
    [row] = to_rows(read_page(content), site="s", window=HOUR, points=POINTS).rows
    assert row[5] == "uncertain"
    assert json.loads(row[6]) == {"unit": "kW", "n": [1, 2]}


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-29T00:30:00Z", (0, 30, 0, 0)),
        ("2024-02-29T00:30:00", (0, 30, 0, 0)),
        ("2024-02-29T00:30:00.1", (0, 30, 0, 100_000)),
        ("2024-02-29T00:30:00.123456", (0, 30, 0, 123_456)),
        ("2024-02-29T00:30:00.1234569Z", (0, 30, 0, 123_456)),
        ("2024-02-29T00:59:59.999999999Z", (0, 59, 59, 999_999)),
        ("2024-02-29T02:30:00+02:00", (0, 30, 0, 0)),
        ("2024-02-28T19:30:00-05:00", (0, 30, 0, 0)),
    ],
)
@pytest.mark.parametrize("beside", ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00", "never"])
def test_times_are_utc_and_cut_at_the_microsecond(
    text: str, instant: tuple[int, int, int, int], beside: str
) -> None:
    expected = datetime(2024, 2, 29, *instant, tzinfo=UTC)
    assert read_instant(text) == expected
    found = batch([("a", text, 1), ("a", beside, 1)]).rows[0][2]
    assert (found if found.tzinfo else found.replace(tzinfo=UTC)) == expected


def test_points_that_are_not_configured_are_skipped_and_named() -> None:
    found = batch([("a", 0, 1), ("x", 0, 1), ("y", "no time", 1), ("x", 1, 1)])
    assert (found.skipped, found.skipped_points) == (3, {"x", "y"})
    assert found.seen == {"a"}


def test_what_is_outside_the_window_is_counted_and_not_kept() -> None:
    found = batch([("a", -0.000001, 1), ("a", 0, 2), ("b", 3600, 3), ("b", 3599.999999, 4)])
    assert found.outside == 2
    assert [row[3] for row in found.rows] == [2.0, 4.0]


def test_a_point_with_unusable_samples_only_was_not_seen() -> None:
    found = batch([("a", "yesterday", 1), ("b", 0, "x\0y"), ("b", 1, "fine")])
    assert [each.reason.split(":")[0] for each in found.unusable] == ["time", "value"]
    assert found.seen == {"b"}
