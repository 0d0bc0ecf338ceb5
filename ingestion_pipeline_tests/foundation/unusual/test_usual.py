"""How rare each point is: causal, whatever the unit, with a bounded look back."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR
from ingestion_pipeline.foundation.unusual.findings import findings_of
from ingestion_pipeline.foundation.unusual.rarity import tails_of
from ingestion_pipeline.foundation.unusual.series import Series, series_of
from ingestion_pipeline.foundation.unusual.usual import (
    LOOK_BACK_DAYS,
    Scores,
    assess,
    forecast,
)
from ingestion_pipeline_tests.foundation.unusual.builders import BERLIN, instant, office, told

PARTS = [field.name for field in dataclasses.fields(Scores)]


@pytest.fixture(scope="module")
def calm() -> Series:
    return series_of(*office())


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 14 * 7 * 24), st.integers(0, 2**32 - 1))
def test_what_was_said_stays_when_more_comes(cut: int, seed: int) -> None:
    instants, values = office(seed=seed % 5)
    chance = np.random.default_rng(seed)
    there = chance.random(len(instants)) < 0.9  # and with holes
    values = np.where(chance.random(len(instants)) < 0.01, values * 3, values)
    whole = assess(series_of(instants[there], values[there]), BERLIN)
    before = assess(Series(whole.series.instants[:cut], whole.series.values[:cut]), BERLIN)
    count = len(before.series)
    for part in PARTS:
        np.testing.assert_array_equal(
            getattr(before.scores, part), getattr(whole.scores, part)[:count]
        )
    for bound in ("low", "middle", "high"):
        np.testing.assert_array_equal(
            getattr(before.usual, bound), getattr(whole.usual, bound)[:count]
        )


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([1e-6, 0.5, 3.0, 1e6]), st.sampled_from([-1e4, 0.0, 250.0]))
def test_the_unit_does_not_matter(factor: float, offset: float) -> None:
    instants, values = office(weeks=8)
    plain = assess(series_of(instants, values), BERLIN).scores.rarity
    other = assess(series_of(instants, factor * (values + offset)), BERLIN).scores.rarity
    np.testing.assert_allclose(plain, other, rtol=1e-4)


def test_with_the_look_back_it_says_the_same_as_with_all() -> None:
    instants, values = office(weeks=45)
    values[-300:-297] *= 2
    whole = assess(series_of(instants, values), BERLIN)
    since = int(instants[-1]) - 14 * DAY
    late = assess(whole.series.since(since - LOOK_BACK_DAYS * DAY), BERLIN)
    first = np.searchsorted(whole.series.instants, since)
    count = len(whole.series) - first
    np.testing.assert_allclose(late.scores.rarity[-count:], whole.scores.rarity[first:], rtol=1e-9)
    np.testing.assert_allclose(late.usual.high[-count:], whole.usual.high[first:], rtol=1e-9)
    now = int(instants[-1])
    expected = [(each.kind, each.began) for each in findings_of(whole, now=now, since=since)]
    assert [(each.kind, each.began) for each in findings_of(late, now=now, since=since)] == expected
    assert expected


def test_with_too_little_before_it_is_unknown() -> None:
    assessed = assess(series_of(*office(weeks=1)), BERLIN)
    assert np.all(np.isnan(assessed.scores.rarity[:50]))
    assert np.all(np.isnan(assessed.scores.seasonal[: 3 * 24]))
    assert np.all(np.isnan(assessed.usual.low[:50]))


def test_half_of_a_percent_is_outside_of_the_band(calm: Series) -> None:
    usual = assess(calm, BERLIN).usual
    late = calm.instants >= instant(35, 0)
    outside = (calm.values < usual.low) | (calm.values > usual.high)
    assert 0.001 < np.mean(outside[late]) < 0.02


def test_a_day_ahead_is_the_same_hour_at_the_last_level(calm: Series) -> None:
    known = calm.before(instant(63, 0))  # a Monday, 00:00
    instants, usual = forecast(known, BERLIN)
    assert instants.tolist() == [instant(63, hour) for hour in range(24)]
    came = calm.values[np.isin(calm.instants, instants)]
    assert np.mean((came >= usual.low) & (came <= usual.high)) >= 22 / 24
    assert abs(usual.middle[13] - 200) < 10
    assert abs(usual.middle[0] - 100) < 10


def test_a_forecast_does_not_depend_on_how_far_it_reaches(calm: Series) -> None:
    short, long = (forecast(calm, BERLIN, hours=hours)[1] for hours in (6, 24))
    np.testing.assert_array_equal(short.middle, long.middle[:6])


def test_rarity_is_never_beyond_tenfold_of_what_was_watched() -> None:
    instants, values = office(weeks=8)
    values[-10] = 1e9
    (found,) = [each for each in told(instants, values) if each.value == 1e9]
    assert found.rarity is not None
    assert found.rarity >= 1 / (10 * 8)


def test_hours_before_three_weeks_are_those_of_the_days_before() -> None:
    instants, values = office(weeks=2)
    seasonal = assess(series_of(instants, values), BERLIN).seasonal
    assert np.all(np.isnan(seasonal.base[: 3 * 24]))
    assert not np.any(np.isnan(seasonal.base[3 * 24 :]))
    assert seasonal.base[4 * 24 + 13] == pytest.approx(np.median(values[13 : 4 * 24 : 24]))
    assert instants[1] - instants[0] == HOUR


def test_the_second_hour_of_an_incident_is_less_rare_than_the_first() -> None:
    scores = np.abs(np.random.default_rng(6).normal(0, 1, 8 * 7 * 24))
    scores[-10:-6] = 4.0
    rarity, _ = tails_of(scores, np.arange(len(scores)) // 24)
    assert np.all(np.diff(rarity[-10:-6]) > 0)


def test_one_huge_value_does_not_spoil_the_weeks_after_it() -> None:
    instants, values = office()
    values[5 * 7 * 24] = 1e140
    values[-100] *= 2
    rarity = assess(series_of(instants, values), BERLIN).scores.week
    assert rarity[-100] <= 0.25
    assert np.mean(rarity[-14 * 24 :] > 1) > 0.95


def test_what_only_rounding_tells_apart_is_usual() -> None:
    instants, _ = office()
    there = np.random.default_rng(2).random(len(instants)) < 0.8
    values = np.where(np.arange(len(instants)) % 2, 0.1, 0.3 - 0.2)
    rarity = assess(series_of(instants[there], values[there]), BERLIN).scores.rarity
    assert np.nanmin(rarity) > 0.25
