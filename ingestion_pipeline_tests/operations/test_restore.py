"""Backup, loss, restore: what was there is there again, and everything goes on."""

import shutil
import stat
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
from ingestion_pipeline.domains.book_sales.publish.daily import publish_days
from ingestion_pipeline.domains.book_sales.sample import sample_reports
from ingestion_pipeline.domains.buildings.merge.months import Month, ensure_month, months_there
from ingestion_pipeline.domains.commerce.merge.folder import data_files, merge_folder
from ingestion_pipeline.domains.commerce.sample import write_sample_data
from ingestion_pipeline.domains.markets.sample import write_sample_events
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import jobs, readers, tenants, viewers
from ingestion_pipeline.foundation.storage import backup, roles, schema
from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer
from ingestion_pipeline.foundation.storage.key_value.postgresql import PostgreSQLKeyValue
from ingestion_pipeline.foundation.storage.privileges import DASHBOARDS, RUNS
from ingestion_pipeline.outlets.lake.tables import TABLES
from ingestion_pipeline_tests.domains.book_sales.builders import KEEPS
from ingestion_pipeline_tests.domains.commerce.builders import BOUNDS
from ingestion_pipeline_tests.gateway.running import RunningGateway
from ingestion_pipeline_tests.operations.document import blocks, run

READING = {
    "traceId": "t1", "kpiId": "k1", "timestamp": "2026-01-31T12:00:00Z", "kpiType": "price",
    "data": {"value": 1},
}  # fmt: skip
JANUARY = Month(date(2026, 1, 1))


def contents(engine: sa.Engine) -> dict[str, Any]:
    """What every table holds, and how far every sequence has come."""
    found: dict[str, Any] = {}
    with engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            digest = (
                f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
            )
            if table == "changed_parts":  # of the lake all is due after a restore
                digest += " WHERE reader <> 'lake'"
            found[table] = tuple(connection.exec_driver_sql(digest).one())
        sequences = (
            "SELECT sequencename, last_value FROM pg_sequences "
            "WHERE sequencename <> 'changed_parts_change_id_seq'"
        )
        found |= dict(map(tuple, connection.exec_driver_sql(sequences)))
    return found


def load_something_of_each_domain(engine: sa.Engine, folder: Path) -> str:
    """Returns an API key of acme."""
    write_sample_data(folder, customers=50, products=10, orders=90, order_items=100, bad_share=0.1)
    merge_folder(engine, data_files(folder)[0], tenant="acme", bounds=BOUNDS)
    report = folder / "report.csv"
    report.write_bytes(sample_reports()["amazon_kdp"][1])
    merge_reports(engine, [report], platform="kdp", tenant="acme", keeps=KEEPS)
    publish_days(engine, "kdp")
    with engine.begin() as connection:
        tenant_id = tenants.find(connection, "acme")
        ensure_month(connection, JANUARY)
        connection.exec_driver_sql(
            "INSERT INTO timeseries_raw (site_name, point_name, timestamp, value, quality) "
            "SELECT 'site', 'point', '2026-01-01T00:00Z'::timestamptz + n * interval '1 min', n, "
            "'good' FROM generate_series(1, 500) AS n"
        )
        jobs.enqueue(connection, kind="waiting", payload={}, max_attempts=3, tenant_id=tenant_id)
        PostgreSQLKeyValue(connection, "acme").put("document", {"n": 1})
        api_key = tenants.issue_key(connection, tenant_id)
    write_sample_events(engine, tenant_id)
    return api_key


def post_reading(gateway: RunningGateway, api_key: str, reading: dict[str, Any]) -> Any:
    answer = httpx.post(
        f"{gateway.url}/api/kpi-data", json=reading, headers={"X-API-Key": api_key}, timeout=60
    )
    return answer.status_code, answer.json()["status"]


@pytest.mark.slow
def test_after_dump_loss_and_restore_everything_goes_on(tmp_path: Path) -> None:
    home, files = tmp_path / "home", tmp_path / "files"
    server = EmbeddedServer(home)
    engine = sa.create_engine(server.url())
    gateway = None
    try:
        schema.upgrade(engine)
        roles.ensure(engine)
        api_key = load_something_of_each_domain(engine, files)
        landed = home / "landing" / "acme" / "kept.ndjson"
        landed.parent.mkdir(parents=True)
        landed.write_text("{}")
        gateway = RunningGateway(server.url(), home)
        assert post_reading(gateway, api_key, READING) == (202, "success")
        gateway.stop()
        gateway.engine.dispose()
        viewers.ensure(engine)  # as `tenants create` does
        before = contents(engine)
        engine.dispose()

        for block in blocks("Backup", "sh"):
            run(block, home)
        server.stop()
        shutil.rmtree(home)
        for block in blocks("Restore", "sh"):
            run(block, home)

        engine = sa.create_engine(server.url())
        assert contents(engine) == before
        assert landed.read_text() == "{}"
        gateway = RunningGateway(server.url(), home)  # the new server has another password
        assert post_reading(gateway, api_key, READING) == (200, "duplicate")
        assert post_reading(gateway, api_key, {**READING, "kpiId": "k2"}) == (202, "success")
        assert_all_goes_on(engine, files)
    finally:
        if gateway is not None:
            gateway.stop()
            gateway.engine.dispose()
        engine.dispose()
        server.stop()


