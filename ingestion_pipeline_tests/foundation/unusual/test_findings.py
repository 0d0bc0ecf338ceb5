"""What is told of a series: the hard cases, each once."""

import numpy as np
import pytest

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.findings import findings_of
from ingestion_pipeline.foundation.unusual.series import series_of
from ingestion_pipeline.foundation.unusual.usual import assess
from ingestion_pipeline_tests.foundation.unusual.builders import (
    BERLIN,
    day_of,
    instant,
    kinds,
    office,
    told,
)

TUESDAY = 64  # the tenth week
QUARTER = 900


def test_a_spike_says_since_when_and_what_was_usual() -> None:
    instants, values = office(every=QUARTER)
    inside = (instants >= instant(TUESDAY, 11)) & (instants < instant(TUESDAY, 12))
    values[inside] *= 2
    (spike,) = [
        each for each in told(instants, values) if each.began // DAY == instant(TUESDAY, 11) // DAY
    ]
    assert spike.kind == "spike"
    assert spike.began == spike.raised == instant(TUESDAY, 11)
    assert spike.ended == instant(TUESDAY, 12)
    assert spike.value == values[inside].max()
    assert spike.low is not None
    assert spike.high is not None
    assert spike.low < 180 < spike.high < spike.value
    assert len(spike.weeks) == 8
    assert [spike.began - at for at, _ in spike.weeks] == [7 * DAY * n for n in range(8, 0, -1)]
    assert all(150 < value < 210 for _, value in spike.weeks)
    assert spike.rarity is not None
    assert spike.rarity <= 0.25


@pytest.mark.parametrize(
    ("factor", "hours", "kind"), [(2.0, 1, "spike"), (0.5, 3, "drop"), (0.78, 6, "drop")]
)
def test_what_is_off_is_told(factor: float, hours: int, kind: str) -> None:
    instants, values = office(every=QUARTER)
    inside = (instants >= instant(TUESDAY, 10)) & (instants < instant(TUESDAY, 10 + hours))
    found = told(instants, np.where(inside, values * factor, values))
    first, last = instant(TUESDAY, 10), instant(TUESDAY, 10 + hours)
    assert kind in kinds(found, first=first, last=last)


def test_a_value_that_no_longer_moves_absorbs_what_looks_like_drops() -> None:
    instants, values = office(every=QUARTER)
    inside = (instants >= instant(TUESDAY, 13)) & (instants < instant(TUESDAY, 37))
    values[inside] = values[inside][0]
    found = told(instants, values)
    within = kinds(found, first=instant(TUESDAY, 13), last=instant(TUESDAY, 37))
    assert within == ["stuck"]
    (stuck,) = [each for each in found if each.kind == "stuck"]
    assert (stuck.began, stuck.ended) == (instant(TUESDAY, 13), instant(TUESDAY, 37))
    assert stuck.absorbed
    assert stuck.raised < instant(TUESDAY, 16)


