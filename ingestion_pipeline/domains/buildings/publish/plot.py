"""A day of a site in one small picture."""

import base64
from collections import defaultdict
from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.publish.aggregates import values_of_day
from ingestion_pipeline.domains.buildings.publish.quality import SAMPLES_OF_DAY

_POINTS = 3
_COLORS = ("#4c78a8", "#f58518", "#54a24b")
_WIDTH, _HEIGHT = 120, 24

# The first points in order of name that are neither constant nor texts; in a unit each.
_HOURLY_MEANS = sa.text(f"""
    WITH sample AS {SAMPLES_OF_DAY}, varying AS (
        SELECT point_name, unit FROM sample
        GROUP BY 1, 2 HAVING max(value) > min(value) ORDER BY 1, 2 LIMIT :points
    )
    SELECT point_name, unit, CAST(extract(hour FROM timestamp AT TIME ZONE 'UTC') AS integer),
           avg(value) FILTER (WHERE abs(value) < 1e150)
    FROM sample JOIN varying USING (point_name, unit)
    GROUP BY 1, 2, 3 HAVING count(value) FILTER (WHERE abs(value) < 1e150) > 0 ORDER BY 1, 2, 3
""")  # noqa: S608


def plot_day(connection: sa.Connection, site: str, day: date) -> str | None:
    """Hourly means of a few points over a day, in Markdown of under 1,000 characters.

    Each point is drawn between its own extremes. Dagster shows such Markdown inline; longer texts
    hide behind a link, and SVG that is not an image is stripped. None where nothing varies.
    """
    hours: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    values = values_of_day(site, day) | {"points": _POINTS}
    for point, unit, hour, mean in connection.execute(_HOURLY_MEANS, values):
        hours[point, unit][hour] = mean
    if not hours:
        return None
    lines = "".join(
        f'<polyline points="{_line(means)}" fill="none" stroke="{color}"/>'
        for means, color in zip(hours.values(), _COLORS, strict=False)
    )
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{lines}</svg>'
    return f"![{site}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _line(means: dict[int, float]) -> str:
    low, high = min(means.values()), max(means.values())
    reach = high / 2 - low / 2  # halves, because the difference may be infinite
    heights = {h: (mean / 2 - low / 2) / reach if reach else 0.5 for h, mean in means.items()}
    return " ".join(
        f"{hour * _WIDTH // 23},{_HEIGHT - 1 - height * (_HEIGHT - 2):.0f}"
        for hour, height in heights.items()
    )
