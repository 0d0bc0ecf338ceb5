"""Facts as sentences."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.outlets.findings.analysis.grounding import reworded
from ingestion_pipeline.outlets.findings.analysis.narrative import draft_of, written_alike
from ingestion_pipeline_tests.outlets.findings.analysis.builders import facts


def test_a_drop_is_told_with_its_weeks_its_distance_and_its_rarity() -> None:
    analysis = draft_of(facts()).analysis
    assert analysis.verdict == "act"
    assert analysis.headline == "66 % below what is usual at this hour"
    assert analysis.sentences == (
        "Fell to 29.2 at 11:00 (Thursday).",
        "In the last 8 weeks it was 81.0 to 88.2 at this hour (middle 86.4).",
        "That is 66 % below what is usual.",
        "So far off happens by chance about once in more than 160 weeks.",
    )


def test_rarity_is_never_claimed_beyond_tenfold_of_what_was_watched() -> None:
    said = draft_of(facts(rarity=1e-9, watched=3.0)).analysis.sentences[-1]
    assert said == "So far off happens by chance about once in more than 30 weeks."


def test_what_comes_once_in_five_weeks_is_watched_and_says_no_more_than() -> None:
    analysis = draft_of(facts(rarity=0.2)).analysis
    assert analysis.verdict == "watch"
    assert analysis.sentences[-1] == "So far off happens by chance about once in 5 weeks."


def test_before_anything_is_known_nothing_is_claimed() -> None:
    unknown = facts(low=None, middle=None, high=None, weeks=(), rarity=None, watched=0.5)
    analysis = draft_of(unknown).analysis
    assert analysis.verdict == "unknown"
    assert analysis.sentences == (
        "It was 29.2 at 11:00 (Thursday).",
        "Days that were watched so far: 4.",
    )


def test_of_what_is_usually_nothing_no_percentage_is_told() -> None:
    analysis = draft_of(facts(5.0, low=0.0, middle=0.0, high=0.0, weeks=(0.0, 0.0, 0.0))).analysis
    assert analysis.headline == "5.00 above what is usual at this hour"


def test_below_a_negative_usual_is_below() -> None:
    analysis = draft_of(facts(-20.0, low=-11.0, middle=-10.0, high=-9.0, weeks=())).analysis
    assert analysis.headline == "100 % below what is usual at this hour"
    assert analysis.sentences[1] == "Usual at this hour is -11.0 to -9.0 (middle -10.0)."


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((29.2, 86.3), "29.2"),
        ((0.0012, 0.001), "0.00120"),
        ((1000.1, 1000.4), "1000.1"),
        ((3e20, 1.0), "3.00e+20"),
        ((1e-9, 2e-9), "1.00e-09"),
        ((-0.0001, 500.0), "0"),
        ((0.0, 0.0), "0"),
    ],
)
def test_numbers_are_written_alike(values: tuple[float, ...], written: str) -> None:
    assert written_alike(*values)(values[0]) == written


def test_weeks_of_another_size_than_the_reading_made_a_sentence_of_hundreds_of_digits() -> None:
    draft = draft_of(facts(5.0, low=1.0, middle=2.0, high=3.0, weeks=(1e150, 2e150, 3e150),
                           rarity=0.01))  # fmt: skip
    assert all(len(each) <= 200 for each in draft.analysis.sentences)
    assert "it was 1.00e+150 to 3.00e+150 at this hour" in draft.analysis.sentences[1]


_FINITE = st.floats(-1e150, 1e150)


@given(
    _FINITE, _FINITE, st.floats(0, 1e100), st.floats(1e-6, 2.0), st.floats(0, 20),
    st.lists(_FINITE, max_size=8),
)  # fmt: skip
def test_every_draft_keeps_to_its_lengths_and_is_a_rewording_of_itself(
    value: float, middle: float, reach: float, rarity: float, watched: float, weeks: list[float]
) -> None:
    draft = draft_of(
        facts(
            value, low=middle - reach, middle=middle, high=middle + reach, weeks=tuple(weeks),
            rarity=rarity, watched=watched,
        )
    )  # fmt: skip
    analysis = draft.analysis
    assert len(analysis.headline) <= 90
    assert 1 <= len(analysis.sentences) <= 4
    assert all(len(each) <= 200 for each in analysis.sentences)
    assert reworded(draft, json.dumps(analysis.as_dict())) == analysis
    assert math.isfinite(value)
