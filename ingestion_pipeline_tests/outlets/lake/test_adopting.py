"""A database that does not know the tables in its lake's place leaves them as they are."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.outlets.lake import due
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at
from ingestion_pipeline.outlets.lake.sweep import sweep
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_points

POINTS = BY_NAME["kpi_points"]


def forget(engine: sa.Engine) -> None:
    """As after a restore: the catalogue is empty, and everything is due."""
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE ingestion_lake.iceberg_tables")
        connection.exec_driver_sql("TRUNCATE ingestion_lake.iceberg_namespace_properties")
        due.mark(connection, POINTS)


def values(lake: Lake, tenant_id: int) -> list[float]:
    table = lake.table(f"tenant_{tenant_id}", "kpi_points")
    assert table is not None
    return sorted(row["value"] for row in table.scan().to_arrow().to_pylist())


def test_a_restored_database_wrote_over_its_lake_and_swept_it(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0, BASE + timedelta(days=1): 2.0})
    sync(engine, lake, POINTS)
    forget(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM kpi_points WHERE value = 2")
    with pytest.raises(ConfigurationError, match="lake adopt"):
        sync(engine, lake, POINTS)
    swept = sweep(engine, lake, POINTS, keep=timedelta(0), grace=timedelta(0))
    assert (swept.files, len(swept.faults)) == (0, 1)
    assert lake.adopt(f"tenant_{tenant_id}", "kpi_points")
    assert values(lake, tenant_id) == [1.0, 2.0]
    sync(engine, lake, POINTS)
    assert values(lake, tenant_id) == [1.0]
    assert not lake.adopt(f"tenant_{tenant_id}", "kpi_points")


def test_a_lake_that_was_moved_went_on_where_it_had_been(
    engine: sa.Engine, database_url: str, tenant_id: int, lake: Lake, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    sync(engine, lake, POINTS)
    moved = lake_at(database_url, str(tmp_path / "elsewhere"))
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=1): 2.0})
    with pytest.raises(ConfigurationError, match="lake rebuild"):
        sync(engine, moved, POINTS)
    with engine.begin() as connection:
        due.mark(connection, POINTS)
    moved.leave("kpi_points")
    sync(engine, moved, POINTS)
    assert values(moved, tenant_id) == [1.0, 2.0]
    assert (tmp_path / "lake" / f"tenant_{tenant_id}" / "kpi_points" / "data").is_dir()
