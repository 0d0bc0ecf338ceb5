"""Small pictures as SVG from the server: they need no script, and take the theme's colours.

A gap is a gap: no line goes over what is not there.
"""

import math
from collections.abc import Iterator, Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 120, 28
Values = Sequence[float | None]


def sparkline(
    values: Values, *, says: str = "", width: int = _WIDTH, height: int = _HEIGHT
) -> Markup:
    """A line between its own extremes, its last value marked.

    Args:
        values: at equal distances; None: nothing there.
        says: what is read aloud in its place; empty: the numbers stand beside it.
        width: in pixels.
        height: in pixels.
    """
    points = list(_points(values, width, height))
    drawn = "".join(_lines(points))
    last = points[-1] if points and points[-1] else None
    mark = f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2"/>' if last else ""
    return _svg(drawn + mark, says, "spark", width, height)


def bar(share: float, *, says: str = "", level: str = "") -> Markup:
    """A share of 0 to 1 as a bar."""
    wide = round(min(1.0, max(0.0, share)) * _WIDTH, 1)
    track = f'<rect class="track" width="{_WIDTH}" height="8" rx="4"/>'
    filled = f'<rect class="fill {escape(level)}" width="{wide}" height="8" rx="4"/>'
    return _svg(track + filled, says, "bar", _WIDTH, 8)


def chart(
    values: Values, *, low: Values = (), high: Values = (), then: Values = (), says: str,
    width: int = 960, height: int = 220,
) -> Markup:  # fmt: skip
    """A line with the band between `low` and `high` under it, for those who have no script.

    `then`: another line, dashed; as long as `values`, as low and high are.
    """
    extent = [
        value
        for value in (*values, *low, *high, *then)
        if value is not None and math.isfinite(value)
    ]
    if not extent:
        return _svg("", says, "drawn", width, height)
    bounds = (min(extent), max(extent))
    band = "".join(_bands(low, high, width, height, bounds))
    line = "".join(_lines(list(_points(values, width, height, bounds))))
    dashed = "".join(_lines(list(_points(then, width, height, bounds))))
    other = f'<g class="then">{dashed}</g>' if dashed else ""
    return _svg(band + other + line, says, "drawn", width, height)


def _svg(content: str, says: str, kind: str, width: int, height: int) -> Markup:
    told = f'role="img" aria-label="{escape(says)}"' if says else 'aria-hidden="true"'
    return Markup(  # noqa: S704  (numbers of ours, and what is escaped)
        f'<svg class="{kind}" {told} viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" preserveAspectRatio="none" focusable="false">{content}</svg>'
    )


def _points(
    values: Values, width: int, height: int, bounds: tuple[float, float] | None = None
) -> Iterator[tuple[float, float] | None]:
    there = [value for value in values if value is not None and math.isfinite(value)]
    if not there:
        return
    low, high = bounds or (min(there), max(there))
    reach = high / 2 - low / 2  # halves, because the difference may be infinite
    step = (width - 6) / max(1, len(values) - 1)
    for at, value in enumerate(values):
        if value is None or not math.isfinite(value):
            yield None
        else:
            up = (value / 2 - low / 2) / reach if reach else 0.5
            yield 3 + at * step, height - 3 - up * (height - 6)


def _lines(points: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    """A polyline a stretch without gaps; a lone point is a dot."""
    for stretch in _stretches(points):
        if len(stretch) == 1:
            [(x, y)] = stretch
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2"/>'
        else:
            told = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
            yield f'<polyline fill="none" points="{told}"/>'


def _bands(
    low: Values, high: Values, width: int, height: int, bounds: tuple[float, float]
) -> Iterator[str]:
    both = [a is not None and b is not None for a, b in zip(low, high, strict=True)]
    under = list(_points([v if ok else None for v, ok in zip(low, both, strict=True)],
                         width, height, bounds))  # fmt: skip
    over = list(_points([v if ok else None for v, ok in zip(high, both, strict=True)],
                        width, height, bounds))  # fmt: skip
    for bottom, top in zip(_stretches(under), _stretches(over), strict=True):
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*bottom, *reversed(top)))
        yield f'<polygon class="band" points="{told}"/>'


def _stretches(
    points: Sequence[tuple[float, float] | None],
) -> Iterator[list[tuple[float, float]]]:
    stretch: list[tuple[float, float]] = []
    for point in points:
        if point is not None:
            stretch.append(point)
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch
