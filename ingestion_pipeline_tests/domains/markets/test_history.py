"""What an answer adds to what is known of one date: nothing that was known is deleted."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.domains.markets.contract.history import changes, history
from ingestion_pipeline.domains.markets.contract.vintages import LAST_DAY, Vintage

DATE, TODAY = date(2024, 1, 1), date(2024, 6, 1)
A, B, C = date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)
ONE_DAY = timedelta(days=1)


def vintage(start: date, value: int | None, end: date = LAST_DAY) -> Vintage:
    return Vintage(DATE, start, end, None if value is None else Decimal(value))


def test_a_revision_ends_what_was_known_before_it_on_its_own_day() -> None:
    told = [vintage(A, 1, B - ONE_DAY), vintage(B, 2)]
    assert history([vintage(A, 1)], told, today=TODAY) == told
    assert history([vintage(A, 1)], told[1:], today=TODAY) == told


def test_a_vintage_that_is_left_out_stays_known_for_its_days() -> None:
    known = [vintage(A, 1, B - ONE_DAY), vintage(B, 2)]
    after = [known[0], vintage(B, 2, TODAY - ONE_DAY), vintage(TODAY, 1)]
    assert history(known, [vintage(A, 1)], today=TODAY) == after
    assert history(after, [vintage(A, 1)], today=TODAY + ONE_DAY) == after


def test_a_vintage_that_is_told_otherwise_keeps_what_was_known_until_then() -> None:
    after = history([vintage(A, 1)], [vintage(A, None)], today=TODAY)
    assert after == [vintage(A, 1, TODAY - ONE_DAY), vintage(TODAY, None)]
    assert history(after, [vintage(A, None)], today=TODAY + 9 * ONE_DAY) == after


def test_a_correction_of_the_same_day_takes_the_place_of_what_it_corrects() -> None:
    assert history([vintage(TODAY, 1)], [vintage(TODAY, 2)], today=TODAY) == [vintage(TODAY, 2)]


def test_a_vintage_that_is_told_to_have_ended_ends() -> None:
    told = [vintage(A, 1, B - ONE_DAY)]
    assert history([vintage(A, 1)], told, today=TODAY) == told


def test_the_same_answer_again_ends_nothing_that_it_did_not_end_before() -> None:
    """What was known to begin within a told vintage was taken for a part of it, and then ended."""
    known, told = [vintage(B, 1)], [vintage(A, 1, B)]
    after = history(known, told, today=A)
    assert after == [*told, vintage(B + ONE_DAY, 1)]
    assert history(after, told, today=A) == after


def test_dates_that_are_not_told_are_left_alone() -> None:
    other = Vintage(date(2023, 1, 1), A, LAST_DAY, Decimal(5))
    known = [other, vintage(A, 1)]
    assert list(changes(known, [vintage(A, 1)], today=TODAY)) == []
    assert list(changes(known, [], today=TODAY)) == []


_DAYS = st.integers(0, 200).map(lambda days: date(2024, 1, 1) + timedelta(days=days))


@st.composite
def _timelines(draw: st.DrawFn) -> list[Vintage]:
    """Vintages of one date that follow one another, perhaps with gaps."""
    starts = sorted(draw(st.sets(_DAYS, max_size=4)))
    ends = [day - ONE_DAY for day in starts[1:]] + [LAST_DAY]
    values = st.sampled_from([None, 1, 2, 3])
    rows = [vintage(s, draw(values), e) for s, e in zip(starts, ends, strict=False)]
    return [row for row in rows if draw(st.integers(0, 5))]


def _on(rows: list[Vintage], day: date) -> Vintage | None:
    return next((row for row in rows if row.realtime_start <= day <= row.realtime_end), None)


@given(known=_timelines(), told=_timelines(), today=_DAYS)
def test_no_answer_deletes_a_day(known: list[Vintage], told: list[Vintage], today: date) -> None:
    after = history(known, told, today=today)
    for earlier, later in pairwise(after):
        assert earlier.realtime_end < later.realtime_start
    for day in (date(2024, 1, 1) + timedelta(days=days) for days in range(0, 210, 3)):
        was, now = _on(known, day), _on(after, day)
        begun = [row.realtime_start for row in told if row.realtime_start <= day]
        if not begun or (was and day < today and max(begun) < was.realtime_start):
            assert (now and now.value) == (was and was.value)
        elif (says := _on(told, day)) is not None and day >= today:
            assert now is not None
            assert now.value == says.value
    assert history(after, told, today=today) == after
    assert history(after, told, today=today + 5 * ONE_DAY) == after
