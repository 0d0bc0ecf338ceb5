"""Samples of a site's day → one row a point, unit and hour, and one row a point, unit and day.

`samples` counts all of them, texts included; the numbers are of those that are numbers of good
quality, and of one unit (quality.py). `left_out` counts the numbers of any other quality.
`coverage` is the share of the hour's quarters (of the day's hours) in which there is a sample.
"""

from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.windows import Window, day_of
from ingestion_pipeline.domains.buildings.publish.quality import SAMPLES_OF_DAY
from ingestion_pipeline.foundation.storage import locks

# The variance that PostgreSQL keeps beside a mean overflows with the squares of larger numbers.
_STATISTICS = """
    count(*), count(*) FILTER (WHERE left_out), min(value), max(value),
    avg(value) FILTER (WHERE abs(value) < 1e150),
    (array_agg(value ORDER BY timestamp DESC) FILTER (WHERE value IS NOT NULL))[1]
"""
_NAMES = "samples, left_out, minimum, maximum, mean, last, coverage"

_HOURLY = f"""
    INSERT INTO timeseries_hourly (site_name, point_name, hour, unit, {_NAMES})
    SELECT site_name, point_name, date_trunc('hour', timestamp, 'UTC'), unit, {_STATISTICS},
           count(DISTINCT date_bin('15 minutes', timestamp, '2000-01-01Z')) / 4.0
    FROM {SAMPLES_OF_DAY} AS sample GROUP BY 1, 2, 3, 4
"""  # noqa: S608
_DAILY = f"""
    INSERT INTO timeseries_daily (site_name, point_name, day, unit, {_NAMES})
    SELECT site_name, point_name, :day, unit, {_STATISTICS},
           count(DISTINCT date_trunc('hour', timestamp, 'UTC')) / 24.0
    FROM {SAMPLES_OF_DAY} AS sample GROUP BY 1, 2, 4
"""  # noqa: S608


def publish_hours(engine: sa.Engine, site: str, day: date) -> int:
    """Replace the hourly rows of a day; returns how many there are."""
    delete = "DELETE FROM timeseries_hourly WHERE site_name = :site AND hour >= :start"
    return _replace(engine, site, day, f"{delete} AND hour < :end", _HOURLY)


def publish_day(engine: sa.Engine, site: str, day: date) -> int:
    """Replace the daily rows of a day; returns how many there are."""
    delete = "DELETE FROM timeseries_daily WHERE site_name = :site AND day = :day"
    return _replace(engine, site, day, delete, _DAILY)


def lock_day(connection: sa.Connection, what: str, site: str, day: date) -> None:
    """One at a time works on what follows from a day, until the transaction ends."""
    locks.hold(connection, locks.OF_DAY[what].of(f"{site}/{day}"))


def values_of_day(site: str, day: date) -> dict[str, object]:
    """Parameters of statements about a site's day."""
    window: Window = day_of(day)
    return {"site": site, "day": day, "start": window.start, "end": window.end}


def _replace(engine: sa.Engine, site: str, day: date, delete: str, insert: str) -> int:
    values = values_of_day(site, day)
    with engine.begin() as connection:
        lock_day(connection, "aggregates", site, day)
        connection.execute(sa.text(delete), values)
        return connection.execute(sa.text(insert), values).rowcount
