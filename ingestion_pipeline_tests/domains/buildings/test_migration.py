"""Migration 0018 on a database of the release before: its rows stay, and nothing old is told."""

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import offenders
from ingestion_pipeline.domains.buildings.merge.result import DayResult, result_of
from ingestion_pipeline.domains.buildings.publish.alerts import watch
from ingestion_pipeline.domains.buildings.publish.incidents import Followed
from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline_tests.domains.buildings.builders import DAY

_ROWS = """
    SELECT make_timeseries_month('2024-02-01');
    INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality)
        VALUES ('s', 'co2', '2024-02-29T00:00Z', 2000, 'good');
    INSERT INTO timeseries_hourly VALUES ('s', 'co2', '2024-02-29T00:00Z', 1, 1, 1, 1, 1, 0.25);
    INSERT INTO timeseries_daily VALUES ('s', 'co2', '2024-02-29', 1, 1, 1, 1, 1, 0.25);
    INSERT INTO building_alert_rules (site_name, point_name, maximum) VALUES ('*', '*', 1000);
    INSERT INTO building_alerts
        SELECT 's', 'co2', rule_id, '2024-02-29T00:00Z', '2024-02-29T00:00Z', 1, 2000, 'warning'
        FROM building_alert_rules;
    INSERT INTO collected_days
        (site_name, day, configured_points, missing_points, fetched, kept, run_id, result)
        VALUES ('s', '2024-02-29', '{co2}', '{}', 1, 1, 'r', '{"site": "s", "day": "2024-02-29",
            "counts": {"fetched": 1, "kept": 1}, "configured_points": 1, "missing_points": [],
            "requests": 1, "retries": 0, "seconds": 1.0, "complete": true}');
"""


def test_what_the_release_before_has_written_stays(server_url: sa.URL) -> None:
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS older_buildings WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE older_buildings")
    url = server_url.set(database="older_buildings")
    older = sa.create_engine(url, connect_args={"options": "-c timezone=UTC"})
    schema.upgrade(older, "0017")
    with older.begin() as connection:
        connection.exec_driver_sql(_ROWS)
    schema.upgrade(older)
    with older.connect() as connection:
        for table in ("timeseries_hourly", "timeseries_daily"):
            query = f"SELECT unit, left_out, mean FROM {table}"
            assert connection.exec_driver_sql(query).all() == [("", 0, 1.0)]
        assert connection.execute(offenders.missing_halves()).all() == []
    assert watch(older) == Followed(0, 0)
    result = result_of(older, "s", DAY, run_id="r")
    assert isinstance(result, DayResult)
    assert (result.complete, result.missing) == (True, ())
    older.dispose()
    with administrator.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE older_buildings WITH (FORCE)")
    administrator.dispose()
