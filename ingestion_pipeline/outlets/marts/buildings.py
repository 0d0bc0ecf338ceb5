"""Hours of buildings, with comfort and minutes beyond limits while somebody is there.

Numbers are those of `timeseries_hourly`. Minutes are of the samples themselves: each stands until
the next of its point, at most a quarter of an hour, and for the hour in which it is. Somebody is
there on weekdays from 8 to 18, by the clock of the tenant that the site belongs to (of several the
first; of none UTC). Comfortable is 20 to 26 °C. A limit is that of the active rules for the point,
the tightest; of CO2 it is 1000 ppm where no rule has one. Samples whose quality is not good have no
minutes.

Samples that were archived are not there any more: of such hours the minutes stay as they were.
An hour whose samples are of several units has minutes, and none of comfort or limits.
"""

import sqlalchemy as sa

from ingestion_pipeline.outlets.marts.own_days import PARTS, ZONES
from ingestion_pipeline.outlets.marts.refresh import Mart

_CELSIUS = "'°c', 'c', 'degc', 'deg c', 'degree celsius', 'degrees celsius', 'celsius', 'cel'"
_FAHRENHEIT = "'°f', 'f', 'degf', 'deg f', 'degree fahrenheit', 'degrees fahrenheit', 'fahrenheit'"
_MEASURE = f"""
    CASE WHEN lower(unit) IN ({_CELSIUS}, {_FAHRENHEIT}) THEN 'temperature'
         WHEN lower(unit) IN ('ppm', '') AND point_name ~* 'co2' THEN 'co2' ELSE '' END
"""
_COMFORTABLE = f"""
    CASE WHEN lower(unit) IN ({_CELSIUS}) THEN value BETWEEN 20 AND 26
         ELSE value BETWEEN 68 AND 78.8 END
"""
_OF_PART = """site_name = part.key
    AND {moment} >= CAST(part.day AS timestamp) AT TIME ZONE 'UTC'
    AND {moment} < CAST(part.day + 1 AS timestamp) AT TIME ZONE 'UTC'
"""
_MINUTES = ", ".join(
    f"{name} = CASE WHEN excluded.occupied_minutes IS NULL THEN known.{name} "
    f"ELSE excluded.{name} END"
    for name in (
        "occupied_minutes", "comfort_minutes", "lower_limit", "upper_limit", "minutes_below",
        "minutes_above",
    )
)  # fmt: skip
_FORGET = sa.text(f"""
    DELETE FROM building_hours AS known USING {PARTS}
    WHERE known.{_OF_PART.format(moment="known.hour")}
      AND NOT EXISTS (
          SELECT FROM timeseries_hourly AS there
          WHERE there.site_name = known.site_name AND there.point_name = known.point_name
            AND there.hour = known.hour AND there.unit = known.unit)
""")  # noqa: S608
_MAKE = sa.text(rf"""
    WITH hours AS MATERIALIZED (
        SELECT told.*, {_MEASURE} AS measure,
               count(*) OVER (PARTITION BY site_name, point_name, hour) = 1 AS is_alone
        FROM {PARTS} JOIN timeseries_hourly AS told ON {_OF_PART.format(moment="hour")}),
    clocks AS (
        SELECT site_name, coalesce(
            (SELECT zone FROM tenant_sites AS owned JOIN {ZONES} AS told USING (tenant_id)
             WHERE owned.site_name = hours.site_name ORDER BY tenant_id LIMIT 1), 'UTC') AS zone
        FROM hours GROUP BY site_name),
    limits AS (
        SELECT site_name, point_name, max(minimum) AS lower_limit, min(maximum) AS upper_limit
        FROM (SELECT DISTINCT site_name, point_name FROM hours) AS point
        JOIN (SELECT site_name AS site, minimum, maximum, replace(replace(replace(replace(
                  point_name, '\', '\\'), '%', '\%'), '_', '\_'), '*', '%') AS points
              FROM building_alert_rules WHERE active) AS rule
          ON rule.site IN (point.site_name, '*') AND point.point_name LIKE rule.points
        GROUP BY 1, 2),
    bounds AS (
        SELECT site_name, point_name, unit, lower_limit,
               coalesce(upper_limit, CASE measure WHEN 'co2' THEN 1000 END) AS upper_limit
        FROM (SELECT DISTINCT site_name, point_name, unit, measure FROM hours) AS point
        LEFT JOIN limits USING (site_name, point_name)),
    samples AS (
        SELECT site_name, point_name, date_trunc('hour', timestamp, 'UTC') AS hour, value,
               value IS NOT NULL AND lower(btrim(quality)) = 'good'
               AND extract(isodow FROM timestamp AT TIME ZONE zone) <= 5
               AND extract(hour FROM timestamp AT TIME ZONE zone) BETWEEN 8 AND 17 AS counts,
               extract(epoch FROM least(
                   lead(timestamp) OVER (
                       PARTITION BY site_name, point_name, part.day ORDER BY timestamp),
                   timestamp + interval '15 minutes') - timestamp) / 60.0 AS minutes
        FROM {PARTS} JOIN timeseries_raw ON {_OF_PART.format(moment="timestamp")}
        JOIN clocks USING (site_name)),
    minutes AS (
        SELECT site_name, point_name, hours.hour, unit,
               coalesce(sum(minutes) FILTER (WHERE counts), 0) AS occupied,
               coalesce(sum(minutes) FILTER (WHERE counts AND {_COMFORTABLE}), 0) AS comfort,
               coalesce(sum(minutes) FILTER (WHERE counts AND value < lower_limit), 0) AS below,
               coalesce(sum(minutes) FILTER (WHERE counts AND value > upper_limit), 0) AS above
        FROM hours JOIN samples USING (site_name, point_name, hour)
        JOIN bounds USING (site_name, point_name, unit)
        GROUP BY 1, 2, 3, 4)
    INSERT INTO building_hours AS known (
        site_name, point_name, hour, unit, room, measure, samples, minimum, maximum, mean, coverage,
        occupied_minutes, comfort_minutes, lower_limit, upper_limit, minutes_below, minutes_above)
    SELECT site_name, point_name, hour, unit,
           coalesce(substring(point_name FROM '^(.*)/[^/]*$'), ''), measure, samples, minimum,
           maximum, mean, coverage, occupied,
           CASE WHEN is_alone AND measure = 'temperature' THEN comfort END,
           lower_limit, upper_limit,
           CASE WHEN is_alone AND lower_limit IS NOT NULL THEN below END,
           CASE WHEN is_alone AND upper_limit IS NOT NULL THEN above END
    FROM hours LEFT JOIN bounds USING (site_name, point_name, unit)
    LEFT JOIN minutes USING (site_name, point_name, hour, unit)
    ON CONFLICT (site_name, point_name, hour, unit) DO UPDATE SET
        room = excluded.room, measure = excluded.measure, samples = excluded.samples,
        minimum = excluded.minimum, maximum = excluded.maximum, mean = excluded.mean,
        coverage = excluded.coverage, {_MINUTES}
""")  # noqa: S608


def make(connection: sa.Connection, parts: str) -> int:
    """Work some days of sites out; returns how many hours of points there are of them."""
    connection.execute(_FORGET, {"parts": parts})
    return connection.execute(_MAKE, {"parts": parts}).rowcount


BUILDINGS = Mart(
    name="buildings",
    source="timeseries_hourly",
    most=10,
    everything="""
        SELECT 0 AS tenant_id, site_name AS key, CAST(hour AT TIME ZONE 'UTC' AS date) AS day
        FROM timeseries_hourly
        UNION SELECT 0, site_name, CAST(hour AT TIME ZONE 'UTC' AS date) FROM building_hours
    """,
    make=make,
)
