"""Numbers about the tables, for the metadata of assets, and which days they hold."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import day_bounds
from ingestion_pipeline.domains.kpis.tables import updates
from ingestion_pipeline.foundation.storage.database import row_count

_COUNTED = 1_000_000

_QUALITIES = sa.text("""
    SELECT coalesce(point.quality, 'ungraded'), count(*)
    FROM (SELECT DISTINCT tenant_id, kpi_id FROM kpi_updates
          WHERE observed_at >= :start AND observed_at < :stop) AS series
    JOIN kpi_points AS point USING (tenant_id, kpi_id)
    WHERE point.observed_at >= :start AND point.observed_at < :stop
    GROUP BY 1 ORDER BY 1
""")

_OLDER_DUE = sa.text("""
    SELECT CAST(observed_at AT TIME ZONE 'UTC' AS date) AS day
    FROM kpi_updates WHERE pending AND observed_at < :before
    UNION SELECT CAST(observed_at AT TIME ZONE 'UTC' AS date)
    FROM kpi_points WHERE quality IS NULL AND observed_at < :before
    UNION SELECT day FROM kpi_days WHERE pending AND day < CAST(:before AS date)
    ORDER BY day
""")
_OLDER = sa.text("""
    SELECT DISTINCT CAST(observed_at AT TIME ZONE 'UTC' AS date) AS day
    FROM kpi_updates WHERE observed_at < :before ORDER BY day
""")


def older_days(connection: sa.Connection, *, before: date, again: bool) -> list[date]:
    """The days before one that have something to be published, or (`again`) any reading."""
    statement = _OLDER if again else _OLDER_DUE
    return list(connection.scalars(statement, {"before": day_bounds(before)[0]}))


def points_by_quality(connection: sa.Connection, day: date) -> dict[str, int]:
    """How many points of each quality a day has."""
    start, stop = day_bounds(day)
    rows = connection.execute(_QUALITIES, {"start": start, "stop": stop})
    return {row[0]: row[1] for row in rows}


def package_count(connection: sa.Connection, day: date | None = None) -> int:
    """How many packages have a reading of a day, or there are (of very many: at most)."""
    keys: sa.Select[Any] = sa.select(
        updates.c.tenant_id, updates.c.trace_id, updates.c.kpi_id
    ).distinct()
    if day is None:
        every = row_count(connection, updates)
        if every > _COUNTED:  # counting apart what is the same reads all of them
            return every
    else:
        start, stop = day_bounds(day)
        keys = keys.where(updates.c.observed_at >= start, updates.c.observed_at < stop)
    return int(connection.scalar(sa.select(sa.func.count()).select_from(keys.subquery())) or 0)
