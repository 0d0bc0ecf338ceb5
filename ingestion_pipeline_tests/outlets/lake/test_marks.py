"""What the lake has is what assets publish, and what triggers mark."""

import sqlalchemy as sa

from ingestion_pipeline.definitions import ours
from ingestion_pipeline.foundation.ledger import tenants, viewers
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import RUNS
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at
from ingestion_pipeline.outlets.lake.sync import sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES, Whose
from ingestion_pipeline_tests.foundation.ledger.test_changes import WHERE
from ingestion_pipeline_tests.outlets.marts.filling import BASE, new_points

# Tables of assets that are no data of readers': how it came, what waits, where files are.
PLUMBING = {
    "uploads", "jobs", "kpi_updates", "ingestion_events", "archived_months", "customers_staging",
    "products_staging", "orders_staging", "order_items_staging",
}  # fmt: skip
SETS_THAT_FOLLOW = {"tenant_sites", "collected_windows"}  # no tables of the lake, but mark some


def published() -> set[str]:
    """The tables of the database that assets are."""
    specs = ours().resolve_all_asset_specs()
    names = [str(spec.metadata.get("dagster/table_name", "")) for spec in specs]
    return {name.removeprefix("public.") for name in names if name.startswith("public.")}


def test_every_table_that_an_asset_publishes_is_in_the_lake_or_is_plumbing() -> None:
    in_lake = {table.name for table in TABLES}
    assert published() - PLUMBING - in_lake == set()
    assert in_lake & PLUMBING == set()
    assert published() >= PLUMBING


def test_every_table_of_the_lake_is_marked_and_no_other(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("""
            SELECT CAST(tgrelid AS regclass)::text, count(*) FROM pg_trigger
            WHERE starts_with(tgname, 'note_lake_') AND tgenabled = 'A' GROUP BY 1
        """)
        triggers = {table: number for table, number in found if table not in SETS_THAT_FOLLOW}
    assert triggers == {table.name: 4 for table in TABLES}
    assert WHERE.keys() == triggers.keys()


def test_who_gets_a_site_has_every_table_of_sites_written_anew(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("INSERT INTO tenant_sites VALUES (1, 'tower')")
        marked = connection.exec_driver_sql(
            "SELECT source FROM changed_parts WHERE reader = 'lake' AND key = 'tower'"
        ).scalars()
        assert set(marked) == {table.name for table in TABLES if table.whose is Whose.SITES}


def test_a_tenant_that_runs_have_made_kept_everybody_out_of_the_lake(
    engine: sa.Engine, lake: Lake, tenant_id: int
) -> None:
    """Runs make tenants (of a folder's name), and no roles."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS ingestion_viewer_2")
        new_points(connection, tenant_id, {BASE: 1.0})
    viewers.ensure(engine)
    with engine.begin() as connection:
        new = tenants.ensure(connection, "new")
        new_points(connection, new, {BASE: 2.0})
        password = roles.make_login(connection, "writer", group=RUNS, acts_as_group=True)
    url = sa.make_url(roles.url_of(engine, "writer", password))
    as_runs = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    mine = lake_at(url.render_as_string(hide_password=False), lake.url)
    done = sync(as_runs, mine, BY_NAME["kpi_points"])
    assert (done.partitions, done.rows) == (1, 1)
    [refused] = done.refused
    assert f"tenant {new} has no role to be read as" in refused
    viewers.ensure(engine)
    assert sync(as_runs, mine, BY_NAME["kpi_points"]).refused == []
    table = mine.table(f"tenant_{new}", "kpi_points")
    assert table is not None
    assert table.scan().to_arrow()["value"].to_pylist() == [2.0]
    as_runs.dispose()
