"""Findings, zones and holidays in a shell."""

import json

import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion_pipeline.cli.app import app
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_finding_is_listed_expected_and_not_expected_any_more(configured: Settings) -> None:
    with database.engine(configured).begin() as connection:
        tenant_id = tenants.ensure(connection, "acme")
        number = connection.scalar(
            sa.text("""
                INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at,
                                      watched_weeks, sentence, history, state)
                VALUES (:tenant_id, 'kpis', 'revenue', 'drop', now(), now(), 9, 'It fell.', '[]',
                        'open')
                RETURNING finding_id
            """),
            {"tenant_id": tenant_id},
        )
    [listed] = json.loads(_run("findings", "list", "acme", "--json"))
    assert (listed["finding_id"], listed["state"]) == (number, "open")
    _run("findings", "expected", "acme", str(number))
    assert json.loads(_run("findings", "list", "acme", "--json"))[0]["state"] == "expected"
    _run("findings", "unexpected", "acme", str(number))
    assert json.loads(_run("findings", "list", "acme", "--json"))[0]["state"] == "open"
    _run("tenants", "zone", "acme", "Europe/Berlin")
    _run("tenants", "holidays", "add", "acme", "2026-12-25", "Christmas")
    listed = json.loads(_run("tenants", "holidays", "list", "acme", "--json"))
    assert listed == [{"day": "2026-12-25", "name": "Christmas"}]
    _run("tenants", "holidays", "remove", "acme", "2026-12-25")
    assert json.loads(_run("tenants", "holidays", "list", "acme", "--json")) == []


def test_what_no_tenant_has_is_the_operators(configured: Settings) -> None:
    with database.engine(configured).begin() as connection:
        tenants.ensure(connection, "acme")
        number = connection.scalar(
            sa.text("""
                INSERT INTO findings (tenant_id, domain, subject, kind, began_at, raised_at,
                                      watched_weeks, sentence, history, state)
                VALUES (NULL, 'markets', 'published: GDP', 'silence', now(), now(), 9, 'It fell.',
                        '[]', 'open')
                RETURNING finding_id
            """)
        )
    assert json.loads(_run("findings", "list", "acme", "--json")) == []
    assert CliRunner().invoke(app, ["findings", "expected", "acme", str(number)]).exit_code != 0
    _run("findings", "expected", "-", str(number))
    [listed] = json.loads(_run("findings", "list", "-", "--json"))
    assert (listed["finding_id"], listed["state"]) == (number, "expected")
    _run("findings", "unexpected", "-", str(number))
