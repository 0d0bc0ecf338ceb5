"""Names of months in the languages in which exports write them."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from ingestion_pipeline.foundation.mapping.moments import BadFormatError, moment_reader
from ingestion_pipeline.foundation.mapping.months import LANGUAGES, months_of
from ingestion_pipeline.foundation.mapping.refusals import Refusal


def read(text: str, format_: str, *languages: str) -> datetime | Refusal:
    return moment_reader((format_,), None, languages or ("en",))(text)


def test_a_name_is_the_same_month_in_all_languages() -> None:
    """So that one mapping may list several."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for language in LANGUAGES:
        for name, number in months_of([language]).items():
            numbers[name].add(number)
    assert [name for name, found in numbers.items() if len(found) > 1] == []
    for language in LANGUAGES:
        assert set(months_of([language]).values()) == set(range(1, 13))


@pytest.mark.parametrize(
    ("text", "language", "month"),
    [
        ("05-oct.-26", "fr", 10), ("05-FÉVR.-26", "fr", 2), ("05-août-26", "fr", 8),
        ("05-fevr.-26", "fr", 2), ("05-Mai-26", "de", 5), ("05-Mrz-26", "de", 3),
        ("05-Mär-26", "de", 3), ("05-März-26", "de", 3), ("05-Dez-25", "de", 12),
        ("05-gen-26", "it", 1), ("05-set-26", "it", 9), ("05-ene-26", "es", 1),
        ("05-sept.-26", "es", 9), ("05-mrt-26", "nl", 3), ("05-mei-26", "nl", 5),
        ("05-out-26", "pt", 10), ("05-Sept-26", "en", 9), ("05-Sep-26", "en", 9),
    ],
)  # fmt: skip
def test_a_month_in_its_language(text: str, language: str, month: int) -> None:
    found = read(text, "%d-%b-%y", language)
    assert isinstance(found, datetime)
    assert (found.day, found.month) == (5, month)


def test_an_accent_in_two_characters_is_the_same_month() -> None:
    assert read("05-fe\u0301vr.-26", "%d-%b-%y", "fr") == datetime(2026, 2, 5, tzinfo=UTC)


def test_a_month_of_a_language_that_the_mapping_does_not_name_is_refused() -> None:
    assert isinstance(read("05-Dez-26", "%d-%b-%y"), Refusal)
    assert isinstance(read("05-Foo-26", "%d-%b-%y", *LANGUAGES), Refusal)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("2026-09-04 01:05 PDT", -7), ("2026-09-04 01:05 GMT+02:00", 2),
        ("2026-09-04 01:05 GMT-9", -9), ("2026-09-04 01:05 UTC", 0), ("2026-09-04 01:05 CEST", 2),
        ("2026-09-04 01:05 UTC+0530", 5.5),
    ],
)  # fmt: skip
def test_an_offset_that_a_name_says(text: str, hours: float) -> None:
    expected = datetime(2026, 9, 4, 1, 5, tzinfo=UTC) - timedelta(hours=hours)
    assert read(text, "%Y-%m-%d %H:%M %Z") == expected


def test_a_zone_that_nobody_knows_is_refused() -> None:
    assert isinstance(read("2026-09-04 01:05 IST", "%Y-%m-%d %H:%M %Z"), Refusal)
    with pytest.raises(BadFormatError, match="has %z and %Z"):
        read("", "%Y-%m-%d %H:%M %z %Z")
