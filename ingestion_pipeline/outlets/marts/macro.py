"""What is known now of macro series, what changed, and how far it is from what was first printed.

The year before is told by date: the newest observation that is at least a year old, by the
calendar, and not more than a week older than that. Counting rows would be right for monthly series
and wrong for quarterly ones; the week is for daily and weekly ones, whose day may have none.
A date of which the source says that it is missing (NULL) is no observation.
"""

import sqlalchemy as sa

from ingestion_pipeline.outlets.marts.own_days import PARTS
from ingestion_pipeline.outlets.marts.refresh import Mart

_DELETE = sa.text(f"""
    DELETE FROM macro_latest AS known USING {PARTS} WHERE known.series_id = part.key
""")  # noqa: S608
_INSERT = sa.text(f"""
    WITH vintages AS MATERIALIZED (
        SELECT series_id, date, realtime_start, realtime_end, value
        FROM {PARTS} JOIN macro_observations ON series_id = part.key WHERE value IS NOT NULL),
    printed AS (
        SELECT DISTINCT ON (series_id, date) series_id, date, value AS first_print,
               realtime_start AS first_print_on
        FROM vintages ORDER BY series_id, date, realtime_start),
    known AS MATERIALIZED (
        SELECT series_id, date, value, realtime_start AS known_since,
               date = max(date) OVER (PARTITION BY series_id) AS newest,
               lag(date) OVER by_date AS previous_on, lag(value) OVER by_date AS previous,
               max(date) OVER (PARTITION BY series_id ORDER BY date RANGE BETWEEN
                   interval '1 year 7 days' PRECEDING AND interval '1 year' PRECEDING)
                   AS year_before_on
        FROM vintages WHERE realtime_end = '9999-12-31'
        WINDOW by_date AS (PARTITION BY series_id ORDER BY date))
    INSERT INTO macro_latest (series_id, observed_on, newest, value, known_since, previous_on,
                              previous, change, year_before_on, year_before, first_print,
                              first_print_on, revision)
    SELECT series_id, date, newest, value, known_since, previous_on, previous, value - previous,
           year_before_on, year_before, first_print, first_print_on, value - first_print
    FROM known JOIN printed USING (series_id, date)
    LEFT JOIN (SELECT series_id, date AS year_before_on, value AS year_before FROM known) AS earlier
        USING (series_id, year_before_on)
""")  # noqa: S608


def make(connection: sa.Connection, parts: str) -> int:
    """Work some series out; returns how many rows there are of them."""
    connection.execute(_DELETE, {"parts": parts})
    return connection.execute(_INSERT, {"parts": parts}).rowcount


MACRO = Mart(
    name="macro",
    source="macro_observations",
    most=20,
    everything="""
        SELECT 0 AS tenant_id, series_id AS key, CAST('-infinity' AS date) AS day
        FROM macro_observations
        UNION SELECT 0, series_id, '-infinity' FROM macro_latest
    """,
    make=make,
)
