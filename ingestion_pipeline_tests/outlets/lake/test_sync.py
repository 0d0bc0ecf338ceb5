"""Tables are in the lake as they are in the database, whatever happened to them."""

import threading
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sync import Synced, sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES
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


def sync_all(engine: sa.Engine, lake: Lake) -> None:
    for table in TABLES:
        assert sync(engine, lake, table).refused == []


def rows(lake: Lake, namespace: str, name: str) -> list[dict[str, Any]]:
    table = lake.table(namespace, name)
    return [] if table is None else table.scan().to_arrow().to_pylist()


def values(lake: Lake, tenant_id: int) -> list[float]:
    return sorted(row["value"] for row in rows(lake, f"tenant_{tenant_id}", "kpi_points"))


def test_every_table_is_there_in_whose_namespace_it_is(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": other},
        )
        new_points(connection, tenant_id, {BASE: 1.5, BASE + timedelta(days=1): 2.5})
        new_order(connection, tenant_id, new_customer(connection, tenant_id), total="10.25")
        new_sale(connection, other, number="1", amount="3.4250")
        ensure_month(connection, Month.of(BASE))
        new_hour(connection, "plant", at=BASE, unit="ppm", value=700)
        new_hour(connection, "nobody's", at=BASE, unit="ppm", value=400)
        new_vintage(connection, date(2026, 1, 1), "23.125")
    refresh_all(engine)
    sync_all(engine, lake)
    there = {
        (namespace, name)
        for namespace in lake.namespaces()
        for _, name in lake.catalog.list_tables(namespace)
    }
    assert there == {
        *((f"tenant_{tenant_id}", name)
          for name in ("kpi_points", "kpi_hourly", "kpi_daily", "customers", "orders",
                       "orders_daily", "customer_days")),
        *((f"tenant_{other}", name)
          for name in ("sales_events", "book_income_daily", "timeseries_raw", "timeseries_hourly",
                       "building_hours")),
        *(("operator", name) for name in ("timeseries_raw", "timeseries_hourly", "building_hours")),
        *(("shared", name) for name in ("macro_observations", "macro_latest")),
    }  # fmt: skip
    assert values(lake, tenant_id) == [1.5, 2.5]
    assert str(rows(lake, f"tenant_{tenant_id}", "orders")[0]["total_amount"]) == "10.25"
    assert {row["site_name"] for row in rows(lake, f"tenant_{other}", "timeseries_raw")} == {
        "plant"
    }
    assert all(sync(engine, lake, table) == Synced() for table in TABLES)


def test_rows_that_commit_late_are_not_missed(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    points = BY_NAME["kpi_points"]
    with engine.connect() as late:
        new_points(late, tenant_id, {BASE: 1.0})
        with engine.begin() as early:
            new_points(early, tenant_id, {BASE + timedelta(hours=1): 2.0})
        sync(engine, lake, points)
        assert values(lake, tenant_id) == [2.0]
        late.commit()
    sync(engine, lake, points)
    assert values(lake, tenant_id) == [1.0, 2.0]


def test_changes_in_place_and_deletes_are_followed(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    points = BY_NAME["kpi_points"]
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=n): float(n) for n in range(3)})
    sync(engine, lake, points)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE kpi_points SET quality = 'high', value = 7 WHERE value = 1"
        )
        connection.exec_driver_sql("DELETE FROM kpi_points WHERE value = 2")
    assert sync(engine, lake, points).partitions == 2
    assert values(lake, tenant_id) == [0.0, 7.0]


def test_a_site_that_changes_hands_goes_with_its_history(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    samples = BY_NAME["timeseries_raw"]
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        new_hour(connection, "plant", at=BASE, unit="ppm", value=700)
    sync(engine, lake, samples)
    assert len(rows(lake, "operator", "timeseries_raw")) == 2
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": tenant_id},
        )
    sync(engine, lake, samples)
    assert rows(lake, "operator", "timeseries_raw") == []
    assert len(rows(lake, f"tenant_{tenant_id}", "timeseries_raw")) == 2


def test_infinity_is_refused_and_the_rest_goes_on(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    points = BY_NAME["kpi_points"]
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0, BASE + timedelta(days=1): 2.0})
        connection.exec_driver_sql("UPDATE kpi_points SET received_at = 'infinity' WHERE value = 1")
    done = sync(engine, lake, points)
    assert done.refused == [
        "2026-03-01: received_at is infinite in 1 of 1 rows, which the lake can't keep"
    ]
    assert values(lake, tenant_id) == [2.0]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET received_at = now() WHERE value = 1")
    assert sync(engine, lake, points).refused == []
    assert values(lake, tenant_id) == [1.0, 2.0]


def test_two_who_sync_at_once_write_what_is_there(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    points = BY_NAME["kpi_points"]
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=n): float(n) for n in range(9)})
    threads = [threading.Thread(target=sync, args=(engine, lake, points)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(lake, tenant_id) == [float(n) for n in range(9)]


def test_a_number_that_is_none_was_found_while_rows_came_and_the_rest_goes_on(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    latest = BY_NAME["macro_observations"]
    with engine.begin() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")  # no foreign keys
        connection.exec_driver_sql("""
            INSERT INTO macro_observations (series_id, date, realtime_start, realtime_end, value)
            SELECT series, DATE '2000-01-01' + day, '2026-01-01', '9999-12-31',
                   CASE WHEN series = 'A' AND day = 3 THEN 'NaN'::numeric ELSE day END
            FROM unnest(ARRAY['A', 'B']) AS series, generate_series(1, 120000) AS day
        """)
    done = sync(engine, lake, latest)
    assert [reason.partition(":")[0] for reason in done.refused] == ["A"]
    assert "value" in done.refused[0]
    assert len(rows(lake, "shared", "macro_observations")) == 120_000
