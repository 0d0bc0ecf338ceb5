"""What the lake has is what assets publish, and what triggers mark."""

import sqlalchemy as sa

from ingestion_pipeline.definitions import ours
from ingestion_pipeline.outlets.lake.tables import TABLES, Whose
from ingestion_pipeline_tests.foundation.ledger.test_changes import WHERE

# Tables of assets that are no data of readers': how it came, what waits, where files are.
PLUMBING = {
    "uploads", "jobs", "kpi_updates", "ingestion_events", "archived_months", "customers_staging",
    "products_staging", "orders_staging", "order_items_staging",
}  # fmt: skip
SETS_THAT_FOLLOW = {"tenant_sites", "collected_windows"}  # no tables of the lake, but mark some


def published() -> set[str]:
    """The tables that assets are."""
    return {
        str(spec.metadata["dagster/table_name"]).removeprefix("public.")
        for spec in ours().resolve_all_asset_specs()
        if "dagster/table_name" in spec.metadata
    }


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
