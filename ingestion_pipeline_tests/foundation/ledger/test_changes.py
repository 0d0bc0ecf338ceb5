"""Marks of the lake: each change of a table names the partitions that it is in, on both sides."""

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import changes
from ingestion_pipeline.foundation.storage import schema


def marks(connection: sa.Connection, source: str) -> set[tuple[int, str, str]]:
    """Tenant, key and day of the lake's marks of a table, which are forgotten."""
    found = connection.execute(
        sa.text(
            "DELETE FROM changed_parts WHERE reader = 'lake' AND source = :source "
            "RETURNING tenant_id, key, CAST(day AS text)"
        ),
        {"source": source},
    )
    return {tuple(row) for row in found}


def test_a_reading_marks_its_utc_day_and_so_does_its_grade(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL timezone = 'Pacific/Auckland'")
        connection.exec_driver_sql(f"""
            INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type,
                                    trace_id, in_order)
            SELECT {tenant_id}, 'k', '2026-03-01T23:59:59Z'::timestamptz + n * interval '1s',
                   n, '', 'x', 't', true FROM generate_series(0, 1) AS n
        """)
        both = {(tenant_id, "", "2026-03-01"), (tenant_id, "", "2026-03-02")}
        assert marks(connection, "kpi_points") == both
        connection.exec_driver_sql("UPDATE kpi_points SET quality = 'high' WHERE value = 1")
        assert marks(connection, "kpi_points") == {(tenant_id, "", "2026-03-02")}
        connection.exec_driver_sql(
            "UPDATE kpi_points SET observed_at = observed_at + interval '1 year' WHERE value = 0"
        )
        moved = {(tenant_id, "", "2026-03-01"), (tenant_id, "", "2027-03-01")}
        assert marks(connection, "kpi_points") == moved
        connection.exec_driver_sql("DELETE FROM kpi_points WHERE value = 1")
        assert marks(connection, "kpi_points") == {(tenant_id, "", "2026-03-02")}
        connection.exec_driver_sql("TRUNCATE kpi_points")
        assert marks(connection, "kpi_points") == {(0, "", "infinity")}


def test_who_gets_a_site_or_loses_it_has_all_of_it_written_anew(
    engine: sa.Engine, tenant_id: int
) -> None:
    with engine.begin() as connection:
        for statement in (
            f"INSERT INTO tenant_sites VALUES ({tenant_id}, 'tower')",
            "DELETE FROM tenant_sites",
        ):
            connection.exec_driver_sql(statement)
            for source in ("timeseries_raw", "weather_raw", "building_hours", "building_alerts"):
                assert marks(connection, source) == {(0, "tower", "infinity")}
            assert marks(connection, "kpi_points") == set()


def test_a_window_of_the_release_before_marks_its_day_when_it_is_complete(
    engine: sa.Engine,
) -> None:
    """That one writes pages straight into a month, and knows of no mark."""
    window = (
        "INSERT INTO collected_windows (site_name, window_start, window_end, counts, "
        "missing_points) VALUES ('{}', '2026-03-01T00:00Z', '2026-03-02T00:00Z', '{}', '{{}}')"
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL timezone = 'America/New_York'")
        connection.exec_driver_sql(window.format("a", '{"inserted": 5}'))
        connection.exec_driver_sql(window.format("b", '{"inserted": 0, "unchanged": 5}'))
        assert marks(connection, "timeseries_raw") == {(0, "a", "2026-03-01")}


# Where a row of 2026-05-17 23:30, two hours west of UTC, belongs; of a day: of 2026-05-17.
NUMBER = "3f000000-0000-4000-8000-000000000000"
WHERE = {
    "timeseries_raw": (0, "x", "2026-05-18"),
    **dict.fromkeys(
        ("weather_raw", "timeseries_hourly", "building_hours"), (0, "x", "2026-05-01")
    ),
    **dict.fromkeys(("timeseries_daily", "timeseries_gaps"), (0, "x", "2026-01-01")),
    **dict.fromkeys(
        ("building_alerts", "macro_observations", "macro_latest"), (0, "x", "-infinity")
    ),
    **dict.fromkeys(("customers", "products", "order_items"), (1, "3", "-infinity")),
    "kpi_points": (1, "", "2026-05-18"),
    **dict.fromkeys(("orders", "kpi_hourly", "sales_events"), (1, "", "2026-05-01")),
    **dict.fromkeys(
        ("kpi_daily", "kpi_daily_summary", "orders_daily", "customer_days", "daily_sales",
         "book_income_daily"),
        (1, "", "2026-01-01"),
    ),
    **dict.fromkeys(
        ("market_fundamentals", "market_comps", "kpi_analyses"), (1, "", "-infinity")
    ),
    "findings": (0, "", "-infinity"),
}  # fmt: skip
_VALUES = {
    "integer": "1", "bigint": "1", "numeric": "1", "double precision": "1", "boolean": "true",
    "text": "'x'", "date": "'2026-05-17'", "jsonb": "'{}'", "ARRAY": "'{}'", "uuid": f"'{NUMBER}'",
    "timestamp with time zone": "'2026-05-17T23:30-02:00'",
}  # fmt: skip


def insert_something(connection: sa.Connection, table: str) -> None:
    """A row of 1, x and 2026-05-17 23:30-02:00, whatever the table checks."""
    for name in connection.exec_driver_sql(
        f"SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'c'"
    ).scalars():
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    columns = connection.exec_driver_sql(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER' "
        "AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'"
    ).all()
    names, values = [name for name, _ in columns], [_VALUES[type_] for _, type_ in columns]
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(values)})"
    )


