"""Tenants apart: a namespace holds what its tenant may see, and nobody else's rows."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.storage import database, roles
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at, namespace_of
from ingestion_pipeline.outlets.lake.reading import Reader
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME
from ingestion_pipeline_tests.outlets.lake.filled import comparable
from ingestion_pipeline_tests.outlets.marts.filling import (
    BASE,
    new_customer,
    new_hour,
    new_order,
    new_points,
)

TABLES = ("kpi_points", "orders", "customers", "timeseries_raw", "timeseries_hourly", "findings")
SITES = ("a", "b/c", "d")


def in_lake(lake: Lake, tenant: int, name: str) -> list[tuple[Any, ...]]:
    table = lake.table(namespace_of(tenant), name)
    if table is None:
        return []
    columns = table.scan().to_arrow().to_pydict()
    return comparable(columns, zip(*columns.values(), strict=True))


def seen_by(engine: sa.Engine, tenant: int, name: str) -> list[tuple[Any, ...]]:
    """All rows that the database shows a tenant's viewer."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {viewers.role_of(tenant)}")
        found = connection.exec_driver_sql(f"SELECT * FROM {name}")
        return comparable(found.keys(), found)


def sync_all(engine: sa.Engine, lake: Lake) -> None:
    for name in TABLES:
        sync(engine, lake, BY_NAME[name])


@pytest.fixture(scope="module")
def shared(shared_database_url: str) -> Iterator[tuple[sa.Engine, list[int]]]:
    engine = database.engine(shared_database_url)
    roles.ensure(engine)
    with engine.begin() as connection:
        ensure_month(connection, Month.of(BASE))
        three = [tenants.ensure(connection, name) for name in ("acme", "bolt", "crux")]
    yield engine, three
    engine.dispose()
    database.engine.cache_clear()


@pytest.fixture(scope="module")
def shared_lake(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lake_at(shared_database_url, str(tmp_path_factory.mktemp("lake")))


_TENANT, _SITE, _DAY = st.integers(0, 2), st.sampled_from(SITES), st.integers(0, 2)
_CHANGES = st.one_of(
    st.tuples(st.just("point"), _TENANT, _DAY),
    st.tuples(st.just("order"), _TENANT, _DAY),
    st.tuples(st.just("hour"), _SITE, _DAY),
    st.tuples(st.just("give"), _TENANT, _SITE),
    st.tuples(st.just("take"), _TENANT, _SITE),
    st.tuples(st.just("hand over points"), _TENANT, _TENANT),
    st.tuples(st.just("forget points"), _TENANT, _DAY),
    st.tuples(st.just("rename a site"), _SITE, _SITE),
)


def _change(connection: sa.Connection, three: list[int], change: tuple[Any, ...]) -> None:
    what, one, other = change
    at = BASE + timedelta(days=other) if isinstance(other, int) else BASE
    if what == "point":
        new_points(connection, three[one], {at: one + other / 7})
    elif what == "order":
        new_order(connection, three[one], new_customer(connection, three[one]), at=at)
    elif what == "hour":
        new_hour(connection, one, at=at, unit="ppm", value=other)
    else:
        tenant = three[one] if isinstance(one, int) else one
        given = {"one": tenant, "other": three[other] if what.startswith("hand") else other}
        connection.execute(sa.text(_SQL[what]), given | {"at": at})


_SQL = {
    "give": "INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:one, :other) "
    "ON CONFLICT DO NOTHING",
    "take": "DELETE FROM tenant_sites WHERE tenant_id = :one AND site_name = :other",
    "hand over points": "UPDATE kpi_points SET tenant_id = :other, "
    "kpi_id = kpi_id || gen_random_uuid() WHERE tenant_id = :one",
    "forget points": "DELETE FROM kpi_points WHERE tenant_id = :one AND observed_at >= :at",
    "rename a site": "UPDATE timeseries_raw SET site_name = :other, point_name = gen_random_uuid() "
    "WHERE site_name = :one AND site_name <> :other",
}


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(st.lists(_CHANGES, min_size=1, max_size=6), min_size=1, max_size=2))
def test_whatever_is_written_a_namespace_has_what_its_viewer_sees_and_nothing_else(
    shared: tuple[sa.Engine, list[int]], shared_lake: Lake, changes: list[list[tuple[Any, ...]]]
) -> None:
    engine, three = shared
    for some in changes:
        with engine.begin() as connection:
            for change in some:
                _change(connection, three, change)
        sync_all(engine, shared_lake)
    for tenant in three:
        for name in TABLES:
            assert in_lake(shared_lake, tenant, name) == seen_by(engine, tenant, name), name


