"""A day of points → one row a KPI: min, max, mean, last, change; and a plot of them."""

from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import day_bounds
from ingestion_pipeline.domains.kpis.merge.flags import publishing, settle
from ingestion_pipeline.domains.kpis.tables import daily_summary, days
from ingestion_pipeline.foundation.sparkline import LINES, POINTS, picture
from ingestion_pipeline.foundation.storage.json_rows import encode_json

if TYPE_CHECKING:
    import pandas as pd

_POINTS = sa.text("""
    SELECT tenant_id, kpi_id, point.observed_at, point.value
    FROM (SELECT DISTINCT tenant_id, kpi_id FROM kpi_updates
          WHERE observed_at >= :start AND observed_at < :stop) AS series
    JOIN kpi_points AS point USING (tenant_id, kpi_id)
    WHERE point.observed_at >= :start AND point.observed_at < :stop
    ORDER BY tenant_id, kpi_id, point.observed_at
""")
_LAST_BEFORE = sa.text("""
    SELECT tenant_id, kpi_id,
           (SELECT value FROM kpi_points AS point
            WHERE point.tenant_id = series.tenant_id AND point.kpi_id = series.kpi_id
              AND point.observed_at < :start
            ORDER BY observed_at DESC LIMIT 1) AS before
    FROM json_to_recordset(CAST(:series AS json)) AS series (tenant_id integer, kpi_id text)
""")


def publish_summary(engine: sa.Engine, day: date) -> "pd.DataFrame":
    """Replace a day's rows of `kpi_daily_summary`, and return them."""
    with publishing(engine) as connection:
        seen = connection.execute(sa.select(days).where(days.c.day == day)).all()
        summary = summary_of(day_points(connection, day))
        summary["change"] = _change(connection, summary, day)
        connection.execute(sa.delete(daily_summary).where(daily_summary.c.day == day))
        rows: list[dict[str, Any]] = [
            # pandas says NaN where nothing is known.
            {str(name): None if value != value else value for name, value in row.items()}
            for row in summary.assign(day=day).to_dict("records")
        ]
        if rows:
            connection.execute(sa.insert(daily_summary), rows)
        settle(connection, days, [row for row in seen if row.pending])
    return summary


def day_points(connection: sa.Connection, day: date) -> "pd.DataFrame":
    """The points of a UTC day: tenant_id, kpi_id, observed_at, value; by series and instant."""
    import pandas as pd

    start, stop = day_bounds(day)
    rows = connection.execute(_POINTS, {"start": start, "stop": stop}).all()
    return pd.DataFrame(rows, columns=["tenant_id", "kpi_id", "observed_at", "value"])


def summary_of(points: "pd.DataFrame") -> "pd.DataFrame":
    """One row a series: tenant_id, kpi_id, points, minimum, maximum, mean, last."""
    by_series = points.groupby(["tenant_id", "kpi_id"], sort=True)
    # The sum of the largest doubles is infinite, the sum of their shares is not.
    shares = points["value"] / by_series["value"].transform("size")
    mean = shares.groupby([points["tenant_id"], points["kpi_id"]], sort=True).sum()
    summary = by_series["value"].agg(points="size", minimum="min", maximum="max", last="last")
    # Rounding may take it past what it lies between.
    summary["mean"] = mean.clip(summary["minimum"], summary["maximum"])
    return summary.reset_index()


def sparkline(points: "pd.DataFrame") -> str | None:
    """The day's longest series, in Markdown; None where there is none."""
    if points.empty:
        return None
    series = sorted((each for _, each in points.groupby(["tenant_id", "kpi_id"])), key=len)[::-1]
    return picture("values", (_picked(each["value"].tolist()) for each in series[:LINES]))


def _picked(values: list[float]) -> dict[int, float]:
    """As many values as are drawn, by position; a lone one is a line, too."""
    last = max(1, min(len(values), POINTS) - 1)
    return {at: values[at * (len(values) - 1) // last] for at in range(last + 1)}


def _change(connection: sa.Connection, summary: "pd.DataFrame", day: date) -> list[float | None]:
    """The last value of the day less the last one before it; None where there is none, or too far.

    The order is that of the summary.
    """
    import math

    series: list[dict[str, Any]] = [
        {"tenant_id": int(tenant_id), "kpi_id": kpi_id}
        for tenant_id, kpi_id in zip(summary["tenant_id"], summary["kpi_id"], strict=True)
    ]
    values = {"series": encode_json(series), "start": day_bounds(day)[0]}
    before = {(row[0], row[1]): row[2] for row in connection.execute(_LAST_BEFORE, values)}
    changes: list[float | None] = []
    for each, last in zip(series, summary["last"].tolist(), strict=True):
        value = before[each["tenant_id"], each["kpi_id"]]
        change = None if value is None else last - value
        changes.append(change if change is not None and math.isfinite(change) else None)
    return changes
