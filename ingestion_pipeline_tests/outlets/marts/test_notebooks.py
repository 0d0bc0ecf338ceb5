"""docs/notebooks.md: its very snippet, as a tenant's own login."""

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.ledger import readers, tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, readable, roles
from ingestion_pipeline.foundation.storage.privileges import TABLES
from ingestion_pipeline_tests.outlets.marts.filling import new_customer, new_order, refresh_all

DOCS = Path(__file__).parents[3] / "docs" / "notebooks.md"


def test_the_snippet_reads_the_tenants_own_rows_and_no_others(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles.ensure(engine)
    with engine.begin() as connection:
        for name, total in (("acme", "12.34"), ("bolt", "99.00")):
            tenant_id = tenants.ensure(connection, name)
            new_order(connection, tenant_id, new_customer(connection, tenant_id), total=total)
        number = tenants.find(connection, "acme")
        # Another test's database on the same server has had a role of that name.
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS ingestion_tenant_{number}")
        reader = readers.issue_reader(connection, "acme")
    refresh_all(engine)
    monkeypatch.setenv("READER_URL", roles.url_of(engine, reader.role, reader.password))
    [snippet] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(list(filter(None, snippet.splitlines()))) == 3
    names: dict[str, Any] = {}
    exec(snippet, names)
    assert names["days"][["currency", "orders", "net"]].values.tolist() == [["EUR", 1, 12.34]]


def test_every_table_that_a_tenant_reads_says_what_it_is(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        found = {each.name: each for each in readable.readable_tables(connection)}
        assert found.keys() == {name for name, each in TABLES.items() if "r" in each[-1]}
        for name, table in found.items():
            columns = readable.readable_columns(connection, name)
            assert columns
            if not table.is_view:
                assert table.what, name
                assert all(column.what for column in columns), name
    assert found["orders_daily"].key == ["tenant_id", "day", "currency"]


def test_the_shell_lists_them(configured: Settings) -> None:
    shell = CliRunner()
    assert "orders_daily" in shell.invoke(app, ["tables"]).output
    one = shell.invoke(app, ["tables", "orders_daily"]).output
    assert "pandas.read_sql" in one
    assert "average" in one
    assert shell.invoke(app, ["tables", "api_keys"]).exit_code != 0
    database.engine(configured).dispose()
