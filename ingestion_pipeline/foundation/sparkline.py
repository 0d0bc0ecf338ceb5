"""A few series in one small picture, for the metadata that Dagster shows."""

import base64
from collections.abc import Iterable, Mapping

LINES = 3
POINTS = 24  # of a line; so many of three lines stay under 1,000 characters
_COLORS = ("#4c78a8", "#f58518", "#54a24b")
_WIDTH, _HEIGHT = 120, 24


def picture(name: str, lines: Iterable[Mapping[int, float]], *, last: int | None = None) -> str:
    """The first `LINES` lines as a picture in Markdown, each drawn between its own extremes.

    Dagster shows Markdown of under 1,000 characters inline; longer texts hide behind a link, and
    SVG that is not an image is stripped.

    Args:
        name: what is read aloud in place of the picture.
        lines: finite values by their positions, 0 at the left edge.
        last: the position of the right edge; None: of each line's last value.
    """
    drawn = "".join(
        f'<polyline points="{_points(line, last or max(line) or 1)}" fill="none" stroke="{color}"/>'
        for line, color in zip(lines, _COLORS, strict=False)
    )
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{drawn}</svg>'
    return f"![{name}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _points(line: Mapping[int, float], last: int) -> str:
    low, high = min(line.values()), max(line.values())
    reach = high / 2 - low / 2  # halves, because the difference may be infinite
    heights = {at: (value / 2 - low / 2) / reach if reach else 0.5 for at, value in line.items()}
    return " ".join(
        f"{at * _WIDTH // last},{_HEIGHT - 1 - height * (_HEIGHT - 2):.0f}"
        for at, height in heights.items()
    )
