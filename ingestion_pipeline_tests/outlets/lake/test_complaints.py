"""What users of others' tools complain of can't happen here; the complaints are in docs/lake.md.

Those of readers are in `test_readers.py`, of kills in `test_kills.py`.
"""

import math
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.outlets.lake import due, files
from ingestion_pipeline.outlets.lake.catalogue import Lake
from ingestion_pipeline.outlets.lake.sweep import sweep
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline.outlets.lake.verify import verify
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_hour,
    new_order,
    new_points,
    new_sale,
)

POINTS, ORDERS, SAMPLES = (BY_NAME[n] for n in ("kpi_points", "orders", "timeseries_raw"))
NOTHING = timedelta(0)


def rows(lake: Lake, tenant_id: int, name: str) -> list[dict[str, Any]]:
    table = lake.table(f"tenant_{tenant_id}", name)
    return [] if table is None else table.scan().to_arrow().to_pylist()


def test_rows_that_commit_after_younger_ones_were_exported_are_not_missed(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    """dlt#2269: a cursor over instants, or over numbers, is past them by then."""
    with engine.connect() as late:
        new_points(late, tenant_id, {BASE: 1.0})
        for n in range(1, 4):
            with engine.begin() as early:
                new_points(early, tenant_id, {BASE + timedelta(hours=n): 2.0})
            sync(engine, lake, POINTS)
        assert len(rows(lake, tenant_id, "kpi_points")) == 3
        late.commit()
    sync(engine, lake, POINTS)
    assert len(rows(lake, tenant_id, "kpi_points")) == 4
    assert verify(engine, lake, POINTS).rows == 4


def test_a_row_that_is_inserted_then_updated_is_one_row(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    """OLake#1189: it was two, without a delete of the first."""
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE: 1.0})
        connection.exec_driver_sql("UPDATE kpi_points SET value = 2")
    sync(engine, lake, POINTS)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET value = 3")
    sync(engine, lake, POINTS)
    assert [row["value"] for row in rows(lake, tenant_id, "kpi_points")] == [3.0]
    files_of_it = Path(lake.url, f"tenant_{tenant_id}").rglob("*delete*")
    assert list(files_of_it) == []


def test_a_first_copy_that_was_interrupted_goes_on(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PeerDB#1750: its snapshot was gone, and it failed for ever."""
    monkeypatch.setattr(due, "MOST", 2)
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=n): 1.0 for n in range(6)})
    commits, replace = [], files.replace

    def interrupted(*arguments: Any, **named: Any) -> None:
        commits.append(1)
        if len(commits) == 2:
            raise ConnectionError("the network")
        replace(*arguments, **named)

    monkeypatch.setattr(files, "replace", interrupted)
    with pytest.raises(ConnectionError):
        sync(engine, lake, POINTS)
    assert len(rows(lake, tenant_id, "kpi_points")) == 2
    assert sync(engine, lake, POINTS).partitions == 4  # not those that were written
    assert verify(engine, lake, POINTS).rows == 6


def test_nan_is_kept(engine: sa.Engine, tenant_id: int, lake: Lake) -> None:
    """PeerDB#554: neither could be synced. What the lake can't keep is refused, and said."""
    kept = {BASE: math.nan, BASE + timedelta(days=1): 1.0}
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        connection.execute(
            sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'plant')"),
            {"t": tenant_id},
        )
        for at, value in kept.items():
            new_hour(connection, "plant", at=at, unit="ppm", value=value)
        new_points(connection, tenant_id, {BASE: 1.0, BASE + timedelta(days=1): 2.0})
        connection.exec_driver_sql("UPDATE kpi_points SET received_at = 'infinity' WHERE value = 1")
    sync(engine, lake, SAMPLES)
    there = [row["value"] for row in rows(lake, tenant_id, "timeseries_raw")]
    assert sum(math.isnan(value) for value in there) == 2
    assert verify(engine, lake, SAMPLES).differences == []
    [refused] = sync(engine, lake, POINTS).refused
    assert "received_at is infinite" in refused
    assert [row["value"] for row in rows(lake, tenant_id, "kpi_points")] == [2.0]


