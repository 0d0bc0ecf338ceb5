"""A day of a site in one small picture."""

from collections import defaultdict
from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.publish.aggregates import values_of_day
from ingestion_pipeline.domains.buildings.publish.quality import SAMPLES_OF_DAY
from ingestion_pipeline.foundation.sparkline import LINES, picture

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
    """Hourly means of a few points over a day, in Markdown; None where nothing varies."""
    hours: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    values = values_of_day(site, day) | {"points": LINES}
    for point, unit, hour, mean in connection.execute(_HOURLY_MEANS, values):
        hours[point, unit][hour] = mean
    if not hours:
        return None
    return picture(site, hours.values(), last=23)
