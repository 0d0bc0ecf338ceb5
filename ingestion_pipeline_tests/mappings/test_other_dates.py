"""Files of the shipped mappings' platforms whose dates have day and month the other way round."""

import re
from functools import partial

import pytest

from ingestion_pipeline.foundation.mapping.day_order import turned
from ingestion_pipeline.foundation.mapping.steps import Steps
from ingestion_pipeline.foundation.storage.file_kinds import WrongFileError
from ingestion_pipeline_tests.mappings.samples import NAMES, SAMPLES, came_of, sample, shipped

_DATE = re.compile(r"\b[0-9]{1,2}([-/.])[0-9]{1,2}\1([0-9]{4}|[0-9]{2})\b(?![-:])")


def _is_open(name: str) -> bool:
    mapped = shipped(name)
    own = [
        each for emit in mapped.emits for _, value in emit.fields
        if isinstance(value, Steps) for each in value.dates or ()
    ]  # fmt: skip
    return any(turned(each) != each for each in (*mapped.dates, *own))


_OPEN = [name for name in NAMES if _is_open(name)]


def _samples(name: str) -> list[str]:
    texts = []
    for path in sorted(SAMPLES.glob(f"{name}.*")):
        content = sample(path.name)
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        texts.append(content.decode("utf-16" if wide else "utf-8-sig", "replace"))
    return [text for text in texts if _DATE.search(text)]


def test_there_are_such_mappings() -> None:
    assert {"bigcommerce_orders", "etsy_order_items", "google_play", "apple_books"} <= set(_OPEN)


@pytest.mark.parametrize("name", [name for name in _OPEN if _samples(name)])
def test_a_file_of_the_other_order_is_refused_and_no_day_is_another(name: str) -> None:
    """Half of its rows were loaded with days that are months."""
    for text in _samples(name):
        with pytest.raises(WrongFileError, match="is a date only as"):
            came_of(name, _DATE.sub(partial(_other, _day_first_signs(name)), text))


def _day_first_signs(name: str) -> set[str]:
    """The signs between the parts of dates whose day comes first."""
    written = [each for each in shipped(name).dates if turned(each) != each]
    return {each[2] for each in written if each.startswith("%d")}


def _other(day_first: set[str], date: re.Match[str]) -> str:
    one, two = ("05", "18") if date[1] in day_first else ("18", "05")
    return f"{one}{date[1]}{two}{date[1]}{date[2]}"


@pytest.mark.parametrize("name", [name for name in NAMES if shipped(name).confirm])
def test_one_of_which_no_date_tells_is_warned_of_where_the_order_is_not_certain(name: str) -> None:
    for text in _samples(name):
        warnings = came_of(name, _DATE.sub(r"05\g<1>06\1\2", text)).warnings
        told = [each for each in warnings if "no date tells" in each.rule]
        assert len({each.rule.partition(":")[0] for each in told}) >= 1


def test_the_docs_say_so_where_the_order_is_not_certain() -> None:
    docs = SAMPLES.parents[2] / "docs" / "sources"
    for name in NAMES:
        if shipped(name).confirm:
            said = (docs / f"{name}.md").read_text(encoding="utf-8")
            assert "**Not certain (?)**" in said
            assert "%m/%d/%Y" in said