def test_every_table_of_the_lake_marks_the_utc_partition_of_its_rows(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT make_timeseries_month('2026-05-01')")
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
            connection.exec_driver_sql(f"SET LOCAL timezone = '{zone}'")
            for table, part in WHERE.items():
                connection.exec_driver_sql("DELETE FROM changed_parts")
                insert_something(connection, table)
                assert marks(connection, table) == {part}, (table, zone)
                connection.exec_driver_sql(f"DELETE FROM {table}")
                assert marks(connection, table) == {part}, (table, zone)
                connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
                assert marks(connection, table) == {(0, "", "infinity")}, (table, zone)


def test_what_the_tables_of_the_lake_hold_already_is_due(bare_database_url: str) -> None:
    old = sa.create_engine(bare_database_url)
    schema.upgrade(old, "0040")
    with old.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table in ("orders", "macro_latest"):
            insert_something(connection, table)
    schema.upgrade(old)
    with old.begin() as connection:
        for table in WHERE:
            due = {(0, "", "infinity")} if table in ("orders", "macro_latest") else set()
            assert marks(connection, table) == due, table
    old.dispose()


def put(connection: sa.Connection, source: str, *parts: tuple[int, str, str]) -> None:
    for tenant, key, day in parts:
        connection.exec_driver_sql(
            "INSERT INTO changed_parts (reader, source, tenant_id, key, day) "
            f"VALUES ('lake', '{source}', {tenant}, '{key}', '{day}')"
        )


def test_without_a_lake_the_ledger_comes_to_one_mark_a_table(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "BATCH", 6)
    with engine.begin() as connection:
        put(connection, "kpi_points", *[(1, "", f"2026-03-{day:02}") for day in range(1, 12)])
        put(connection, "timeseries_raw", (0, "tower", "infinity"))
        put(connection, "customers", (0, "", "infinity"), (0, "", "infinity"))
        put(connection, "findings", (0, "", "infinity"))
        connection.exec_driver_sql(
            "INSERT INTO changed_parts (source, tenant_id, key, day) "
            "VALUES ('orders', 1, '', '2026-03-01')"
        )
    changes.sum_up(engine)
    assert changes.sum_up(engine) == 0
    with engine.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM changed_parts")) == 5
        for source in ("kpi_points", "timeseries_raw", "customers", "findings"):
            assert marks(connection, source) == {(0, "", "infinity")}


def test_a_mark_that_is_not_committed_yet_stays(engine: sa.Engine) -> None:
    with engine.connect() as late, late.begin():
        put(late, "kpi_points", (1, "", "2026-03-01"))
        with engine.begin() as connection:
            put(connection, "kpi_points", (1, "", "2026-03-01"), (1, "", "2026-03-02"))
        assert changes.sum_up(engine) == 2
    with engine.begin() as connection:
        both = {(0, "", "infinity"), (1, "", "2026-03-01")}
        assert marks(connection, "kpi_points") == both


def test_who_has_just_begun_a_lake_loses_nothing_to_a_sweep_that_saw_none(
    engine: sa.Engine,
) -> None:
    """It takes the mark of all; of a row that its snapshot lacks the sweep takes the mark."""
    with engine.begin() as connection:
        put(connection, "kpi_points", (0, "", "infinity"))
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with snapshot.connect() as exporter, exporter.begin():
        exporter.exec_driver_sql("SELECT count(*) FROM kpi_points")
        with engine.begin() as connection:
            put(connection, "kpi_points", (1, "", "2026-03-01"))
        changes.sum_up(engine)
        with pytest.raises(sa.exc.OperationalError, match="concurrent delete"):
            exporter.exec_driver_sql("DELETE FROM changed_parts WHERE reader = 'lake'")
    with engine.begin() as connection:
        assert marks(connection, "kpi_points") == {(0, "", "infinity")}
