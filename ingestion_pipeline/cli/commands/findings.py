"""`ingestion-pipeline findings …`: what is out of the ordinary, and what of it was expected."""

import getpass
import json
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import ID
from ingestion_pipeline.foundation.errors import ContractError

app = typer.Typer(help="What is out of the ordinary.", no_args_is_help=True)

TenantName = Annotated[
    str, typer.Argument(help="Of the tenant; -: what no tenant has, as FRED's series.")
]
Number = Annotated[int, typer.Argument(click_type=ID, help="Of the finding, as `list` shows it.")]


@app.command(name="list")
def list_findings(
    name: TenantName,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List a tenant's findings, newest first, each in a sentence."""
    from ingestion_pipeline.outlets.findings import expected

    with upgraded().connect() as connection:
        found = expected.newest(connection, tenant_id=_whose(connection, name), limit=limit)
    if as_json:
        typer.echo(json.dumps([_as_dict(row) for row in found], indent=2))
        return
    for row in found:
        console.say(
            f"{row.finding_id} {row.state} {row.kind} in {row.domain} {row.subject}: {row.sentence}"
        )
    if not found:
        console.say("nothing is out of the ordinary")


@app.command(name="expected")
def call_expected(name: TenantName, finding: Number) -> None:
    """Remember that a finding was expected; a level that has moved so is usual from then on."""
    from ingestion_pipeline.outlets.findings import expected

    with upgraded().begin() as connection:
        tenant_id = _whose(connection, name)
        by = f"cli:{getpass.getuser()}"
        if not expected.call_expected(connection, finding, tenant_id=tenant_id, by=by):
            raise ContractError(f"{name} has no finding {finding}")
    console.say(f"finding {finding} is as expected")


@app.command(name="unexpected")
def call_unexpected(name: TenantName, finding: Number) -> None:
    """Take back that a finding was expected."""
    from ingestion_pipeline.outlets.findings import expected

    with upgraded().begin() as connection:
        tenant_id = _whose(connection, name)
        if not expected.call_unexpected(connection, finding, tenant_id=tenant_id):
            raise ContractError(f"{name} has no finding {finding} that was expected")
    console.say(f"finding {finding} is not expected any more")


def _whose(connection: sa.Connection, name: str) -> int | None:
    """The tenant of a name; None: the operator."""
    from ingestion_pipeline.foundation.ledger import tenants

    return None if name == "-" else tenants.find(connection, name)


def _as_dict(row: Any) -> dict[str, Any]:
    return {
        "finding_id": row.finding_id,
        "domain": row.domain,
        "subject": row.subject,
        "kind": row.kind,
        "began_at": row.began_at.isoformat(),
        "ended_at": None if row.ended_at is None else row.ended_at.isoformat(),
        "state": row.state,
        "sentence": row.sentence,
    }
