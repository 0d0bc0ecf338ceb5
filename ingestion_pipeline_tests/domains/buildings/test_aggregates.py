"""Aggregates: numbers of good quality only, of one unit each; what was left out is counted."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings import offenders
from ingestion_pipeline.domains.buildings.merge.day import Options, merge_day
from ingestion_pipeline.domains.buildings.publish.aggregates import publish_day, publish_hours
from ingestion_pipeline.domains.buildings.publish.plot import plot_day
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.domains.buildings.builders import DAY, SITE, at, scripted

WHOLE = Options(window=timedelta(days=1), weather=False)


def forget(engine: sa.Engine) -> None:
    tables = "timeseries_raw, timeseries_daily, timeseries_hourly, collected_windows"
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {tables}, collected_days")


@pytest.fixture
def engine(shared_database_url: str) -> Iterator[sa.Engine]:
    """An empty database that this module's tests share."""
    made = database.engine(shared_database_url)
    forget(made)
    yield made
    made.dispose()
    database.engine.cache_clear()


def sample(seconds: int, value: Any, point: str = "a", **said: Any) -> dict[str, Any]:
    return {"point_name": point, "timestamp": at(seconds), "value": value, **said}


def collect(engine: sa.Engine, *records: dict[str, Any]) -> None:
    page = {"data": records, "pagination": {"has_more": False, "next_cursor": None}}
    merge_day(engine, scripted([json.dumps(page).encode()]), SITE, DAY, options=WHOLE)
    publish_hours(engine, SITE, DAY)
    publish_day(engine, SITE, DAY)


def aggregated(engine: sa.Engine, table: str = "timeseries_daily") -> list[tuple[Any, ...]]:
    query = f"SELECT unit, samples, left_out, minimum, maximum, mean, last FROM {table} ORDER BY 1"
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def several_units(engine: sa.Engine) -> list[tuple[str, str]]:
    with engine.connect() as connection:
        found = connection.execute(offenders.several_units())
        return [(row.point_name, row.units) for row in found]


def test_a_mean_of_degrees_of_two_kinds_was_45(engine: sa.Engine) -> None:
    celsius = [sample(60 * n, 21.0, metadata={"unit": "degC"}) for n in (0, 10, 20)]
    fahrenheit = [sample(60 * n, 69.8, metadata={"unit": "degF"}) for n in (30, 40, 50)]
    collect(engine, *celsius, *fahrenheit)
    expected = [("degC", 3, 0, 21.0, 21.0, 21.0, 21.0), ("degF", 3, 0, 69.8, 69.8, 69.8, 69.8)]
    assert aggregated(engine) == aggregated(engine, "timeseries_hourly") == expected
    assert several_units(engine) == [("a", "degC, degF")]
    with engine.connect() as connection:
        assert connection.execute(offenders.disagreeing_days()).all() == []
        assert plot_day(connection, SITE, DAY) is None  # constant, in either unit

    # The source corrects its unit: the day's aggregates are made anew, and no check warns.
    corrected = [sample(60 * n, 21.0, metadata={"unit": "degC"}) for n in range(0, 60, 10)]
    collect(engine, *corrected)
    assert aggregated(engine) == [("degC", 6, 0, 21.0, 21.0, 21.0, 21.0)]
    assert several_units(engine) == []


@pytest.mark.parametrize(
    "quality",
    ["BAD", "bad", " Bad ", "uncertain", "Uncertain", "out of service", "OutOfService", "x", 0, 192,
     True, "good?", "Good_Clamped"],
)  # fmt: skip
def test_the_last_good_value_under_a_bad_status_was_in_the_mean(
    engine: sa.Engine, quality: Any
) -> None:
    good = [sample(0, 1.0, quality="good"), sample(60, 3.0, quality="GOOD"), sample(120, 5.0)]
    collect(engine, *good, sample(180, 1e6, quality=quality), sample(240, -1e6, quality=quality))
    assert aggregated(engine) == [("", 5, 2, 1.0, 5.0, 3.0, 5.0)]
    with engine.connect() as connection:
        query = "SELECT count(*) FROM timeseries_raw WHERE abs(value) = 1e6"
        assert connection.exec_driver_sql(query).scalar() == 2
        [found] = connection.execute(offenders.many_left_out()).all()
        assert (found.samples, found.left_out) == (5, 2)
        assert connection.execute(offenders.impossible_days()).all() == []


