"""What a series takes: anything; what it holds: instants in order, a finite value at each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.unusual.calendars import Calendar
from ingestion_pipeline.foundation.unusual.findings import findings_of
from ingestion_pipeline.foundation.unusual.series import series_of
from ingestion_pipeline.foundation.unusual.usual import assess, forecast

_READINGS = st.lists(
    st.tuples(
        st.integers(-(2**62), 2**62) | st.integers(1_700_000_000, 1_700_900_000),
        st.floats(allow_nan=True, allow_infinity=True),
    ),
    max_size=80,
)


@settings(max_examples=50, deadline=None)
@given(_READINGS)
def test_whatever_comes_it_is_in_order_and_finite(readings: list[tuple[int, float]]) -> None:
    series = series_of([each[0] for each in readings], [each[1] for each in readings])
    assert np.all(np.diff(series.instants) > 0)
    assert np.all(np.isfinite(series.values))


@settings(max_examples=50, deadline=None)
@given(_READINGS)
def test_whatever_comes_nothing_breaks_and_no_nonsense_is_told(
    readings: list[tuple[int, float]],
) -> None:
    series = series_of([each[0] for each in readings], [each[1] for each in readings])
    assessed = assess(series, Calendar("America/St_Johns"))
    forecast(series, Calendar("America/St_Johns"))
    now = int(series.instants[-1]) if len(series) else 0
    for each in findings_of(assessed, now=now):
        assert each.began in series.instants
        assert each.rarity is not None
        assert 0 < each.rarity < np.inf


@settings(max_examples=50, deadline=None)
@given(st.permutations([(0, 1.0), (0, 3.0), (60, 5.0), (899, 7.0), (900, 2.0), (900, 4.0)]))
def test_readings_of_a_quarter_are_their_mean_in_any_order(
    readings: list[tuple[int, float]],
) -> None:
    series = series_of([each[0] for each in readings], [each[1] for each in readings])
    assert series.instants.tolist() == [0, 900]
    assert series.values.tolist() == [4.0, 3.0]


def test_what_is_no_number_is_no_reading() -> None:
    values = [1.0, np.nan, np.inf, -np.inf, 1e300, 2.0]
    assert series_of(np.arange(6) * 900, values).values.tolist() == [1.0, 2.0]


def test_years_that_cannot_be_meant_are_passed_over() -> None:
    assert len(series_of([-(2**62), 0, 2**61], [1.0, 2.0, 3.0])) == 1


@pytest.mark.parametrize("values", [[5.0] * 3000, [0.0] * 3000])
def test_a_constant_has_nothing_unusual(values: list[float]) -> None:
    assessed = assess(series_of(np.arange(3000) * 3600, values), Calendar())
    assert findings_of(assessed, now=3000 * 3600 - 3600) == []


def test_a_constant_that_moves_once_is_told() -> None:
    values = np.full(3000, 5.0)
    values[2900] = 6.0
    assessed = assess(series_of(np.arange(3000) * 3600, values), Calendar())
    found = findings_of(assessed, now=3000 * 3600 - 3600)
    assert [(each.kind, each.began) for each in found] == [("spike", 2900 * 3600)]
