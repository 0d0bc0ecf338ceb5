"""One point of a building: its samples, from minutes to years."""

from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import Ask, NotThereError, Shown, page
from ingestion_pipeline.outlets.dashboards.buckets import buckets_of
from ingestion_pipeline.outlets.dashboards.charts import SHRUNK, Bucket, Mark, chart_of
from ingestion_pipeline.outlets.dashboards.findings import marks_of, of_subject
from ingestion_pipeline.outlets.dashboards.series import Tile, series_shown
from ingestion_pipeline.outlets.dashboards.spans import Span, address, span_of
from ingestion_pipeline.outlets.dashboards.telling import age, number, percent, unit_of

_NEWEST = sa.text("""
    SELECT hour, unit, minimum, maximum, mean, last, coverage FROM timeseries_hourly
    WHERE site_name = :site AND point_name = :point
    ORDER BY hour DESC, unit LIMIT 1
""")
# Only what the source calls good is counted on, as in the roll-ups.
_SAMPLES = sa.text("""
    SELECT min(timestamp) AS first, max(timestamp) AS last, count(*) AS points,
           min(value) AS least, max(value) AS most, sum(value * :shrunk) AS total
    FROM timeseries_raw
    WHERE site_name = :site AND point_name = :point
      AND timestamp >= :start AND timestamp < :end
      AND value IS NOT NULL AND lower(btrim(quality)) = 'good'
    GROUP BY date_bin(:step * interval '1 second', timestamp, TIMESTAMPTZ '1970-01-01T00:00Z')
    ORDER BY 1
""")
_HOURS = sa.text("""
    SELECT min(hour) AS first, max(hour) AS last, sum(samples - left_out) AS points,
           min(minimum) AS least, max(maximum) AS most,
           sum(mean * :shrunk * (samples - left_out)) AS total
    FROM timeseries_hourly
    WHERE site_name = :site AND point_name = :point AND unit = :unit
      AND hour >= :start AND hour < :end AND mean IS NOT NULL AND samples > left_out
    GROUP BY date_bin(:step * interval '1 second', hour, TIMESTAMPTZ '1970-01-01T00:00Z')
    ORDER BY 1
""")
_UNITS = sa.text("""
    SELECT count(DISTINCT unit) FROM timeseries_hourly
    WHERE site_name = :site AND point_name = :point AND hour >= :start AND hour < :end
""")
_ALERTS = sa.text("""
    SELECT started_at, ended_at, severity, extreme, open_ended FROM building_alerts
    WHERE site_name = :site AND point_name = :point AND ended_at >= :start AND started_at < :end
    ORDER BY started_at DESC LIMIT 500
""")


@page("/buildings/point")
def point(ask: Ask) -> Shown:
    """A point by its site and name: `?site=&point=`."""
    which = {"site": ask.text("site"), "point": ask.text("point")}
    newest = ask.row(_NEWEST, **which)
    if newest is None:
        raise NotThereError
    span = span_of(ask)
    alerts = ask.rows(_ALERTS, **which, start=span.start, end=span.end)
    subject = f"{which['site']}/{which['point']}"
    found = of_subject(ask, "buildings", subject, since=span.start)
    chart = chart_of(
        span, _buckets(ask, span, which, newest.unit), unit=newest.unit,
        marks=(*map(_mark, alerts), *marks_of(found)), key=f"point:{subject}",
    )  # fmt: skip
    unit = unit_of(newest.unit)
    tiles = (
        Tile(number(newest.last, unit), f"last, {age(ask.now - newest.hour)} ago"),
        Tile(
            f"{number(newest.minimum)} – {number(newest.maximum, unit)}",
            "least and most of that hour",
        ),
        Tile(percent(newest.coverage * 100), "of that hour has samples"),
        Tile(str(len(alerts)), "alerts in this span", "bad" if any(
            row.open_ended for row in alerts) else ""),
    )  # fmt: skip
    return series_shown(
        ask, chart, title=which["point"], tiles=tiles, found=found, kept=which,
        back=(address("/buildings/site", site=which["site"]), which["site"]),
    )  # fmt: skip


def _buckets(ask: Ask, span: Span, which: dict[str, str], unit: str) -> list[Bucket]:
    """Its columns: of samples; of hours where the span is long, or there are several units."""
    values: dict[str, Any] = {
        **which, "start": span.start, "end": span.end, "step": span.step, "shrunk": SHRUNK,
    }  # fmt: skip
    if (
        span.source == "points"
        and ask.rows(_UNITS, **which, start=span.start, end=span.end)[0][0] <= 1
    ):
        return buckets_of(ask.rows(_SAMPLES, **values))
    values["step"] = max(span.step, 3_600)
    return buckets_of(ask.rows(_HOURS, **values, unit=unit))


def _mark(row: sa.Row[Any]) -> Mark:
    says = f"{row.severity}: up to {number(row.extreme)}"
    return Mark(row.started_at, None if row.open_ended else row.ended_at, "alert", says)
