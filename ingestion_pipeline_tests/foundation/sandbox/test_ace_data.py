"""What the stand-in holds: the same for everybody, and shaped like rooms."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData, Damage, Sample
from ingestion_pipeline.foundation.sandbox.ace_iot.pages import read_page

DATA = AceData(points_per_site=10)
SITE = "demo-site-1"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
instants = st.timedeltas(timedelta(0), timedelta(hours=2)).map(lambda since: MONDAY + since)
some = settings(max_examples=60, deadline=None)


def by_measurement(samples: list[Sample]) -> dict[str, list[tuple[datetime, float]]]:
    values = defaultdict(list)
    for sample in samples:
        assert isinstance(sample.value, float)
        values[sample.point.rsplit("/", 1)[1]].append((sample.time, sample.value))
    return values


def test_the_same_arguments_give_the_same_samples() -> None:
    samples = DATA.samples(SITE, MONDAY, MONDAY + DAY)
    assert samples == AceData(points_per_site=10).samples(SITE, MONDAY, MONDAY + DAY)
    assert samples != replace(DATA, seed=2).samples(SITE, MONDAY, MONDAY + DAY)
    assert samples != DATA.samples("demo-site-2", MONDAY, MONDAY + DAY)


def test_a_point_does_not_depend_on_how_many_there_are() -> None:
    many = replace(DATA, points_per_site=1000)
    first = DATA.points(SITE)[0]
    hour = timedelta(hours=1)
    assert [s for s in many.samples(SITE, MONDAY, MONDAY + hour) if s.point == first] == [
        s for s in DATA.samples(SITE, MONDAY, MONDAY + hour) if s.point == first
    ]


@some
@given(instants, instants, instants)
def test_windows_that_meet_share_nothing_and_miss_nothing(
    first: datetime, second: datetime, third: datetime
) -> None:
    start, middle, end = sorted((first, second, third))
    whole = DATA.samples(SITE, start, end)
    assert all(start <= sample.time < end for sample in whole)
    parts = DATA.samples(SITE, start, middle) + DATA.samples(SITE, middle, end)
    key = lambda sample: (sample.time, sample.point)  # noqa: E731
    assert sorted(parts, key=key) == sorted(whole, key=key)
    assert len({key(sample) for sample in whole}) == len(whole)


@some
@given(st.sampled_from([1, 3, 10, 97, 1000]), st.booleans())
def test_pages_are_the_window(size: int, late: bool) -> None:
    damage = Damage(late=late)
    end = MONDAY + timedelta(minutes=20 if size < 10 else 200)
    after: int | None = 0
    read: list[int] = []
    while after is not None:
        page = read_page(DATA, SITE, MONDAY, end, after=after, size=size, damage=damage)
        assert len(page) == size or page.next_number is None
        for block in page.blocks:
            read += block.numbers.tolist()
        after = page.next_number
    assert read == sorted(set(read))
    assert len(read) == len(DATA.samples(SITE, MONDAY, end, damage))


def test_a_day_looks_like_a_day_in_a_room() -> None:
    values = by_measurement(DATA.samples(SITE, MONDAY, MONDAY + DAY))
    limits = {
        "temperature": (18, 28), "humidity": (35, 65), "co2": (350, 1000), "light": (0, 300),
        "motion": (0, 1),
    }  # fmt: skip
    for measurement, (low, high) in limits.items():
        assert all(low <= value <= high for _, value in values[measurement]), measurement
    assert {value for _, value in values["motion"]} == {0.0, 1.0}
    for measurement in ("co2", "light", "motion"):
        at_work = mean(value for time, value in values[measurement] if 11 <= time.hour < 16)
        at_night = mean(value for time, value in values[measurement] if time.hour < 5)
        assert at_work > 1.3 * at_night
    weekend = by_measurement(DATA.samples(SITE, MONDAY - DAY, MONDAY))
    assert {value for _, value in weekend["motion"]} == {0.0}


def test_some_samples_are_missing_and_sometimes_a_device_is_silent() -> None:
    samples = DATA.samples(SITE, MONDAY, MONDAY + 10 * DAY)
    assert 0.95 < len(samples) / (10 * 1440 * 10) < 0.999
    times: dict[str, list[datetime]] = defaultdict(list)
    for sample in samples:
        times[sample.point].append(sample.time)
    longest = max(later - earlier for each in times.values() for earlier, later in pairwise(each))
    assert longest > timedelta(hours=2)


def test_damage_is_what_it_says() -> None:
    right = DATA.samples(SITE, MONDAY, MONDAY + DAY)
    late = DATA.samples(SITE, MONDAY, MONDAY + DAY, Damage(late=True))
    assert set(late) < set(right)
    assert len(late) == pytest.approx(0.95 * len(right), rel=0.02)
    corrected = DATA.samples(SITE, MONDAY, MONDAY + DAY, Damage(corrected=True))
    assert len(corrected) == len(right)
    differences = {
        round(now.value - before.value, 6)
        for before, now in zip(right, corrected, strict=True)
        if isinstance(now.value, float) and isinstance(before.value, float)
    }
    assert differences == {0, 1}
    odd = DATA.samples(SITE, MONDAY, MONDAY + DAY, Damage(odd=True))
    strange = {sample.value for sample in odd if not isinstance(sample.value, float)}
    assert strange == {None, "NaN", "active", "Infinity"}
    first = DATA.points(SITE)[0]
    without = DATA.samples(SITE, MONDAY, MONDAY + DAY, Damage(missing_point=first))
    assert without == [sample for sample in right if sample.point != first]
