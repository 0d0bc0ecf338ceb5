"""Binary rows: the same as the careful reader's, or none at all."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.land.packed import pack
from ingestion_pipeline.domains.buildings.land.samples import COLUMNS, to_rows
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page, read_page
from ingestion_pipeline.foundation.storage.bulk import copy_encoded, encode_rows
from ingestion_pipeline_tests.domains.buildings.builders import HOUR, body

POINTS = frozenset({"a", "ö/b", 'c "quoted"', "d\\e"})

_names = st.sampled_from([*sorted(POINTS), "of nobody"])
_numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
_times = st.sampled_from(
    ["00:00:00", "00:59:59.999999", "00:30:00.1", "00:30:00.1234567", "00:07:00.000001"]
)


@st.composite
def documented(draw: st.DrawFn) -> bytes:
    record = st.fixed_dictionaries(
        {"point_name": _names, "timestamp": _times.map("2024-02-29T{}Z".format), "value": _numbers},
        optional={
            "quality": st.sampled_from(["good", "uncertain", "ü", ""]) | st.none(),
            "metadata": st.sampled_from([None, {"unit": "°C"}, {"n": [1, 2.5]}, "text", 7]),
        },
    )
    data = draw(st.lists(record, max_size=8))
    return json.dumps({"data": data, "pagination": {"has_more": False}}).encode()


@st.composite
def live(draw: st.DrawFn) -> bytes:
    time = _times.map("2024-02-29T{}".format) | st.just("2024-02-29T02:30:00+02:00")
    values = _numbers.map(repr) | st.just("1e3") | st.just("-0")
    record = st.fixed_dictionaries({"name": _names, "time": time, "value": values})
    samples = draw(st.lists(record, max_size=8))
    return json.dumps({"point_samples": samples, "has_more": False}).encode()


@given(documented() | live())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_packed_rows_are_those_of_the_careful_reader(engine: sa.Engine, content: bytes) -> None:
    page = read_page(content)
    packed = pack(page, site="s", window=HOUR, points=POINTS)
    batch = to_rows(page, site="s", window=HOUR, points=POINTS)
    assert packed is not None
    assert packed.kept == len(batch.rows)
    assert (packed.seen, packed.skipped, packed.skipped_points) == (
        batch.seen, batch.skipped, batch.skipped_points,
    )  # fmt: skip
    with engine.connect() as connection:
        for table in ("binary_rows", "careful_rows"):
            connection.exec_driver_sql(
                f"CREATE TEMPORARY TABLE {table} (number int GENERATED ALWAYS AS IDENTITY,"
                " LIKE timeseries_raw INCLUDING DEFAULTS) ON COMMIT DROP"
            )
        if batch.rows:
            copy_encoded(connection, "binary_rows", COLUMNS, packed.payload, binary=True)
            copy_encoded(connection, "careful_rows", COLUMNS, encode_rows(batch.rows))
        found, expected = (
            connection.exec_driver_sql(
                f"SELECT number, {', '.join(COLUMNS)}, metadata::text FROM {table} ORDER BY 1"
            ).all()
            for table in ("binary_rows", "careful_rows")
        )
        connection.rollback()
    assert found == expected
    assert [str(row.value) for row in found] == [str(row.value) for row in expected]  # -0.0


@pytest.mark.parametrize(
    "record",
    [("a", 3600, 1.0), ("a", -0.000001, 1.0), ("a", "never", 1.0), ("a", 0, "NaN"),
     ("a", 0, "on"), ("a", 0, None), ("a", 0, True), ("a", 0, "1e999")],
)  # fmt: skip
def test_a_page_with_a_record_that_needs_a_closer_look_is_left_to_the_careful_reader(
    record: Any,
) -> None:
    page = read_page(body([("a", 1, 1.0), record], None))
    assert pack(page, site="s", window=HOUR, points=POINTS) is None


def test_records_that_nobody_wants_need_no_closer_look() -> None:
    page = read_page(body([("a", 1, 1.0), ("of nobody", "never", "on")], None))
    packed = pack(page, site="s", window=HOUR, points=POINTS)
    assert packed is not None
    assert (packed.kept, packed.skipped_points) == (1, {"of nobody"})
    nothing = pack(Page("live"), site="s", window=HOUR, points=POINTS)
    assert nothing is not None
    assert (nothing.payload, nothing.kept) == (b"", 0)
