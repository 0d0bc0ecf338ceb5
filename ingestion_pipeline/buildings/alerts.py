"""Samples beyond the limits of a rule → `building_alerts`, one row a stretch of them.

Rules are those of alert_rules.py. A stretch that goes over midnight is one of each day.
"""

from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.buildings.aggregates import lock_day, values_of_day

_DELETE = sa.text("""
    DELETE FROM building_alerts
    WHERE site_name = :site AND started_at >= :start AND started_at < :end
""")
_INSERT = sa.text(r"""
    WITH rules AS (
        SELECT rule_id, severity, minimum, maximum,
               replace(replace(replace(replace(
                   point_name, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS points
        FROM building_alert_rules WHERE active AND site_name IN (:site, '*')
    ), samples AS (
        SELECT rule_id, severity, minimum, maximum, point_name, timestamp, value,
               coalesce(value < minimum, false) OR coalesce(value > maximum, false) AS beyond
        FROM timeseries_raw JOIN rules ON point_name LIKE points
        WHERE site_name = :site AND timestamp >= :start AND timestamp < :end
          AND value IS NOT NULL
    ), stretches AS (
        SELECT *,
               row_number() OVER (PARTITION BY rule_id, point_name ORDER BY timestamp)
             - row_number() OVER (PARTITION BY rule_id, point_name, beyond ORDER BY timestamp)
               AS stretch
        FROM samples
    )
    INSERT INTO building_alerts
           (site_name, point_name, rule_id, started_at, ended_at, samples, extreme, severity)
    SELECT :site, point_name, rule_id, min(timestamp), max(timestamp), count(*),
           CASE WHEN max(value) > max(maximum) THEN max(value) ELSE min(value) END, max(severity)
    FROM stretches WHERE beyond GROUP BY rule_id, point_name, stretch
""")


def detect_alerts(engine: sa.Engine, site: str, day: date) -> int:
    """Replace the alerts of a day; returns how many there are."""
    values = values_of_day(site, day)
    with engine.begin() as connection:
        lock_day(connection, "alerts", site, day)
        connection.execute(_DELETE, values)
        return connection.execute(_INSERT, values).rowcount
