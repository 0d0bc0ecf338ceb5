"""Every asset check passes on good data and fails on the fault that it is there for."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.definitions import defs
from ingestion_pipeline.domains.commerce.checks import CHECKS
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.domains.commerce.sample import write_sample_data
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.orchestration.resources import database_at
from ingestion_pipeline_tests.domains.commerce.builders import BOUNDS

ALL = sorted((key.asset_key.path[-1], key.name) for check in CHECKS for key in check.check_keys)


@pytest.fixture
def engine_with_sample(configured: Settings, tmp_path: Path) -> sa.Engine:
    folder = tmp_path / "sample"
    folder.mkdir()
    write_sample_data(folder, customers=50, products=20, orders=100, order_items=200)
    engine = database.engine(settings())
    merge_folder(engine, data_files(folder)[0], tenant="acme", bounds=BOUNDS)
    return engine


def evaluations(*only: tuple[str, str]) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    selection = dg.AssetSelection.checks(
        *(dg.AssetCheckKey(dg.AssetKey(["commerce", asset]), name) for asset, name in only or ALL)
    )
    job = dg.define_asset_job("checks_only", selection=selection)
    with_job = dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
    result = with_job.resolve_job_def("checks_only").execute_in_process()
    assert result.success
    return {
        (found.asset_key.path[-1], found.check_name): found
        for found in result.get_asset_check_evaluations()
    }


def damage(engine: sa.Engine, statement: str, **values: Any) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.execute(sa.text(statement), values)


def test_every_check_runs_and_passes_on_good_data(engine_with_sample: sa.Engine) -> None:
    found = evaluations()
    assert sorted(found) == ALL
    assert all(evaluation.passed for evaluation in found.values())


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE uploads SET inserted = inserted - 1 WHERE type = 'orders'",
         ("orders_staging", "counts_add_up")),
        ("UPDATE uploads SET status = 'staged', recorded_at = now() - interval '1 hour' "
         "WHERE type = 'products'", ("products_staging", "fresh")),
        ("UPDATE uploads SET waiting = 1, inserted = inserted - 1 WHERE type = 'orders'",
         ("orders_staging", "waiting_rows_are_counted")),
        ("DELETE FROM customers WHERE customer_id = (SELECT customer_id FROM orders LIMIT 1)",
         ("orders", "referential_integrity")),
        ("UPDATE customers SET email = 'same@example.com'", ("customers", "unique_email")),
        ("UPDATE products SET sku = 'same'", ("products", "unique_sku")),
        ("UPDATE orders SET total_amount = total_amount + 0.01",
         ("order_items", "order_totals")),
        ("UPDATE order_items SET quantity = -2", ("order_items", "schema")),
        ("UPDATE customers SET name = repeat('x', 256)", ("customers", "schema")),
        ("UPDATE orders SET currency = 'XYZ'", ("orders", "schema")),
        ("UPDATE products SET price = -1", ("products", "schema")),
        ("INSERT INTO uploads (tenant_id, domain, file_name, source, location, status, error) "
         "VALUES (1, 'commerce', 'x', 'drop', 'y', 'failed', 'z')", ("uploads", "usable")),
    ],
)  # fmt: skip
def test_a_check_fails_on_its_fault(
    engine_with_sample: sa.Engine, statement: str, check: tuple[str, str]
) -> None:
    damage(engine_with_sample, statement)
    assert not evaluations(check)[check].passed


def test_customers_without_an_address_do_not_share_one(engine_with_sample: sa.Engine) -> None:
    """Shops whose exports tell no e-mail (Etsy, Square) warned for ever."""
    damage(engine_with_sample, "UPDATE customers SET email = ''")
    check = ("customers", "unique_email")
    assert evaluations(check)[check].passed


def test_orphans_are_reported_by_missing_parent_after_their_grace(
    engine_with_sample: sa.Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "orphans"
    folder.mkdir()
    write_sample_data(folder, customers=50, products=20, orders=100, order_items=200, seed=2)
    for name in ("customers_sample.ndjson", "products_sample.ndjson"):
        (folder / name).unlink()
    merge_folder(engine_with_sample, data_files(folder)[0], tenant="acme", bounds=BOUNDS)
    check = ("orders_staging", "orphans")
    assert evaluations(check)[check].passed
    damage(
        engine_with_sample, "UPDATE orders_staging SET waiting_since = now() - interval '2 days'"
    )
    found = evaluations(check)[check]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert found.metadata["examples"].value.records[0].data["missing"] == "customers"


def test_the_schema_check_reads_no_more_rows_than_it_is_told(
    engine_with_sample: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion_pipeline.orchestration import resources

    few = Settings(check_rows=10)
    monkeypatch.setattr(resources, "settings", lambda: few)
    check = ("orders", "schema")
    metadata = evaluations(check)[check].metadata
    assert metadata["rows_checked"].value == 10
    assert metadata["rows_in_table"].value == 100


def test_database_resource_brings_an_empty_database_up_to_date(server_url: sa.URL) -> None:
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE empty_one")
    url = server_url.set(database="empty_one").render_as_string(hide_password=False)
    fresh = database_at(url).engine()
    with fresh.connect() as connection:
        assert schema.current_revision(connection) == schema.head_revision()
    fresh.dispose()
    engine.dispose()
    database.engine.cache_clear()