def test_instants_keep_their_zone_and_are_in_their_day_of_utc(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    """dagster-io/community-integrations#286: partitions of days refused them, or lost the zone."""
    moments = [
        datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime.fromisoformat("2026-03-02T00:30:00+02:00"),  # the day before, in UTC
        datetime.fromisoformat("2026-03-01T23:30:00-05:00"),  # the day after
    ]
    with engine.begin() as connection:
        new_points(connection, tenant_id, dict.fromkeys(moments, 1.0))
    sync(engine, lake, POINTS)
    found = rows(lake, tenant_id, "kpi_points")
    assert sorted(row["observed_at"] for row in found) == sorted(moments)
    assert all(row["observed_at"].utcoffset() == NOTHING for row in found)
    table: Any = lake.table(f"tenant_{tenant_id}", "kpi_points")
    assert {day: sum(f.record_count for f in of_it)
            for (day,), of_it in files.there(table).items()} == {20513: 2, 20514: 1}  # fmt: skip


def test_a_table_is_not_overwritten_where_one_partition_changes(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    """dagster-io/community-integrations#231: all of it was."""
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(days=n): 1.0 for n in range(5)})
    sync(engine, lake, POINTS)
    table: Any = lake.table(f"tenant_{tenant_id}", "kpi_points")
    before = set(files.paths(table))
    with engine.begin() as connection:
        new_points(connection, tenant_id, {BASE + timedelta(hours=1): 1.0})
    assert sync(engine, lake, POINTS).rows == 2
    after = set(files.paths(table.refresh()))
    assert (len(before - after), len(after - before), len(after)) == (1, 1, 5)


def test_a_partition_is_not_in_memory_whole(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dlt#3752: the whole data set was."""
    import pyarrow as pa

    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        connection.execute(
            sa.text("""
                INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, 'small'), (:t, 'large');
            """),
            {"t": tenant_id},
        )
        for site, points in (("small", 100), ("large", 1000)):
            connection.execute(
                sa.text("""
                    INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality)
                    SELECT :site, 'point-' || p, CAST(:at AS timestamptz) + s * interval '10 min',
                           random(), 'good'
                    FROM generate_series(1, :points) AS p, generate_series(0, 143) AS s
                """),
                {"site": site, "points": points, "at": BASE},
            )
    monkeypatch.setattr("ingestion_pipeline.outlets.lake.reading._BATCH_BYTES", 2**18)
    batches, most = [0], [0]
    read = files.write

    def watched(table: Any, of: Any, partition: Any, found: Any) -> Any:
        def each() -> Any:
            for batch in found:
                batches[0] += 1
                most[0] = max(most[0], batch.num_rows)
                yield batch

        return read(table, of, partition, each())

    monkeypatch.setattr(files, "write", watched)
    pool = pa.default_memory_pool()
    tracemalloc.start()
    sync(engine, lake, SAMPLES)
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(f.record_count for f in _all(lake, tenant_id)) == 158_400
    assert batches[0] > 20
    assert most[0] < 20_000
    assert python < 30 * 2**20
    assert pool.bytes_allocated() < 60 * 2**20


def _all(lake: Lake, tenant_id: int) -> list[Any]:
    table: Any = lake.table(f"tenant_{tenant_id}", "timeseries_raw")
    return [file for there in files.there(table).values() for file in there]


def test_old_files_are_gone_after_one_run_and_missing_ones_do_not_stop_it(
    engine: sa.Engine, tenant_id: int, lake: Lake
) -> None:
    """pg_lake#132, #538: they stayed for days; a file that was missing stopped all for ever."""
    for n in range(4):
        with engine.begin() as connection:
            new_points(connection, tenant_id, {BASE + timedelta(minutes=n): 1.0})
        sync(engine, lake, POINTS)
    data = Path(lake.url, f"tenant_{tenant_id}", "kpi_points", "data")
    table: Any = lake.table(f"tenant_{tenant_id}", "kpi_points")
    [live] = files.paths(table)
    next(path for path in data.iterdir() if str(path) != live).unlink()
    assert sweep(engine, lake, POINTS, keep=NOTHING, grace=NOTHING).faults == []
    assert [str(path) for path in data.iterdir()] == [live]


def test_a_row_that_moves_between_partitions_is_never_in_two_or_none(
    engine: sa.Engine, tenant_id: int, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "MOST", 1)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        for tenant in (tenant_id, other):
            customer = new_customer(connection, tenant)
            for n in range(6):
                new_order(connection, tenant, customer, at=BASE + timedelta(days=40 * n))
    sync(engine, lake, ORDERS)
    seen, point = [], Lake.point

    def pointed(self: Lake, table: Any) -> None:
        point(self, table)
        seen.append({row["order_id"] for row in table.scan().to_arrow().to_pylist()})
        assert len(seen[-1]) == len(table.scan().to_arrow()) == 6

    monkeypatch.setattr(Lake, "point", pointed)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE orders SET order_date = order_date + interval '40 days'")
    sync(engine, lake, ORDERS)
    assert len(seen) == 2


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("insert", "update", "move", "delete", "hand over", "sync", "sweep")),
        st.integers(0, 5),
    ),
    min_size=3,
    max_size=14,
)


