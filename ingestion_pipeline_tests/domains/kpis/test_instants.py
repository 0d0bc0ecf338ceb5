"""Every way to write an instant is one instant; what is none is refused."""

import contextlib
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.contract.instants import (
    instant_text,
    parse_instant,
    reading_instant,
)
from ingestion_pipeline.domains.kpis.contract.values import primary_value, storable_faults

VECTORS = Path(__file__).parents[3] / ".." / "shared" / "contracts" / "vectors"
NOON = datetime(2025, 8, 14, 14, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-14T14:30:22Z", "2025-08-14T14:30:22+00:00", "2025-08-14T14:30:22.000Z",
        "2025-08-14T09:30:22-05:00", "2025-08-14T14:30:22", "2025-08-14t14:30:22z",
        "2025-08-14 14:30:22", "2025-08-14T20:00:22+0530", "2025-08-14T16:30:22+02",
        "2025-08-14T14:30:22.0000009Z",
    ],
)  # fmt: skip
def test_one_instant_in_many_ways(text: str) -> None:
    assert parse_instant(text) == NOON


def test_a_microsecond_makes_another_instant() -> None:
    assert parse_instant("2025-08-14T14:30:22.000001Z") == NOON + timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2025-08-14", "2026-W01-4", "2025-08-14T24:00:00Z", "2025-08-14T14:30:60Z", "14:30",
        "1755181822", "yesterday", "", "2025-02-30T00:00:00Z", "2025-08-14T14:30:22+24:00",
        "2025-08-14T14Z", "2025-08-14T14:30:22.Z", " 2025-08-14T14:30:22Z", "2025-8-14T14:30:22Z",
        "2025-08-14T14:30:22Z\n", "٢٠٢٥-08-14T14:30:22Z", "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00", "2025-08-14T14:30:22ZZ", "20250814T143022Z", 1755181822, None,
    ],
)  # fmt: skip
def test_what_is_no_instant_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"must|calendar"):
        parse_instant(text)


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from(["T", "t", " "]),
)
def test_any_zone_is_read_as_python_reads_it(naive: datetime, minutes: int, separator: str) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_instant(instant.isoformat(separator)) == instant


@given(st.datetimes(timezones=st.just(UTC)))
def test_our_own_text_of_an_instant_names_it(instant: datetime) -> None:
    assert parse_instant(instant_text(instant)) == instant


@given(st.text())
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_instant(text).tzinfo is UTC


def test_a_reading_has_a_day_that_there_is_a_partition_for() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert reading_instant("1970-01-01T00:00:00Z", now=now).year == 1970
    assert reading_instant("2026-01-02T00:00:00Z", now=now)
    with pytest.raises(ValueError, match="1970"):
        reading_instant("1969-12-31T23:59:59Z", now=now)
    with pytest.raises(ValueError, match="future"):
        reading_instant("2026-01-02T00:00:00.000001Z", now=now)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ({"value": 42.5}, 42.5), ({"value": "42.5"}, 42.5), ({"price": 7}, 7.0),
        ({"price": "7"}, 7.0), ({"name": "x", "n": 3}, 3.0), ({"value": None, "n": 3}, 3.0),
        ({"value": "1e3", "n": 3}, 1000.0), ({"value": -0.0}, 0.0), ({"value": 2**70}, 2.0**70),
    ],
)  # fmt: skip
def test_the_primary_value(data: dict[str, Any], value: float) -> None:
    assert primary_value(data) == value


@pytest.mark.parametrize(
    "data",
    [
        {"a": 1, "b": 2}, {"value": True}, {"value": "NaN"}, {"value": "Infinity"},
        {"value": " 1_000 "}, {"value": [1]}, {}, {"text": "x"}, {"value": 10**400},
        {"value": math.nan}, {"value": math.inf}, {"value": "1e999"}, {"value": "٣"},
        {"value": None}, {"a": True, "b": False}, {"value": "-inf", "n": 3},
    ],
)  # fmt: skip
def test_no_primary_value(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        primary_value(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_the_primary_value_is_finite_or_refused(data: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        assert math.isfinite(primary_value(data))


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": ["x", {"b": "\0"}]}, "data.a[1].b"), ({"a": "\ud800"}, "data.a"),
        ({"\0": 1}, "data"), ({"a": math.nan}, "data.a"), ({"a": 10**400}, "data.a"),
    ],
)  # fmt: skip
def test_what_the_database_cannot_keep_is_named(value: Any, field: str) -> None:
    assert [fault.field for fault in storable_faults(value, "data")] == [field]


def test_nesting_has_an_end() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    assert "nested" in storable_faults(value, "data")[0].message


@pytest.mark.skipif(not VECTORS.is_dir(), reason="the vectors are not in ../shared/contracts")
def test_the_shared_vectors() -> None:
    vectors = json.loads((VECTORS / "kpi_values.json").read_text())
    assert len({parse_instant(text) for text in vectors["same_instant"]}) == 1
    assert len({parse_instant(text) for text in vectors["distinct"]}) == 2
    for text in vectors["refused"]:
        with pytest.raises(ValueError, match="must"):
            parse_instant(text)
    for case in vectors["primary_value"]:
        if "expect" in case:
            assert primary_value(case["data"]) == case["expect"]
        else:
            with pytest.raises(ValueError, match="must"):
                primary_value(case["data"])