def test_what_rests_each_night_is_not_stuck() -> None:
    instants, values = office(every=QUARTER)
    wall = BERLIN.wall_clock(instants)
    resting = (wall % DAY < 8 * HOUR) | ((wall // DAY + 3) % 7 > 4)
    found = told(instants, np.where(resting, 0.0, values))
    assert "stuck" not in {each.kind for each in found}


@pytest.mark.parametrize("factor", [1.2, 0.8])
def test_a_level_that_moved_is_one_finding_with_its_begin(factor: float) -> None:
    instants, values = office(every=QUARTER)
    values = np.where(instants >= instant(TUESDAY, 10), values * factor, values)
    found = told(instants, values)
    (shift,) = [each for each in found if each.kind == "level_shift"]
    assert abs(shift.began - instant(TUESDAY, 10)) <= 2 * HOUR
    assert shift.raised <= instant(TUESDAY + 2, 12)
    assert shift.absorbed
    assert shift.value is not None
    assert shift.middle is not None
    assert (shift.value > shift.middle) == (factor > 1)
    within = kinds(found, first=instant(TUESDAY, 0), last=instant(TUESDAY + 3, 0))
    assert within == ["level_shift"]


def test_before_a_shift_is_sure_its_spike_is_told_and_then_absorbed() -> None:
    instants, values = office(every=QUARTER)
    values = np.where(instants >= instant(TUESDAY, 10), values * 1.25, values)
    early = instants < instant(TUESDAY + 1, 0)
    (spike,) = [
        each for each in told(instants[early], values[early]) if each.began >= instant(TUESDAY, 9)
    ]
    assert spike.kind == "spike"
    (shift,) = [each for each in told(instants, values) if each.kind == "level_shift"]
    assert (spike.kind, spike.began) in shift.absorbed


def test_a_level_that_came_back_is_over_and_absorbs_its_way_back() -> None:
    instants, values = office(every=QUARTER)
    inside = (instants >= instant(TUESDAY, 10)) & (instants < instant(TUESDAY + 5, 10))
    found = told(instants, np.where(inside, values * 1.25, values))
    (shift,) = [each for each in found if each.kind == "level_shift"]
    assert shift.ended is not None
    assert abs(shift.ended - instant(TUESDAY + 5, 10)) <= 6 * HOUR
    assert kinds(found, first=instant(TUESDAY + 5, 0), last=instant(TUESDAY + 8, 0)) == []


def test_a_gap_is_a_finding_and_nothing_is_found_in_it_or_after_it() -> None:
    instants, values = office(every=QUARTER)
    there = (instants < instant(TUESDAY, 10)) | (instants >= instant(TUESDAY, 40))
    found = told(instants[there], values[there])
    (gap,) = [each for each in found if instant(TUESDAY, 9) < each.began < instant(TUESDAY + 3, 0)]
    assert gap.kind == "gap"
    assert gap.value is None
    assert (gap.began, gap.ended) == (instant(TUESDAY, 9.75), instant(TUESDAY, 40))
    assert gap.raised < instant(TUESDAY, 11)


def test_a_gap_that_lasts_has_no_end() -> None:
    instants, values = office(every=QUARTER)
    now = int(instants[-1]) + 5 * HOUR
    last = told(instants, values, now=now)[-1]
    assert (last.kind, last.began, last.ended) == ("gap", int(instants[-1]), None)


def test_clocks_that_are_put_forward_are_nothing_unusual() -> None:
    """Clocks go forward on day 76: by UTC each hour after it would be another."""
    instants, values = office(every=QUARTER)
    found = told(instants, values)
    assert kinds(found, first=instant(75, 12), last=instant(80, 0)) == []


def test_a_holiday_of_the_calendar_is_a_sunday() -> None:
    instants, values = office(every=QUARTER)
    inside = np.flatnonzero((instants >= instant(TUESDAY, 0)) & (instants < instant(TUESDAY, 24)))
    values[inside] = values[inside - 2 * 96] + 1  # Sunday's
    known = Calendar("Europe/Berlin", frozenset({day_of(TUESDAY)}))
    first, last = instant(TUESDAY, 0), instant(TUESDAY + 2, 0)
    assert kinds(told(instants, values), first=first, last=last)
    assert kinds(told(instants, values, calendar=known), first=first, last=last) == []


def test_nothing_is_told_of_the_first_days() -> None:
    instants, values = office(weeks=1)
    values[30] = 1e6
    assert told(instants, values) == []


def test_what_ended_before_is_left_out() -> None:
    instants, values = office()
    values[1000] *= 3
    values[2000] *= 3
    assessed = assess(series_of(instants, values), BERLIN)
    now = int(instants[-1])
    began = [each.began for each in findings_of(assessed, now=now, since=int(instants[1500]))]
    assert int(instants[2000]) in began
    assert int(instants[1000]) not in began
    assert int(instants[1000]) in [each.began for each in findings_of(assessed, now=now)]


def test_what_is_not_yet_known_at_an_instant_is_not_told() -> None:
    instants, values = office()
    values[2000] *= 3
    assessed = assess(series_of(instants, values), BERLIN)
    before = findings_of(assessed, now=int(instants[1999]))
    assert all(each.raised <= int(instants[1999]) for each in before)


def test_a_daily_series_is_judged_too() -> None:
    chance = np.random.default_rng(3)
    instants = instant(0, 6) + np.arange(300, dtype=np.int64) * DAY
    values = 100 + 50 * (np.arange(300) % 7 < 5) + chance.normal(0, 3, 300)
    values[250] = 20
    assert ("drop", int(instants[250])) in [
        (each.kind, each.began) for each in told(instants, values)
    ]


def test_a_peak_of_every_week_is_nothing_unusual() -> None:
    """By the week before it, as far off as anything ever was: a job that runs on Sundays."""
    instants, values = office(every=QUARTER)
    wall = BERLIN.wall_clock(instants)
    sunday = ((wall // DAY + 3) % 7 == 6) & (wall % DAY // HOUR == 3)
    found = told(instants, np.where(sunday, 2_000 + values, values))
    peaks = [each for each in found if each.value is not None and each.value > 1_000]
    assert [each for each in peaks if each.began >= instant(35, 0)] == []


def test_a_small_peak_in_the_quiet_of_the_night_is_told() -> None:
    """By day it would be within what a quarter may have."""
    chance = np.random.default_rng(4)
    instants, values = office(every=QUARTER)
    loud = BERLIN.wall_clock(instants) % DAY // HOUR >= 8
    values += np.where(loud, chance.normal(0, 30, len(values)), 0.0)
    inside = (instants >= instant(TUESDAY, 3)) & (instants < instant(TUESDAY, 4))
    values[inside] += 100
    first, last = instant(TUESDAY, 3), instant(TUESDAY, 4)
    assert kinds(told(instants, values), first=first, last=last) == ["spike"]


def test_an_incident_of_hours_is_one_finding() -> None:
    """Though each of its hours is less rare than the one before."""
    instants, values = office(every=QUARTER)
    inside = (instants >= instant(TUESDAY, 10)) & (instants < instant(TUESDAY, 18))
    values[inside] *= 0.5
    found = told(instants, values)
    (drop,) = [each for each in found if instant(TUESDAY, 9) < each.began < instant(TUESDAY, 19)]
    assert (drop.kind, drop.began, drop.ended) == (
        "drop", instant(TUESDAY, 10), instant(TUESDAY, 18),
    )  # fmt: skip
