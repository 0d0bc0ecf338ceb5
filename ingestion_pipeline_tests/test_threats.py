"""`docs/threats.md` names a test for what it promises: each of them is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
THREATS = TESTS.parent / "docs" / "threats.md"


def test_every_test_that_a_promise_names_is_there() -> None:
    named = re.findall(r"`([\w/]+\.py|…)::(\w+)`", THREATS.read_text())
    assert len(named) > 15
    file = ""
    for place, test in named:
        file = file if place == "…" else place
        assert f"def {test}(" in (TESTS / file).read_text(), f"{file}::{test}"
