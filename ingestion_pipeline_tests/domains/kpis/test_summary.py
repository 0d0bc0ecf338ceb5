"""A day in one row a KPI, and in one small plot."""

import base64
import math
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.kpis.merge.grade import merge_points
from ingestion_pipeline.domains.kpis.publish.summary import publish_summary, sparkline, summary_of
from ingestion_pipeline_tests.domains.kpis.builders import (
    DAY,
    LATE,
    NOW,
    rows,
    send,
    series,
    update,
)


def points(values: list[float], kpi: str = "a") -> pd.DataFrame:
    return pd.DataFrame(
        {"tenant_id": 1, "kpi_id": kpi, "observed_at": pd.NaT, "value": values},
        index=range(len(values)),
    )


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_any_day_has_a_finite_mean_between_its_extremes(values: list[float]) -> None:
    [row] = summary_of(points(values)).to_dict("records")
    assert (row["points"], row["minimum"], row["maximum"]) == (
        len(values),
        min(values),
        max(values),
    )
    assert row["minimum"] <= row["mean"] <= row["maximum"]
    assert row["last"] == values[-1]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=300))
def test_the_plot_is_shown_inline(values: list[float]) -> None:
    frames = [points(values, kpi) for kpi in "abcdef"]
    plot = sparkline(pd.concat(frames))
    assert plot is not None
    assert len(plot) < 1000
    svg = base64.b64decode(plot.split("base64,")[1][:-1]).decode()
    assert svg.count("<polyline") == 3
    assert "nan" not in svg


def test_no_points_no_plot() -> None:
    assert sparkline(points([])) is None


def summary(engine: sa.Engine) -> list[tuple[Any, ...]]:
    return rows(
        engine,
        "SELECT points, minimum, maximum, mean, last, change FROM kpi_daily_summary"
        " WHERE day = :day", day=DAY,
    )  # fmt: skip


def test_change_is_since_the_last_value_before_the_day(engine: sa.Engine) -> None:
    send(engine, *series([1.0, 2.0, 6.0]))
    merge_points(engine, DAY, late=LATE, limit=100)
    publish_summary(engine, DAY)
    assert summary(engine) == [(3, 1.0, 6.0, 3.0, 6.0, None)]
    send(engine, update(at=NOW - timedelta(days=2), value=10))
    publish_summary(engine, DAY)
    assert summary(engine) == [(3, 1.0, 6.0, 3.0, 6.0, -4.0)]
    assert rows(engine, "SELECT pending FROM kpi_days") == [(False,)]


def test_a_change_that_no_double_holds_is_unknown(engine: sa.Engine) -> None:
    send(engine, update(at=NOW - timedelta(days=2), value=-1.7e308), update(value=1.7e308))
    publish_summary(engine, DAY)
    assert summary(engine)[0][-1] is None


def test_a_day_without_points_has_no_rows(engine: sa.Engine) -> None:
    assert publish_summary(engine, DAY).empty
    assert summary(engine) == []


@pytest.mark.parametrize("value", [math.pi, 1e16, 5e-324])
def test_values_are_stored_to_the_last_bit(engine: sa.Engine, value: float) -> None:
    send(engine, update(value=value))
    publish_summary(engine, DAY)
    assert summary(engine)[0][4] == value
