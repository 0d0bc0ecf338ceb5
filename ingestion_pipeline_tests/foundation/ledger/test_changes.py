"""Marks of the lake: each change of a table names the partitions that it is in, on both sides."""

import sqlalchemy as sa


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
