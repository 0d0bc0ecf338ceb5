"""The lake is compared with the database: what differs is found, and said where."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.outlets.lake import files
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES
from ingestion_pipeline.outlets.lake.verify import Difference, Verified, verify
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_hour,
    new_order,
    new_points,
    new_sale,
    new_vintage,
    refresh_all,
)

POINTS = BY_NAME["kpi_points"]


def test_all_tables_are_the_same_after_a_sync(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": tenant_id},
        )
        new_points(connection, tenant_id, {BASE + timedelta(hours=9 * n): n / 7 for n in range(20)})
        customer = new_customer(connection, tenant_id)
        for n in range(5):
            new_order(connection, tenant_id, customer, at=BASE + timedelta(days=20 * n), total=None)
        new_order(connection, tenant_id, customer, total="99999999.99")
        new_sale(connection, tenant_id, number="é", amount=None)
        ensure_month(connection, Month.of(BASE))
        new_hour(connection, "plant", at=BASE, unit="ppm", value=700)
        new_hour(connection, "it's \u00e4", at=BASE, unit="ppm", value=float("nan"))
        new_vintage(connection, date(2026, 1, 1), "23.125")
        new_vintage(connection, date(2026, 4, 1), None)
    refresh_all(engine)
    waiting = {table.name: verify(engine, lake, table) for table in TABLES}
    assert all(found.differences == [] and not found.rows for found in waiting.values())
    assert len(waiting["kpi_points"].waiting) == 8
    for table in TABLES:
        sync(engine, lake, table)
    compared = {table.name: verify(engine, lake, table) for table in TABLES}
    assert [each for found in compared.values() for each in found.differences] == []
    assert all(found.waiting == [] for found in compared.values())
    assert compared["kpi_points"] == Verified("kpi_points", partitions=8, rows=20)
    assert compared["timeseries_raw"].rows == 4
    assert compared["orders"].partitions == 3


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("DELETE FROM kpi_points WHERE value = 3", ""),
        ("UPDATE kpi_points SET value = 3.00001 WHERE value = 3", "value (sum)"),
        ("UPDATE kpi_points SET value = 'NaN' WHERE value = 3", "value (NaN)"),
        ("UPDATE kpi_points SET quality = 'low' WHERE value = 3", "quality (values)"),
        ("UPDATE kpi_points SET quality = 'high' WHERE value = 3", "quality (first)"),
        ("UPDATE kpi_points SET trace_id = 'longer' WHERE value = 3", "trace_id (bytes)"),
        ("UPDATE kpi_points SET in_order = false WHERE value = 3", "in_order (true)"),
        (
            "UPDATE kpi_points SET received_at = received_at + interval '1 microsecond' "
            "WHERE value = 3",
            "received_at (sum of microseconds)",
        ),
    ],
)
def test_what_changed_without_a_mark_is_told(
    engine: sa.Engine, tenant_id: int, lake: Lake, change: str, column: str
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(hours=9 * n): n for n in range(10)})
    sync(engine, lake, POINTS)
    with engine.begin() as connection:
        connection.exec_driver_sql(change)
        connection.exec_driver_sql("DELETE FROM changed_parts")
    found = verify(engine, lake, POINTS)
    assert {each.namespace for each in found.differences} == {f"tenant_{tenant_id}"}
    assert {each.partition for each in found.differences} == {"2026-03-02"}
    assert column in {each.column for each in found.differences}
    assert found.partitions == 3


def test_a_partition_that_only_one_side_has_is_told(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
    sync(engine, lake, POINTS)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM kpi_points")
        new_points(connection, tenant_id, {BASE + timedelta(days=1): 1.0})
        connection.exec_driver_sql("DELETE FROM changed_parts")
    mine = f"tenant_{tenant_id}"
    assert sorted(verify(engine, lake, POINTS).differences) == [
        Difference(mine, "2026-03-01", "", "0", "1"),
        Difference(mine, "2026-03-02", "", "1", "has no such partition"),
    ]


def test_a_site_in_a_namespace_that_may_not_have_it_is_told(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    samples = BY_NAME["timeseries_raw"]
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        new_hour(connection, "plant", at=BASE, unit="ppm", value=700)
    sync(engine, lake, samples)
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": tenant_id},
        )
        connection.exec_driver_sql("DELETE FROM changed_parts")
    assert verify(engine, lake, samples).differences == [
        Difference("operator", "plant 2026-03-01", "", "0", "2"),
        Difference(f"tenant_{tenant_id}", "plant 2026-03-01", "", "2", "has no such partition"),
    ]


def test_a_month_that_was_dropped_is_archived_and_no_difference(
    engine: sa.Engine, lake: Lake
) -> None:
    samples = BY_NAME["timeseries_raw"]
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        new_hour(connection, "plant", at=BASE, unit="ppm", value=700)
    sync(engine, lake, samples)
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE timeseries_raw")
        connection.exec_driver_sql("DELETE FROM changed_parts")
        connection.exec_driver_sql(
            "INSERT INTO archived_months (month, location, rows, bytes) "
            "VALUES ('2026-03-01', 'elsewhere', 2, 1)"
        )
    assert verify(engine, lake, samples).archived == ["operator plant 2026-03-01"]
    assert verify(engine, lake, samples).differences == []


def test_doubled_rows_and_files_that_are_missing_are_told(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0, BASE + timedelta(hours=1): 2.0})
    sync(engine, lake, POINTS)
    mine = f"tenant_{tenant_id}"
    table = lake.table(mine, "kpi_points")
    assert table is not None
    ((values, [file]),) = files.there(table).items()
    rows = pq.read_table(file.file_path)
    part = rows.cast(files.schema_of(table))
    again = files._file(table, values, part, iter([]))[0]
    files.replace(table, gone=[], new=[again], properties={})
    told = {each.column: each.lake for each in verify(engine, lake, POINTS).differences}
    assert told[""] == "4"
    assert told["key (tenant_id, kpi_id, observed_at)"] == "2 doubled"
    Path(again.file_path).unlink()
    [difference] = verify(engine, lake, POINTS).differences
    assert "missing" in difference.lake
