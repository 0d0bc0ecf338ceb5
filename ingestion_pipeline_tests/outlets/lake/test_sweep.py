"""What no snapshot names goes, what one names stays, and power may fail."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.outlets.lake.catalogue import POINTER, Lake
from ingestion_pipeline.outlets.lake.sweep import sweep
from ingestion_pipeline.outlets.lake.sync import AS_OF, sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline.outlets.lake.verify import verify
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_hour, new_points

POINTS = BY_NAME["kpi_points"]
AT_ONCE = {"keep": timedelta(0), "grace": timedelta(0)}


def change(engine: sa.Engine, lake: Lake, tenant_id: int, *, times: int) -> Any:
    for n in range(times):
        with engine.begin() as connection:
            new_points(connection, tenant_id, {BASE + timedelta(days=n % 2, minutes=n): float(n)})
        sync(engine, lake, POINTS)
    return lake.table(f"tenant_{tenant_id}", "kpi_points")


def in_folder(lake: Lake) -> set[str]:
    return {str(path) for path in Path(lake.url).rglob("*") if path.is_file()}


def test_old_files_are_deleted_and_what_is_there_stays(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    table = change(engine, lake, tenant_id, times=12)
    stray = Path(table.location(), "data", f"{uuid.uuid4()}.parquet")
    partial = Path(table.location(), "metadata", f"{POINTER}.{uuid.uuid4().hex}.partial")
    unknown = Path(lake.url, "tenant_77", "kpi_points", "metadata", "00000-x.metadata.json")
    strange = Path(lake.url, "somebody's", "kpi_points", "data", "kept.parquet")
    for file in (stray, partial, unknown, strange):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("left")
    before = in_folder(lake)
    kept = sweep(engine, lake, POINTS)
    assert (kept.expired, kept.files) == (0, 0)
    assert in_folder(lake) == before
    done = sweep(engine, lake, POINTS, **AT_ONCE)
    assert done.expired > 10
    assert done.faults == []
    assert not {str(each) for each in (stray, partial, unknown)} & in_folder(lake)
    assert strange.exists()
    assert len(list(Path(table.location(), "data").iterdir())) == 2
    table = lake.table(f"tenant_{tenant_id}", "kpi_points")
    assert len(table.scan().to_arrow()) == 12
    pointed = Path(table.location(), "metadata", POINTER).read_text()
    assert table.metadata_location.endswith(f"/{pointed}.metadata.json")
    assert verify(engine, lake, POINTS).rows == 12
    assert sweep(engine, lake, POINTS, **AT_ONCE).files == 0


def test_a_run_deletes_no_more_than_it_may_and_tells_what_is_left(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    change(engine, lake, tenant_id, times=6)
    done = sweep(engine, lake, POINTS, most=3, **AT_ONCE)
    assert done.files == 3
    assert sweep(engine, lake, POINTS, **AT_ONCE).files == done.left


def test_an_old_snapshot_is_read_as_long_as_it_is_kept(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    table = change(engine, lake, tenant_id, times=4)
    first = table.snapshots()[0].snapshot_id
    sweep(engine, lake, POINTS, grace=timedelta(0))
    assert len(table.scan(snapshot_id=first).to_arrow()) == 1


def test_many_commits_leave_few_manifests_and_the_horizon_stays(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    table = change(engine, lake, tenant_id, times=20)
    as_of = table.current_snapshot().summary.additional_properties[AS_OF]
    assert len(table.current_snapshot().manifests(table.io)) > 16
    sweep(engine, lake, POINTS, **AT_ONCE)
    table = lake.table(f"tenant_{tenant_id}", "kpi_points")
    assert len(table.current_snapshot().manifests(table.io)) == 1
    assert table.current_snapshot().summary.additional_properties[AS_OF] == as_of
    change(engine, lake, tenant_id, times=21)
    assert verify(engine, lake, POINTS).differences == []
    assert len(lake.table(f"tenant_{tenant_id}", "kpi_points").scan().to_arrow()) == 21


def test_files_that_somebody_deleted_stop_no_sweep(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    table = change(engine, lake, tenant_id, times=5)
    oldest = table.snapshots()[1]
    Path(oldest.manifest_list).unlink()
    done = sweep(engine, lake, POINTS, grace=timedelta(0))
    assert done.faults == []
    assert len(table.scan().to_arrow()) == 5
    Path(table.current_snapshot().manifest_list).unlink()
    before = in_folder(lake)
    assert "missing" in sweep(engine, lake, POINTS, grace=timedelta(0)).faults[0]
    assert in_folder(lake) == before


def test_columns_that_were_added_follow_where_no_row_changes(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    samples = BY_NAME["timeseries_raw"]
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": tenant_id},
        )
        ensure_month(connection, Month.of(BASE))
        for n in range(3):
            at = BASE + timedelta(days=n)
            new_hour(connection, "plant", at=at, unit="ppm", value=700)
    sync(engine, lake, samples)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE timeseries_raw ADD COLUMN extra integer DEFAULT 7")
    sweep(engine, lake, samples)
    sync(engine, lake, samples)
    table: Any = lake.table(f"tenant_{tenant_id}", "timeseries_raw")
    assert {row["extra"] for row in table.scan().to_arrow().to_pylist()} == {7}
    assert verify(engine, lake, samples).rows == 6


def test_all_files_are_on_the_disk_before_the_catalogue_names_them(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    through: set[str] = set()
    lacking: list[set[str]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        through.add(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def committed(_: object, __: object, statement: str, *___: object) -> None:
        if "iceberg_tables" in statement and statement.startswith(("INSERT", "UPDATE")):
            there = in_folder(lake) - {str(p) for p in Path(lake.url).rglob(POINTER)}
            folders = {str(Path(file).parent) for file in there}
            lacking.append((there | folders) - through)

    monkeypatch.setattr(os, "fsync", noted)
    sa.event.listen(lake.catalog.engine, "before_cursor_execute", committed)
    change(engine, lake, tenant_id, times=3)
    assert lacking == [set()] * 4
    assert any(POINTER in path for path in through)
