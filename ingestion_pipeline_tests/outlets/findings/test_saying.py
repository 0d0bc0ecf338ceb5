"""Findings in sentences: by the tenant's clock, in many shapes."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.unusual.findings import Finding
from ingestion_pipeline.foundation.unusual.rhythm import Quiet
from ingestion_pipeline.outlets.findings.saying import sentence_of, sentence_of_quiet

BEGAN = int(datetime(2026, 11, 26, 11, tzinfo=UTC).timestamp())
WEEKS = tuple(enumerate((81.0, 84.0, 86.3, 86.3, 87.0, 88.2, 85.0, 86.7)))
DROP = Finding(
    kind="drop", began=BEGAN, ended=BEGAN + 13_500, raised=BEGAN, value=29.2, at=BEGAN,
    low=79.8, middle=86.3, high=91.2, weeks=WEEKS, rarity=1 / 160, watched=16.0,
)  # fmt: skip


def _said(finding: Finding, *, zone: str = "UTC", daily: bool = False) -> str:
    return sentence_of(finding, zone=zone, now=BEGAN + 7200, daily=daily)


def test_a_drop_is_told_as_in_the_design() -> None:
    assert _said(DROP) == (
        "Fell to 29.2 at 11:00 (Thursday); in the last 8 weeks it was 81.0 to 88.2 at this hour "
        "(middle 86.3). That is 66 % below what is usual and lasted 3.75 h. So far off happens by "
        "chance about once in more than 160 weeks."
    )


def test_the_clock_is_the_tenants() -> None:
    assert _said(DROP, zone="Asia/Kolkata").startswith("Fell to 29.2 at 16:30 (Thursday);")
    assert _said(DROP, zone="Pacific/Auckland").startswith("Fell to 29.2 at 00:00 (Friday);")


def test_what_lasts_has_lasted_so_far() -> None:
    assert "and has lasted 2 h so far." in _said(replace(DROP, ended=None))


def test_a_day_has_no_hour() -> None:
    said = _said(DROP, daily=True)
    assert said.startswith("Fell to 29.2 on Thursday, 2026-11-26; in the last 8 weeks it was")
    assert "on this day of the week" in said


def test_rarity_is_never_claimed_beyond_tenfold_of_what_was_watched() -> None:
    said = _said(replace(DROP, rarity=1e-12, watched=4.0))
    assert said.endswith("once in more than 40 weeks.")


def test_of_a_negative_usual_less_is_below() -> None:
    said = _said(replace(DROP, value=-20.0, low=-11.0, middle=-10.0, high=-9.0, weeks=()))
    assert said.startswith("Fell to -20.0 at 11:00 (Thursday); usual is -11.0 to -9.0 (middle")
    assert "That is 100 % below what is usual" in said


def test_of_a_usual_of_nothing_no_percentage_is_told() -> None:
    said = _said(replace(DROP, kind="spike", value=5.0, low=0.0, middle=0.0, high=0.0, weeks=()))
    assert "That is 5.00 above what is usual" in said


def test_tiny_numbers_are_told_apart() -> None:
    said = _said(replace(DROP, value=0.00002, low=0.00008, middle=0.00009, high=0.0001, weeks=()))
    assert said.startswith("Fell to 0.000020 at")


def test_with_nothing_known_nothing_is_claimed() -> None:
    bare = replace(DROP, low=None, middle=None, high=None, weeks=(), rarity=None)
    assert _said(bare) == "Fell to 29.2 at 11:00 (Thursday). It lasted 3.75 h." or "usual" not in (
        _said(bare)
    )


def test_a_gap_is_no_value() -> None:
    gap = replace(DROP, kind="gap", value=None, low=None, middle=None, high=None, weeks=())
    assert _said(gap).startswith(
        "Nothing came after Thursday, 2026-11-26 11:00 until Thursday, 2026-11-26 14:45."
    )
    lasts = _said(replace(gap, ended=None))
    assert lasts.startswith("Nothing came since Thursday, 2026-11-26 11:00.")


def test_a_value_that_is_stuck_says_since_when() -> None:
    said = _said(replace(DROP, kind="stuck", ended=None))
    assert said.startswith("Has been 29.2 since Thursday, 2026-11-26 11:00.")


def test_a_level_that_moved_is_called_so() -> None:
    said = _said(replace(DROP, kind="level_shift", value=120.0, ended=None))
    assert said.startswith("The level rose to 120")


def test_a_silence_says_how_long_and_how_often_something_comes() -> None:
    quiet = Quiet("silence", BEGAN, None, BEGAN, 3600.0, None, None, 0.1)
    assert sentence_of_quiet(quiet, zone="UTC", now=BEGAN + 3 * 3600) == (
        "Nothing came for 3 h after Thursday, 2026-11-26 11:00, and nothing has come yet; usually "
        "something comes every 1 h."
    )


def test_a_thin_day_says_its_rows() -> None:
    quiet = Quiet("volume", BEGAN, BEGAN + 86_400, BEGAN, 86_400.0, 12.0, 480.0, 0.1)
    assert sentence_of_quiet(quiet, zone="UTC", now=BEGAN).startswith(
        "12 rows came on Thursday, 2026-11-26; usually about 480 come."
    )


_FINITE = st.floats(-1e150, 1e150)


@given(
    st.sampled_from(["spike", "drop", "stuck", "level_shift"]), _FINITE,
    st.none() | _FINITE, st.lists(_FINITE, max_size=8), st.none() | st.floats(1e-9, 1.0),
    st.floats(0, 13), st.booleans(), st.booleans(),
)  # fmt: skip
def test_every_finding_can_be_told(
    kind: str, value: float, middle: float | None, weeks: list[float], rarity: float | None,
    watched: float, lasts: bool, daily: bool,
) -> None:  # fmt: skip
    finding = replace(
        DROP, kind=kind, value=value, low=middle, middle=middle, high=middle,
        weeks=tuple(enumerate(weeks)), rarity=rarity, watched=watched,
        ended=None if lasts else DROP.ended,
    )  # fmt: skip
    said = _said(finding, daily=daily)
    assert said.endswith(".")
    assert "nan" not in said
    assert "inf" not in said
