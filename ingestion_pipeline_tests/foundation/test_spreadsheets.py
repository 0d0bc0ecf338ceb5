"""Texts as CSV may hold them: no cell of any spreadsheet is a formula."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.spreadsheets import harmless

SIGNS = "=+-@|%−"
UNSEEN = " \u00a0\u2003\u200b\u200e\u202e\u2060\ufeff\x00\x0b\x1f"
_NUMBER = re.compile(r"[+-][0-9][0-9.,]*")
_text = st.text(st.sampled_from("=+-@|%＝＋－＠﹣⁼;\t\r\n'\",a1. " + UNSEEN) | st.characters())


@pytest.mark.parametrize("sign", "=+-@|%＝＋－＠﹢﹣﹦﹫⁺⁻⁼％｜−\t\r\n")
@pytest.mark.parametrize("before", ["", *UNSEEN])
def test_what_begins_like_a_formula_is_text(sign: str, before: str) -> None:
    assert harmless(f"{before}{sign}cmd|' /C calc'!A0") == f"'{before}{sign}cmd|' /C calc'!A0"


@pytest.mark.parametrize("end", [";", "\t", "\n", "\r\n", "; ", ";\u00a0"])
def test_a_formula_behind_what_some_take_for_the_end_of_a_cell_is_text(end: str) -> None:
    mark, space = end[:-1] if end[-1] in " \u00a0" else end, end[-1] if end[-1] in " \u00a0" else ""
    assert harmless(f"a{end}=1+1;b") == f"a{mark}'{space}=1+1;b"
    assert harmless(f"a{end}-1.50{mark}b") == f"a{end}-1.50{mark}b"  # a number is one


@pytest.mark.parametrize("text", ["", "a", "a=b", "1;2", "Tea; green", "2026-01-01", "‮كتاب‬", "'=1"])
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(_text)
@example("a;\u200b＝1")
def test_no_cell_is_a_formula_however_a_spreadsheet_splits_it(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([harmless(text)])
    [[cell], *_] = csv.reader(io.StringIO(out.getvalue(), newline=""))
    for number, part in enumerate(re.split(r"[;\t\r\n]", cell)):
        seen = part.lstrip(UNSEEN)
        first = unicodedata.normalize("NFKC", seen[:1])[:1]
        assert first not in SIGNS or not first or (number and _NUMBER.fullmatch(seen)), cell
    assert harmless(harmless(text)) == harmless(text)