def assert_all_goes_on(engine: sa.Engine, files: Path) -> None:
    again = merge_folder(engine, data_files(files)[0], tenant="acme", bounds=BOUNDS).totals
    assert again.staged > 0
    assert (again.unchanged, again.inserted, again.updated) == (again.staged - again.waiting, 0, 0)
    [report] = merge_reports(
        engine, [files / "report.csv"], platform="kdp", tenant="acme", keeps=KEEPS
    ).files
    assert report.counts["inserted"] == 0
    with engine.begin() as connection:
        ensure_month(connection, JANUARY)
        ensure_month(connection, JANUARY.back(-1))
        assert months_there(connection) == [JANUARY, JANUARY.back(-1)]
        [claim] = jobs.claim(connection, kind="waiting", worker="w", lease=timedelta(minutes=1))
        assert claim.attempt == 1
        store = PostgreSQLKeyValue(connection, "acme")
        old = store.get("document")
        assert old is not None
        assert store.put("document", {"n": 2}) > old.version
        made = readers.issue_reader(connection, "acme")  # its role, too, was lost with the server
    url = sa.make_url(roles.url_of(engine, made.role, made.password))
    tenant = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with tenant.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM tenants").scalars().all() == ["acme"]
    tenant.dispose()
    with engine.begin() as connection:  # the pages' roles were lost, too
        viewer = viewers.role_of(tenants.find(connection, "acme"))
        password = roles.make_login(connection, "pages", group=DASHBOARDS, acts_as_group=False)
    url = sa.make_url(roles.url_of(engine, "pages", password))
    pages = sa.create_engine(url.set(drivername="postgresql+psycopg"))
    with pages.connect() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {viewer}")
        assert connection.exec_driver_sql("SELECT name FROM tenants").scalars().all() == ["acme"]
    pages.dispose()


def test_a_backup_is_not_restored_over_what_is_there(engine: sa.Engine, tmp_path: Path) -> None:
    backup.dump(engine, tmp_path / "a.dump")
    assert stat.S_IMODE((tmp_path / "a.dump").stat().st_mode) == 0o600
    with pytest.raises(ConfigurationError, match="not empty"):
        backup.restore(engine, tmp_path / "a.dump")
    assert [file.name for file in tmp_path.iterdir()] == ["a.dump"]


def test_what_a_login_of_runs_has_made_is_not_made_again_by_the_owner(
    engine: sa.Engine, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ingestion_staging.planted (n int)")
    backup.dump(engine, tmp_path / "a.dump")
    assert "planted" not in backup._run(engine, "pg_restore", "--list", str(tmp_path / "a.dump"))


def test_after_a_restore_the_lake_is_written_anew_and_its_catalogue_names_no_files(
    engine: sa.Engine, bare_database_url: str, tmp_path: Path
) -> None:
    """The files that a catalogue of then named may be gone, and rows of since are in the lake."""
    roles.ensure(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO ingestion_lake.iceberg_tables (catalog_name, table_namespace, table_name) "
            "VALUES ('lake', 'tenant_1', 'orders')"
        )
    backup.dump(engine, tmp_path / "a.dump")
    restored = sa.create_engine(bare_database_url)
    backup.restore(restored, tmp_path / "a.dump")
    with restored.connect() as connection:
        named = "SELECT count(*) FROM ingestion_lake.iceberg_tables"
        assert connection.exec_driver_sql(named).scalar() == 0
        due = connection.exec_driver_sql(
            "SELECT source FROM changed_parts WHERE reader = 'lake' AND tenant_id = 0 "
            "AND key = '' AND day = 'infinity'"
        )
        assert sorted(due.scalars()) == sorted(table.name for table in TABLES)
        may = "SELECT has_table_privilege(:group, 'ingestion_lake.iceberg_tables', 'UPDATE')"
        assert connection.scalar(sa.text(may), {"group": RUNS})
    restored.dispose()
