"""Every command and query of docs/operations.md works as printed.

Those of its sections Backup and Restore are run by test_restore.py.
"""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.foundation.ledger import jobs, tenants
from ingestion_pipeline.foundation.sealing import new_key
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline_tests.foundation.sandbox.running import RunningSandbox
from ingestion_pipeline_tests.operations.document import TEXT, blocks, run

pytestmark = pytest.mark.slow


def test_every_section_with_commands_is_run() -> None:
    tested = {"Roles", "Upgrade", "Keys and passwords", "Doing something again"}
    sections = re.split(r"^## ", TEXT, flags=re.M)[1:]
    with_commands = {text.partition("\n")[0] for text in sections if "```sh" in text}
    assert with_commands == tested | {"Backup", "Restore"}


def test_every_query_works(engine: sa.Engine, tenant_id: int) -> None:
    queries = re.findall(r"^```sql\n(.*?)^```", TEXT, re.M | re.S)
    assert len(queries) >= 5
    for query in queries:
        with engine.begin() as connection:
            for statement in filter(str.strip, query.split(";\n")):
                connection.exec_driver_sql(statement.replace("%", "%%"))


def test_roles_and_keys_as_printed(
    configured: Settings, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIAL_KEYS", new_key())
    url = configured.database_url
    assert url is not None
    with engine.begin() as connection:
        # Another test's database on the same server has had a tenant of that number.
        connection.exec_driver_sql("DROP ROLE IF EXISTS ingestion_tenant_1")
    [script] = blocks("Roles", "sh")
    printed = run(script, tmp_path / "home", database_url=url.get_secret_value())
    urls = re.findall(r"^postgresql://(\w+):\S+@", printed, re.M)
    with engine.connect() as connection:
        acme = tenants.find(connection, "acme")
    assert urls == ["gateway_1", "runs_1", "grafana", "pages_1", f"ingestion_tenant_{acme}"]
    [script] = blocks("Keys and passwords", "sh")
    run(script, tmp_path / "home", database_url=url.get_secret_value())
    with engine.connect() as connection:
        [only] = tenants.everyone(connection)
        logins = connection.exec_driver_sql(
            "SELECT rolname FROM pg_roles WHERE rolname IN ('gateway_1', 'gateway_2')"
        )
        assert logins.scalars().all() == ["gateway_2"]
    assert only.active_keys == 1


def test_upgrade_as_printed(configured: Settings, engine: sa.Engine, tmp_path: Path) -> None:
    url = configured.database_url
    assert url is not None
    (tmp_path / "backups").mkdir()
    [script] = blocks("Upgrade", "sh")
    run(script, tmp_path / "home", database_url=url.get_secret_value())
    assert (tmp_path / "backups" / "before-upgrade.dump").stat().st_size > 0


def test_doing_something_again_as_printed(
    configured: Settings,
    engine: sa.Engine,
    tenant_id: int,
    sandbox: RunningSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    landed = Landing(configured.landing).write("acme/customers_1.ndjson", [b"{}\n"])
    with engine.begin() as connection:
        upload_id = land_upload(
            connection, tenant_id=tenant_id, entity=ENTITIES["customers"],
            file_name="customers_1.ndjson", source="drop", location=landed.location,
            size=landed.size, sha256=landed.sha256, max_attempts=1,
        )  # fmt: skip
        failed = jobs.enqueue(connection, kind="of.nobody", payload={}, max_attempts=1)
        connection.exec_driver_sql(f"UPDATE jobs SET status = 'dead' WHERE job_id = {failed}")
    monkeypatch.setenv("ACE_IOT_API_BASE_URL", sandbox.documented_url)
    monkeypatch.setenv("ACE_IOT_API_KEY", "sandbox-key")
    monkeypatch.setenv("COLLECT_WINDOW", "PT12H")
    url = configured.database_url
    assert url is not None
    [script] = blocks("Doing something again", "sh")
    changes = {" 17 ": f" {failed} ", " 23 ": f" {upload_id} "}
    printed = run(script, tmp_path / "home", database_url=url.get_secret_value(), **changes)
    assert f"job {failed} is queued again" in printed
    with engine.connect() as connection:
        again = connection.exec_driver_sql(
            "SELECT location, status FROM uploads ORDER BY upload_id"
        ).all()
        days = connection.exec_driver_sql("SELECT kept FROM collected_days").scalars().all()
    assert again == [(landed.location, "recorded")] * 2
    assert len(days) == 1
    assert days[0] > 0
