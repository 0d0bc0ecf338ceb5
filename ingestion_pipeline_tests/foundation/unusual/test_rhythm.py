"""Silence: by a sender's own rhythm, of whatever kind; nothing is said of who is new."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.rhythm import Arrivals, Quiet, silences, volume_drops
from ingestion_pipeline.foundation.unusual.series import Ints
from ingestion_pipeline_tests.foundation.unusual.builders import BERLIN, START, day_of

WEEKS = 20
DAYS = np.arange(WEEKS * 7)
MIDNIGHTS = np.array([BERLIN.begin((START + HOUR) // DAY + int(day)) for day in DAYS])
WORKING = DAYS % 7 < 5


def files(days: Ints, hour: float, jitter: float, *, seed: int = 0) -> Ints:
    chance = np.random.default_rng(seed)
    return np.asarray(
        MIDNIGHTS[days] + (hour + chance.uniform(-jitter, jitter, len(days))) * HOUR,
        dtype=np.int64,
    )


def quarters() -> Ints:
    every = np.arange(START, START + WEEKS * 7 * DAY, 900, dtype=np.int64)
    return every + np.random.default_rng(0).integers(0, 120, len(every))


def office_hours() -> Ints:
    every = quarters()
    wall = BERLIN.wall_clock(every)
    hour, weekday = wall % DAY // HOUR, (wall // DAY + 3) % 7
    return every[(weekday < 5) & (hour >= 8) & (hour < 18)]


def burst() -> Ints:
    chance = np.random.default_rng(0)
    steps = np.cumsum(chance.exponential(20, (len(DAYS), 40)), axis=1)
    return np.asarray((files(DAYS, 6, 1)[:, None] + steps).ravel(), dtype=np.int64)


SENDERS = {
    "every quarter of an hour": (quarters(), 1),
    "in office hours": (office_hours(), 1),
    "a daily file": (files(DAYS, 6, 2), 1),
    "a file each working day": (files(DAYS[WORKING], 7, 1), 1),
    "a weekly file": (files(DAYS[::7], 9, 2), 1),
    "a burst of forty a day": (burst(), 40),
}


@pytest.mark.parametrize("name", SENDERS)
def test_who_sends_as_usual_is_not_silent(name: str) -> None:
    instants, burst = SENDERS[name]
    found = silences(instants, BERLIN, now=int(instants[-1]))
    assert len(found) <= (3 if burst > 1 else 0)  # 20 weeks, a quarter of an alarm each: 5


@pytest.mark.parametrize("name", SENDERS)
@pytest.mark.parametrize("share", [0.5, 0.61, 0.72, 0.83])
def test_an_outage_is_told_before_a_third_arrival_is_missed(name: str, share: float) -> None:
    instants, burst = SENDERS[name]
    begin = int(START + share * WEEKS * 7 * DAY)
    later = instants[instants >= begin]
    before = instants[instants < begin]
    third = int(later[min(3 * burst, len(later)) - 1])
    (silence,) = silences(before, BERLIN, now=third, since=third - 1)
    assert silence.ended is None
    assert silence.began == before[-1]
    assert np.searchsorted(later, silence.raised) <= 2 * burst


def test_who_sends_at_random_is_told_as_soon_as_anybody_could() -> None:
    """Of 336 exponential intervals a week one in 1,344 may be longer: that is 7.2 of the usual."""
    instants = START + np.cumsum(np.random.default_rng(3).exponential(1800, WEEKS * 336))
    arrivals = instants.astype(np.int64)
    assert len(silences(arrivals, BERLIN, now=int(arrivals[-1]))) <= WEEKS / 4
    for share in (0.5, 0.7, 0.9):
        before = arrivals[: int(share * len(arrivals))]
        stopped = int(before[-1])
        (silence,) = silences(before, BERLIN, now=stopped + DAY, since=stopped + DAY - 1)
        assert silence.raised - stopped <= 12 * 1800


def test_the_weekend_of_who_works_in_the_week_is_no_silence() -> None:
    instants = office_hours()
    friday = int(MIDNIGHTS[12 * 7 + 5])
    before = instants[instants < friday]
    assert silences(before, BERLIN, now=friday + 2 * DAY, since=friday) == []
    (silence,) = silences(before, BERLIN, now=friday + 3 * DAY, since=friday)
    assert silence.raised > friday + 2 * DAY + 8 * HOUR


def test_a_holiday_is_no_silence_when_the_calendar_says_so() -> None:
    instants = office_hours()
    tuesday = 12 * 7 + 1
    off = (instants < MIDNIGHTS[tuesday]) | (instants >= MIDNIGHTS[tuesday + 1])
    now = int(instants[-1])
    known = Calendar("Europe/Berlin", frozenset({day_of(tuesday)}))
    assert len(silences(instants[off], BERLIN, now=now)) == 1
    assert silences(instants[off], known, now=now) == []


def test_clocks_that_are_put_forward_are_no_silence() -> None:
    instants = np.arange(START, START + 12 * 7 * DAY, 900, dtype=np.int64)
    assert silences(instants, BERLIN, now=int(instants[-1])) == []


def test_of_who_is_new_nothing_is_said() -> None:
    instants = quarters()[: 10 * 96]
    assert silences(instants, BERLIN, now=int(instants[-1]) + 30 * DAY) == []
    few = files(DAYS[:4], 6, 1)
    assert silences(few, BERLIN, now=int(few[-1]) + 300 * DAY) == []


def test_a_monthly_file_is_known_after_half_a_year() -> None:
    months = np.array([
        int((date(2024 + n // 12, n % 12 + 1, 3) - date(1970, 1, 1)).days) * DAY + 9 * HOUR
        for n in range(9)
    ])  # fmt: skip
    now = int(months[-1])
    assert silences(months, BERLIN, now=now + 33 * DAY) == []
    assert len(silences(months, BERLIN, now=now + 62 * DAY)) == 1


def test_one_outage_before_does_not_hide_the_next() -> None:
    daily = files(DAYS, 6, 1)
    hole = np.delete(daily, slice(60, 67))
    now = int(daily[-1]) + 3 * DAY
    found = silences(hole, BERLIN, now=now)
    assert [each.ended is None for each in found] == [False, True]


def test_what_was_said_of_a_silence_stays_when_more_comes() -> None:
    daily = np.delete(files(DAYS, 6, 1), slice(100, 104))
    early = silences(daily[:101], BERLIN, now=int(daily[100]))
    assert silences(daily, BERLIN, now=int(daily[-1]))[: len(early)] == early
    assert len(early) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**40), 2**40), max_size=40), st.integers(-(2**40), 2**40))
def test_any_arrivals_are_taken(instants: list[int], now: int) -> None:
    within = [each % 4_000_000_000 for each in instants]
    for each in silences(np.array(within, dtype=np.int64), BERLIN, now=now % 4_000_000_000):
        assert each.began < each.raised <= (each.ended or now % 4_000_000_000)


def drops(volumes: list[float], *, days: Ints = DAYS) -> list[Quiet]:
    instants = files(days[: len(volumes)], 6, 1)
    now = int(instants[-1]) + 2 * DAY
    return volume_drops(Arrivals(instants, np.array(volumes)), BERLIN, now=now)


def test_a_tenth_of_the_usual_rows_is_told_when_the_day_is_over() -> None:
    chance = np.random.default_rng(1)
    volumes = (1000 * np.where(DAYS % 7 == 0, 3, 1) * chance.lognormal(0, 0.15, len(DAYS))).tolist()
    volumes[70] /= 10  # a Monday
    volumes[100] /= 10
    found = drops(volumes)
    assert [each.began // DAY for each in found] == [MIDNIGHTS[n] // DAY + 1 for n in (70, 100)]
    assert found[0].usual == pytest.approx(3000, rel=0.3)
    assert found[0].value == volumes[70]
    assert found[0].raised == MIDNIGHTS[71]


def test_rows_that_always_vary_are_no_drop() -> None:
    chance = np.random.default_rng(1)
    assert len(drops((1000 * chance.lognormal(0, 1.5, len(DAYS))).tolist())) <= 5


def test_several_files_of_a_day_are_one_volume() -> None:
    instants = np.sort(np.concatenate([files(DAYS, 6, 1), files(DAYS, 18, 1)]))
    volumes = np.full(len(instants), 500.0)
    now = int(instants[-1])
    assert volume_drops(Arrivals(instants, volumes), BERLIN, now=now) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2**31), st.floats()), max_size=40))
def test_any_volumes_are_taken(sent: list[tuple[int, float]]) -> None:
    arrivals = Arrivals(
        np.array([each[0] for each in sent], dtype=np.int64),
        np.array([each[1] for each in sent], dtype=np.float64),
    )
    volume_drops(arrivals, BERLIN, now=2**31)
