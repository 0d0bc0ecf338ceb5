"""Tenants' viewers: who may become them, and that nobody else may, or uses the lake's catalogue."""

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import (
    DASHBOARDS,
    GATEWAY,
    READER,
    RUNS,
    TENANT,
)
from ingestion_pipeline_tests.foundation.storage.test_roles import logged_in, reading_as, refused

CATALOGUE = ("ingestion_lake.iceberg_tables", "ingestion_lake.iceberg_namespace_properties")


@pytest.fixture
def two(engine: sa.Engine) -> sa.Engine:
    """Two tenants with a customer each, and their viewers."""
    roles.ensure(engine)
    with engine.begin() as connection:
        for name in ("acme", "bolt"):
            number = tenants.ensure(connection, name)
            connection.exec_driver_sql(
                "INSERT INTO customers (tenant_id, customer_id, name, email, metadata, upload_id) "
                f"VALUES ({number}, gen_random_uuid(), '{name}', '', '{{}}', 0)"
            )
    assert viewers.ensure(engine) == viewers.Viewers(made=2)
    assert viewers.ensure(engine) == viewers.Viewers()
    return engine


def test_runs_read_as_a_tenant_what_the_tenant_may_see(two: sa.Engine) -> None:
    with logged_in(two, RUNS) as connection:
        for number, name in ((1, "acme"), (2, "bolt")):
            connection.exec_driver_sql(f"SET ROLE {viewers.role_of(number)}")
            names = connection.exec_driver_sql("SELECT name FROM customers").scalars()
            assert names.all() == [name]
            assert refused(connection, f"SELECT * FROM {CATALOGUE[0]}")
            assert refused(connection, "DELETE FROM customers")
            connection.exec_driver_sql(f"SET ROLE {RUNS}")
        every = connection.exec_driver_sql("SELECT count(*) FROM customers")
        assert every.scalar() == 2  # as themselves they see what they saw before
        # Of a viewer they have nothing but that they may become it.
        inherits = "SELECT pg_has_role(:runs, :viewer, 'USAGE')"
        values = {"runs": RUNS, "viewer": viewers.role_of(1)}
        assert not connection.scalar(sa.text(inherits), values)


def test_viewers_of_the_release_before_are_given_to_runs(two: sa.Engine) -> None:
    with two.begin() as connection:
        connection.exec_driver_sql(f"REVOKE {viewers.role_of(2)} FROM {RUNS}")
    assert viewers.ensure(two) == viewers.Viewers(made=1)
    with logged_in(two, RUNS) as connection:
        connection.exec_driver_sql(f"SET ROLE {viewers.role_of(2)}")


@pytest.mark.parametrize("group", [GATEWAY, READER, TENANT, DASHBOARDS])
def test_nobody_but_runs_uses_the_lakes_catalogue(two: sa.Engine, group: str) -> None:
    with logged_in(two, group) as connection:
        for table in CATALOGUE:
            for statement in (
                f"SELECT * FROM {table}",
                f"INSERT INTO {table} DEFAULT VALUES",
                f"UPDATE {table} SET catalog_name = 'mine'",
                f"DELETE FROM {table}",
            ):
                assert refused(connection, statement), statement
        assert refused(connection, "CREATE TABLE ingestion_lake.mine (n int)")
        if group != DASHBOARDS:
            assert refused(connection, f"SET ROLE {viewers.role_of(1)}")


def test_a_tenants_own_login_neither_uses_the_catalogue_nor_becomes_anybody(
    two: sa.Engine,
) -> None:
    with reading_as(two, "acme") as connection:
        for number in (1, 2):
            assert refused(connection, f"SET ROLE {viewers.role_of(number)}")
        assert refused(connection, f"SELECT * FROM {CATALOGUE[0]}")


def test_runs_write_the_catalogue_and_make_nothing_beside_it(two: sa.Engine) -> None:
    with logged_in(two, RUNS) as connection:
        connection.exec_driver_sql(
            f"INSERT INTO {CATALOGUE[0]} (catalog_name, table_namespace, table_name) "
            "VALUES ('lake', 'tenant_1', 'orders')"
        )
        connection.exec_driver_sql(f"UPDATE {CATALOGUE[0]} SET metadata_location = 'there'")
        connection.exec_driver_sql(f"DELETE FROM {CATALOGUE[0]}")
        assert refused(connection, "CREATE TABLE ingestion_lake.mine (n int)")


def test_the_catalogue_is_as_pyiceberg_makes_it(engine: sa.Engine) -> None:
    from pyiceberg.catalog.sql import SqlCatalogBaseTable

    inspected = sa.inspect(engine)
    for table in SqlCatalogBaseTable.metadata.sorted_tables:
        there = inspected.get_columns(table.name, schema="ingestion_lake")
        assert [(c["name"], str(c["type"]), c["nullable"]) for c in there] == [
            (c.name, str(c.type), c.nullable) for c in table.columns
        ]
        key = inspected.get_pk_constraint(table.name, schema="ingestion_lake")
        assert key["constrained_columns"] == [c.name for c in table.primary_key]


def test_runs_found_that_every_tenant_lacked_a_viewer(two: sa.Engine) -> None:
    """They saw no row of `tenant_readers`, and could not read the lake's rows as anybody."""
    with two.begin() as connection:
        third = tenants.ensure(connection, "new")
        assert viewers.unreadable(connection) == {third}
    with logged_in(two, RUNS) as connection:
        assert viewers.unreadable(connection) == {third}
        connection.exec_driver_sql(f"SET ROLE {viewers.role_of(1)}")
        whose = connection.exec_driver_sql("SELECT tenant_id FROM tenant_readers").scalars()
        assert whose.all() == [1]
    with logged_in(two, READER) as connection:
        assert refused(connection, "SELECT * FROM tenant_readers")
    with logged_in(two, GATEWAY) as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM tenant_readers")
        assert found.scalar() == 0
