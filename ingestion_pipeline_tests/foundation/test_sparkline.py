"""The picture of a few series: whatever finite values there are, it is drawn, and is small."""

import base64
import re

from hypothesis import given
from hypothesis import strategies as st

from ingestion_pipeline.foundation.sparkline import LINES, POINTS, picture

VALUES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=POINTS)


def coordinates(text: str) -> list[list[tuple[int, int]]]:
    encoded = re.fullmatch(r"!\[n\]\(data:image/svg\+xml;base64,(.*)\)", text)
    assert encoded is not None
    lines = re.findall(r'points="([^"]*)"', base64.b64decode(encoded[1]).decode())
    return [[(int(x), int(y)) for x, y in (p.split(",") for p in line.split())] for line in lines]


@given(st.lists(VALUES, min_size=1, max_size=LINES + 1))
def test_every_value_is_within_a_picture_that_is_shown_inline(series: list[list[float]]) -> None:
    text = picture("n", [dict(enumerate(values)) for values in series])
    assert len(text) < 1000
    drawn = coordinates(text)
    assert [len(line) for line in drawn] == [len(values) for values in series[:LINES]]
    assert all(0 <= x <= 120 and 1 <= y <= 23 for line in drawn for x, y in line)


def test_extremes_touch_the_edges_and_a_flat_line_is_in_the_middle() -> None:
    largest = 1.7976931348623157e308  # whose distance from its negative is infinite
    text = picture("n", [{0: -largest, 1: largest}, {0: 7.0, 23: 7.0}], last=23)
    assert coordinates(text) == [[(0, 23), (5, 1)], [(0, 12), (120, 12)]]