@pytest.mark.parametrize("quality", ["good", "Good", " GOOD ", None, ""])
def test_good_in_any_case_is_good(engine: sa.Engine, quality: Any) -> None:
    collect(engine, sample(0, 2.0, quality=quality))
    assert aggregated(engine) == [("", 1, 0, 2.0, 2.0, 2.0, 2.0)]


def test_nothing_but_bad_samples_have_no_mean(engine: sa.Engine) -> None:
    collect(engine, sample(0, 2.0, quality="BAD"), sample(60, "off"), sample(120, None))
    assert aggregated(engine) == [("", 3, 1, None, None, None, None)]


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ({"metadata": {"unit": "kW"}}, "kW"),
        ({"metadata": {"units": "kW"}}, "kW"),
        ({"metadata": {"Unit": " kW "}}, "kW"),
        ({"metadata": {"UNITS": "kW"}}, "kW"),
        ({"metadata": {"uom": "kW"}}, "kW"),
        ({"metadata": {"unit_of_measurement": "kW"}}, "kW"),
        ({"metadata": {"engineeringUnits": "kW"}}, "kW"),
        ({"metadata": {"unit": "", "units": "kW"}}, "kW"),
        ({"metadata": {"unit": None}}, ""),
        ({"metadata": {"unity": "kW"}}, ""),
        ({"metadata": "kW"}, ""),
        ({"metadata": ["unit", "kW"]}, ""),
        ({"metadata": None}, ""),
        ({}, ""),
        ({"unit": "kW"}, "kW"),
        ({"unit": "kW", "metadata": {"n": 1}}, "kW"),
        ({"unit": "kW", "metadata": {"unit": "kW"}}, "kW"),
        ({"unit": None, "metadata": {"unit": "kW"}}, "kW"),
    ],
)
def test_the_unit_is_what_the_sender_calls_so(engine: sa.Engine, said: Any, unit: str) -> None:
    collect(engine, sample(0, 1.0, **said))
    assert [row[0] for row in aggregated(engine)] == [unit]


def test_a_record_that_says_two_units_is_refused(engine: sa.Engine) -> None:
    collect(engine, sample(0, 1.0, unit="degC", metadata={"unit": "degF"}), sample(60, 2.0))
    assert aggregated(engine) == [("", 1, 0, 2.0, 2.0, 2.0, 2.0)]


def test_units_that_are_written_differently_are_not_guessed_to_be_the_same(
    engine: sa.Engine,
) -> None:
    units = ["degC", "DegC", "°C", "mW", "MW"]
    collect(engine, *(sample(n, 1.0, metadata={"unit": unit}) for n, unit in enumerate(units)))
    assert [row[0] for row in aggregated(engine)] == sorted(units)


def test_a_unit_that_is_told_from_some_moment_on_begins_a_row(engine: sa.Engine) -> None:
    collect(engine, sample(3599, 70.0), sample(3600, 21.0, metadata={"unit": "degC"}))
    assert [(row[0], row[5]) for row in aggregated(engine)] == [("", 70.0), ("degC", 21.0)]
    assert len(aggregated(engine, "timeseries_hourly")) == 2
    assert several_units(engine) == [("a", "degC, none")]


def test_texts_without_a_unit_are_no_change_of_unit(engine: sa.Engine) -> None:
    collect(engine, sample(0, "offline"), sample(60, 21.0, metadata={"unit": "degC"}))
    assert several_units(engine) == []


@given(st.lists(st.tuples(
    st.integers(-100, 100), st.sampled_from(["good", "BAD", None]), st.sampled_from(["C", "F", ""]),
), max_size=12))  # fmt: skip
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_aggregates_are_those_of_the_good_numbers_of_each_unit(
    engine: sa.Engine, found: list[tuple[int, str | None, str]]
) -> None:
    forget(engine)
    collect(engine, *(
        sample(n, value, quality=quality, metadata={"unit": unit})
        for n, (value, quality, unit) in enumerate(found)
    ))  # fmt: skip
    expected = []
    for unit in sorted({unit for *_, unit in found}):
        mine = [(value, quality) for value, quality, of in found if of == unit]
        good = [float(value) for value, quality in mine if quality != "BAD"]
        mean = pytest.approx(sum(good) / max(1, len(good)))
        numbers = (min(good), max(good), mean, good[-1]) if good else (None,) * 4
        expected.append((unit, len(mine), len(mine) - len(good), *numbers))
    assert aggregated(engine) == expected
