"""`ingestion-pipeline tenants credentials …`: what runs say to a tenant's own APIs."""

import json
import sys
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded

app = typer.Typer(
    help="Credentials to APIs that files describe, stored encrypted.", no_args_is_help=True
)

TenantName = Annotated[str, typer.Argument(help="Whose API it is.")]
Name = Annotated[str, typer.Argument(help="As files name it: auth: {secret: {stored: NAME}}.")]


@app.command(name="set")
def set_(tenant: TenantName, name: Name) -> None:
    """Store a credential, or another value of one that is there: typed in, or on standard input.

    Never as an argument: a shell keeps those, and other users of the machine see them.
    """
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants

    value = typer.prompt(name, hide_input=True) if sys.stdin.isatty() else sys.stdin.read(10_000)
    with upgraded().begin() as connection:
        tenant_id = tenants.find(connection, tenant)
        tenant_credentials.keep(connection, with_kept_keys(settings()), tenant_id, name, value)
    console.say(f"{name} of {tenant} is stored")


@app.command(name="list")
def list_(tenant: TenantName, as_json: AsJson = False) -> None:
    """List the names of a tenant's credentials; nothing shows what they are."""
    from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants

    with upgraded().connect() as connection:
        found = tenant_credentials.stored(connection, tenants.find(connection, tenant))
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in found], indent=2))
        return
    for each in found:
        console.say(f"{each.name}, changed {each.changed_at:%Y-%m-%d %H:%M}")
    if not found:
        console.say(f"{tenant} has no credentials")


@app.command()
def remove(tenant: TenantName, name: Name) -> None:
    """Forget a credential; runs that have read it go on to their end."""
    from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants

    with upgraded().begin() as connection:
        removed = tenant_credentials.remove(connection, tenants.find(connection, tenant), name)
    console.say(f"{name} of {tenant} is forgotten" if removed else f"{tenant} had no {name}")