@pytest.fixture
def two(engine: sa.Engine, tenant_id: int) -> tuple[int, int]:
    """Two tenants, with a point, an order and a site each."""
    roles.ensure(engine)
    with engine.begin() as connection:
        other = tenants.ensure(connection, "other")
        ensure_month(connection, Month.of(BASE))
        for tenant in (tenant_id, other):
            new_points(connection, tenant, {BASE: float(tenant)})
            new_order(connection, tenant, new_customer(connection, tenant))
            new_hour(connection, f"site {tenant}", at=BASE, unit="ppm", value=tenant)
            connection.execute(
                sa.text("INSERT INTO tenant_sites (tenant_id, site_name) VALUES (:t, :site)"),
                {"t": tenant, "site": f"site {tenant}"},
            )
    return tenant_id, other


def test_a_writer_that_forgot_its_conditions_would_show_nobody_others_rows(
    engine: sa.Engine, two: tuple[int, int], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("count", "batches"):
        whole = getattr(Reader, name)

        def forgetful(
            reader: Reader, table: str, where: str, *arguments: Any, whole: Any = whole, **more: Any
        ) -> Any:
            reader.cursor.execute("SELECT current_user::text")
            asked.append(reader.cursor.fetchone()[0])
            return whole(reader, table, "true", *arguments, **more)

        monkeypatch.setattr(Reader, name, forgetful)
    sync_all(engine, lake)
    assert set(asked) == {viewers.role_of(tenant) for tenant in two}
    for tenant in two:
        for name in TABLES:
            assert in_lake(lake, tenant, name) == seen_by(engine, tenant, name), name


def test_a_login_of_runs_writes_it_and_reads_as_itself_no_more_than_as_a_tenant(
    engine: sa.Engine, two: tuple[int, int], tmp_path: Path
) -> None:
    viewers.ensure(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS lakes_runs")
        password = roles.make_login(
            connection, "lakes_runs", group=roles.LOGINS["runs"], acts_as_group=True
        )
    url = roles.url_of(engine, "lakes_runs", password)
    runs = sa.create_engine(engine.url.set(username="lakes_runs", password=password))
    lake = lake_at(url, str(tmp_path / "lake"))
    sync_all(runs, lake)
    for tenant in two:
        for name in TABLES:
            assert in_lake(lake, tenant, name) == seen_by(engine, tenant, name), name
        assert in_lake(lake, tenant, "timeseries_raw")
    runs.dispose()


def test_a_viewer_that_is_shown_nothing_is_not_taken_for_a_tenant_without_rows(
    engine: sa.Engine, two: tuple[int, int], lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_all(engine, lake)
    was = in_lake(lake, two[0], "kpi_points")
    role = viewers.role_of(two[0])
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE kpi_points SET value = value + 1")
        connection.exec_driver_sql(f"DELETE FROM tenant_readers WHERE role_name = '{role}'")
    # As of a login of runs, which may not see who is whose viewer.
    monkeypatch.setattr(viewers, "ensure", lambda _: viewers.Viewers())
    [refused] = sync(engine, lake, BY_NAME["kpi_points"]).refused
    assert f"tenant {two[0]} has no role to be read as" in refused
    # Where it is not known beforehand, whoever has become the viewer asks.
    monkeypatch.setattr(viewers, "unreadable", lambda _: frozenset())
    with pytest.raises(ConfigurationError, match=f"{role} is no viewer of tenant {two[0]} here"):
        sync(engine, lake, BY_NAME["kpi_points"])
    assert in_lake(lake, two[0], "kpi_points") == was
    monkeypatch.undo()
    sync_all(engine, lake)
    assert in_lake(lake, two[0], "kpi_points") == seen_by(engine, two[0], "kpi_points") != was
