"""`ingestion-pipeline import-report`, `book-sales rebuild`, and what book sales need besides."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.foundation.environment import settings

app = typer.Typer(help="What is stored of book sales.", no_args_is_help=True)


@app.callback()
def book_sales() -> None:
    """What is stored of book sales."""


@app.command()
def rebuild(
    platform: Annotated[str, typer.Option(help="gumroad: only its books are worked out.")],
    tenant: Annotated[
        str | None, typer.Option(help="Whose books.", show_default="everybody's")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Work out anew what sales come to, from all that is kept of them, and sum up the days.

    Prints what changes by currency. Can be stopped at any time and run again.
    """
    from ingestion_pipeline.domains.book_sales.merge.gumroad import PLATFORM
    from ingestion_pipeline.domains.book_sales.publish.gumroad_rebuild import rebuild as put_right
    from ingestion_pipeline.foundation.ledger import tenants

    if platform != PLATFORM:
        raise typer.BadParameter(
            f"only {PLATFORM}; reports are imported again", param_hint="platform"
        )
    engine = upgraded()
    with engine.connect() as connection:
        ids = (
            [tenants.find(connection, tenant)]
            if tenant
            else [each.tenant_id for each in tenants.everyone(connection)]
        )
    changes = [each.as_dict() for each in put_right(engine, tenant_ids=ids, dry_run=dry_run)]
    if as_json:
        typer.echo(json.dumps(changes, indent=2))
        return
    for change in changes:
        typer.echo(
            "{currency}: {before} before, {after} after, a difference of {difference}; "
            "{rows} rows change".format(**change)
        )
    if not changes:
        typer.echo("nothing is stored")


def import_report(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    platform: Annotated[
        str, typer.Option(help="amazon_kdp (or kdp), smashwords, draft2digital, or a mapping's.")
    ],
    tenant: Annotated[str, typer.Option(help="Whose sales they are; made if new.")] = "default",
    decimal: Annotated[
        str | None,
        typer.Option(help="The decimal sign, . or , where the numbers leave it open."),
    ] = None,
    dates: Annotated[
        str | None,
        typer.Option(help="dmy or mdy: the order of day and month, where the dates leave it open."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load sales reports straight into the database, and sum up their days.

    Loading a report again changes nothing; a newer one changes what it says otherwise, and an older
    one nothing that a newer one said (left_alone). Exits 1 when a report could not be used, or none
    of its rows.
    """
    from ingestion_pipeline.domains.book_sales.merge.folder import merge_reports
    from ingestion_pipeline.domains.book_sales.publish.daily import publish_days
    from ingestion_pipeline.domains.book_sales.sources.described import platforms
    from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told

    told = Told(decimal, dates)
    engine = upgraded()
    result = merge_reports(
        engine, files, platform=platform, tenant=tenant, told=told,
        keeps=settings().tenant_rejected_bytes, among=platforms(settings()),
    )  # fmt: skip
    publish_days(engine, platform)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    else:
        for file in result.files:
            numbers = ", ".join(f"{number} {name}" for name, number in file.counts.items())
            console.say(f"{file.file}: {file.error or numbers}")
            for reason, rows in file.remarks["passed_over"].items():
                console.say(f"    passed over: {reason} ({rows} rows)")
            for warning in file.remarks.get("warnings", ()):
                console.say(f"    warning: {warning}")
    if any(file.error for file in result.files):
        raise typer.Exit(1)


def sample_reports(
    folder: Annotated[Path, typer.Argument(help="Where to write the reports.")],
) -> None:
    """Write a small sales report of every platform that has reports."""
    from ingestion_pipeline.domains.book_sales.sample import sample_reports as reports

    folder.mkdir(parents=True, exist_ok=True)
    for name, content in reports().values():
        (folder / name).write_bytes(content)
        typer.echo(folder / name)


def credential_key() -> None:
    """Print a new key for CREDENTIAL_KEYS, which encrypts credentials in the database.

    To rotate: put the new key in front of the old one, with a comma between, and restart; take the
    old one away when no queued job needs it any more.
    """
    from ingestion_pipeline.foundation.sealing import new_key

    typer.echo(new_key())


def ping_url(
    tenant: Annotated[str, typer.Option(help="Whose sales Gumroad reports; made if new.")],
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make the tenant's earlier URLs invalid.")
    ] = False,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Only make the tenant's URLs invalid.")
    ] = False,
) -> None:
    """Print a URL for Gumroad's Ping, this once; whoever knows it can report sales."""
    from ingestion_pipeline.domains.book_sales.land.pings import issue_token, revoke_tokens
    from ingestion_pipeline.foundation.ledger import tenants

    with upgraded().begin() as connection:
        tenant_id = tenants.ensure(connection, tenant)
        if rotate or revoke:
            revoked = revoke_tokens(connection, tenant_id)
            typer.echo(f"{revoked} of {tenant!r} revoked", err=True)
        if revoke:
            return
        token = issue_token(connection, tenant_id)
    configuration = settings()
    at = f"http://{configuration.gateway_host}:{configuration.gateway_port}"
    typer.echo(f"{at}/api/ingestion/ping/gumroad/{token}")
