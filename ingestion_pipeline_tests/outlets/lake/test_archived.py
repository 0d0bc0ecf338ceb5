"""Months that were archived stay in the lake, whatever comes late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.domains.buildings.publish.archive import publish_archive
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME

SAMPLES = BY_NAME["timeseries_raw"]
DAY = datetime(2020, 2, 3, tzinfo=UTC)


def store(engine: sa.Engine, values: dict[int, float]) -> None:
    with engine.begin() as connection:
        ensure_month(connection, Month.of(DAY))
        for hour, value in values.items():
            connection.execute(
                sa.text("""
                    INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality)
                    VALUES ('plant', 'p', :at, :value, 'good')
                    ON CONFLICT (site_name, point_name, timestamp)
                        DO UPDATE SET value = excluded.value
                """),
                {"at": DAY + timedelta(hours=hour), "value": value},
            )


def in_lake(lake: Lake) -> dict[int, float]:
    table: Any = lake.table("operator", "timeseries_raw")
    return {row["timestamp"].hour: row["value"] for row in table.scan().to_arrow().to_pylist()}


def test_a_late_sample_of_a_dropped_month_is_merged_over_what_the_lake_has(
    engine: sa.Engine, lake: Lake, tmp_path: Any
) -> None:
    store(engine, {0: 1.0, 1: 2.0, 2: 3.0})
    sync(engine, lake, SAMPLES)
    archive = {"keep": 1, "archive_url": (tmp_path / "archive").as_uri()}
    assert len(publish_archive(engine, followed=True, **archive)) == 1  # type: ignore[arg-type]
    assert sync(engine, lake, SAMPLES).partitions == 0
    assert in_lake(lake) == {0: 1.0, 1: 2.0, 2: 3.0}
    store(engine, {1: 20.0, 5: 6.0})
    sync(engine, lake, SAMPLES)
    assert in_lake(lake) == {0: 1.0, 1: 20.0, 2: 3.0, 5: 6.0}
    with engine.begin() as connection:  # all of it anew: what is in the lake alone stays
        connection.exec_driver_sql(
            "INSERT INTO changed_parts (reader, source, tenant_id, key, day) "
            "VALUES ('lake', 'timeseries_raw', 0, '', 'infinity')"
        )
    sync(engine, lake, SAMPLES)
    assert in_lake(lake) == {0: 1.0, 1: 20.0, 2: 3.0, 5: 6.0}