@settings(
    max_examples=12, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(changes=CHANGES)
def test_whatever_is_done_to_tables_the_lake_has_what_they_have(
    engine: sa.Engine, tenant_id: int, lake: Lake, changes: list[tuple[str, int]]
) -> None:
    of_it = [BY_NAME[name] for name in ("kpi_points", "customers", "orders", "sales_events",
                                        "timeseries_raw", "timeseries_hourly")]  # fmt: skip
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
    for what, n in [*changes, ("sync", 0)]:
        if what in ("sync", "sweep"):
            for table in of_it:
                if what == "sync":
                    assert sync(engine, lake, table).refused == []
                else:
                    sweep(engine, lake, table, keep=NOTHING, grace=NOTHING)
            continue
        with engine.begin() as connection:
            _change(connection, tenant_id, what, n)
    for table in of_it:
        found = verify(engine, lake, table)
        assert [*found.differences, *found.waiting] == []
        with engine.connect() as connection:
            there = connection.scalar(sa.text(f"SELECT count(*) FROM {table.name}"))
        assert found.rows == there


def _change(connection: sa.Connection, tenant_id: int, what: str, n: int) -> None:
    at, run = BASE + timedelta(days=5 * n), connection.exec_driver_sql
    if what == "insert":
        new_points(connection, tenant_id, {at: n})
        new_order(connection, tenant_id, new_customer(connection, tenant_id), at=at)
        new_sale(connection, tenant_id, number=str(n), at=at)
        new_hour(connection, "plant", at=at, unit="ppm", value=n)
    elif what == "update":
        run(f"UPDATE kpi_points SET value = value + 1 WHERE value < {n}")
        run(f"UPDATE timeseries_raw SET value = {n}")
    elif what == "move":
        run(f"UPDATE orders SET order_date = order_date + interval '{n} months'")
        run(f"UPDATE sales_events SET occurred_at = occurred_at - interval '{n} months'")
    elif what == "delete":
        run(f"DELETE FROM kpi_points WHERE value >= {n}")
        run("DELETE FROM orders")
        run(f"DELETE FROM timeseries_hourly WHERE mean = {n}")
    elif n % 2:
        run(f"INSERT INTO tenant_sites VALUES ({tenant_id}, 'plant') ON CONFLICT DO NOTHING")
    else:
        run("DELETE FROM tenant_sites")
