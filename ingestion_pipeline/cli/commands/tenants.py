"""`ingestion-pipeline tenants …`: tenants, their API keys, their logins in the database."""

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, credentials, print_url, upgraded
from ingestion_pipeline.cli.commands.numbers import BYTES, Day

app = typer.Typer(help="Tenants and their API keys.", no_args_is_help=True)

sites = typer.Typer(help="The building sites whose rows a tenant may read.", no_args_is_help=True)
app.add_typer(sites, name="sites")
holidays = typer.Typer(
    help="Days on which a tenant does not work: they are compared with Sundays.",
    no_args_is_help=True,
)
app.add_typer(holidays, name="holidays")
app.add_typer(credentials.app, name="credentials")

TenantName = Annotated[str, typer.Argument(help="1 to 63 of a-z, 0-9, _ and -.")]

SiteName = Annotated[str, typer.Argument(help="Its name at ACE IoT.")]

Holiday = Annotated[datetime, typer.Argument(click_type=Day(), help="By its own calendar.")]


@app.command()
def create(name: TenantName, as_json: AsJson = False) -> None:
    """Make a tenant (or a further key of one) and print an API key, this once."""
    from ingestion_pipeline.foundation.ledger import tenants, viewers

    engine = upgraded()
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, name)
        api_key = tenants.issue_key(connection, tenant_id)
    viewers.ensure(engine)
    _print_key(name, tenant_id, api_key, as_json=as_json)


@app.command()
def rotate(name: TenantName, as_json: AsJson = False) -> None:
    """Print a new API key and revoke all earlier ones of the tenant."""
    from ingestion_pipeline.foundation.ledger import tenants

    engine = upgraded()
    with engine.begin() as connection:
        tenant_id = tenants.find(connection, name)
        api_key = tenants.issue_key(connection, tenant_id)
        tenants.revoke_keys(connection, tenant_id, except_key=api_key)
    _print_key(name, tenant_id, api_key, as_json=as_json)


@app.command()
def revoke(name: TenantName) -> None:
    """Revoke all API keys of a tenant; its data stays."""
    from ingestion_pipeline.foundation.ledger import tenants

    engine = upgraded()
    with engine.begin() as connection:
        revoked = tenants.revoke_keys(connection, tenants.find(connection, name))
    console.say(f"{revoked} keys revoked")


@app.command(name="list")
def list_tenants(as_json: AsJson = False) -> None:
    """List tenants and how many keys each has in force."""
    from ingestion_pipeline.foundation.ledger import tenants

    engine = upgraded()
    with engine.connect() as connection:
        everyone = tenants.everyone(connection)
    if as_json:
        typer.echo(json.dumps([tenant.as_dict() for tenant in everyone], indent=2))
    else:
        console.show_tenants(everyone)


@app.command()
def quota(
    name: Annotated[str, typer.Argument(help="Of the tenant.")],
    landed_bytes: Annotated[
        int | None,
        typer.Option(
            click_type=BYTES,
            help="Give the tenant this limit; 0: it may send no files.",
        ),
    ] = None,
    rejected_bytes: Annotated[
        int | None,
        typer.Option(
            click_type=BYTES,
            help="Keep so many bytes of its refused lines; all are counted.",
        ),
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Let the settings' limits hold for it again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show how many bytes of files a tenant keeps and may keep, or change its limit."""
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.foundation.ledger import quota as quotas
    from ingestion_pipeline.foundation.ledger import tenants

    if reset and not (landed_bytes is rejected_bytes is None):
        raise typer.BadParameter("--reset and a limit exclude each other")
    with upgraded().begin() as connection:
        tenant_id = tenants.find(connection, name)
        if reset or landed_bytes is not None:
            quotas.set_limit(connection, tenant_id, landed_bytes)
        if reset or rejected_bytes is not None:
            quotas.set_rejected_limit(connection, tenant_id, rejected_bytes)
        room = quotas.room_of(connection, tenant_id, default=settings().tenant_landed_bytes)
    if as_json:
        typer.echo(json.dumps(room.as_dict()))
        return
    whose = "its own limit" if room.own else "TENANT_LANDED_BYTES"
    console.say(f"{name} keeps {room.used:,} of at most {room.limit:,} bytes of files ({whose})")


@app.command()
def reader(
    name: Annotated[str, typer.Argument(help="Of the tenant.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Remove the login instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a login that reads this tenant's rows only, and print its URL, this once.

    One that is there gets a new password; sessions that it has go on.
    """
    from ingestion_pipeline.foundation.ledger import readers
    from ingestion_pipeline.foundation.storage import roles as groups

    engine = upgraded()
    if revoke:
        with engine.begin() as connection:
            had_one = readers.revoke_reader(connection, name)
        console.say(f"{name} has no login any more" if had_one else f"{name} had no login")
        return
    with engine.begin() as connection:
        made = readers.issue_reader(connection, name)
    print_url(groups.url_of(engine, made.role, made.password), role=made.role, as_json=as_json)


@app.command(name="signing-secret")
def signing_secret(
    name: Annotated[str, typer.Argument(help="Of the tenant.")],
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make another; the one before goes on for a while.")
    ] = False,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Take all of the tenant's back instead, at once.")
    ] = False,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=24 * 365, help="How long the one before goes on.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Make a secret with which this tenant signs webhooks, and print it, this once.

    Gateways know it within five seconds, without a restart; secrets in WEBHOOK_SECRETS go on.
    """
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.foundation.ledger import signing_secrets, tenants

    if rotate and revoke:
        raise typer.BadParameter("--rotate and --revoke exclude each other")
    engine = upgraded()
    with engine.begin() as connection:
        tenant_id = tenants.find(connection, name)
        if revoke:
            number = signing_secrets.revoke(connection, tenant_id)
        else:
            secret = signing_secrets.issue(
                connection, with_kept_keys(settings()), tenant_id, rotate=rotate,
                overlap=timedelta(hours=overlap_hours),
            )  # fmt: skip
    if revoke:
        console.say(f"{number} signing secrets revoked")
    elif as_json:
        typer.echo(json.dumps({"tenant": name, "tenant_id": tenant_id, "signing_secret": secret}))
    else:
        console.say(f"the secret that signs {name}'s webhooks, shown this once:")
        typer.echo(secret)


@app.command(name="reseal")
def reseal() -> None:
    """Encrypt signing secrets and credentials anew under the first of CREDENTIAL_KEYS, to drop the
    others."""
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.foundation.ledger import signing_secrets, tenant_credentials

    engine, configuration = upgraded(), with_kept_keys(settings())
    with engine.begin() as connection:
        number = signing_secrets.reseal(connection, configuration)
        others = tenant_credentials.reseal(connection, configuration)
    console.say(f"{number} signing secrets and {others} credentials are under the first key now")


@app.command(name="zone")
def set_zone(
    name: TenantName,
    zone: Annotated[str, typer.Argument(help="A name of the IANA database: Europe/Berlin.")],
) -> None:
    """Tell a tenant's days and hours by the clock of a zone; it is UTC until then."""
    from ingestion_pipeline.foundation.ledger import tenants
    from ingestion_pipeline.outlets.findings import calendars

    with upgraded().begin() as connection:
        calendars.set_zone(connection, tenants.find(connection, name), zone)
    console.say(f"{name}'s days are told by the clock of {zone}")


@holidays.command(name="add")
def add_holiday(
    name: TenantName,
    day: Holiday,
    called: Annotated[str, typer.Argument(help="What is celebrated.")] = "",
) -> None:
    """Add a holiday of a tenant, or name it anew."""
    from ingestion_pipeline.foundation.ledger import tenants
    from ingestion_pipeline.outlets.findings import calendars

    with upgraded().begin() as connection:
        calendars.add_holiday(connection, tenants.find(connection, name), day.date(), called)
    console.say(f"{day:%Y-%m-%d} is a holiday of {name}")


@holidays.command(name="remove")
def remove_holiday(name: TenantName, day: Holiday) -> None:
    """Forget a holiday of a tenant."""
    from ingestion_pipeline.foundation.ledger import tenants
    from ingestion_pipeline.outlets.findings import calendars

    with upgraded().begin() as connection:
        tenant_id = tenants.find(connection, name)
        gone = calendars.remove_holiday(connection, tenant_id, day.date())
    said = "is no holiday any more" if gone else "was no holiday"
    console.say(f"{day:%Y-%m-%d} {said} of {name}")


@holidays.command(name="list")
def list_holidays(name: TenantName, as_json: AsJson = False) -> None:
    """List a tenant's holidays."""
    from ingestion_pipeline.foundation.ledger import tenants
    from ingestion_pipeline.outlets.findings import calendars

    with upgraded().connect() as connection:
        found = calendars.holidays_of(connection, tenants.find(connection, name))
    if as_json:
        typer.echo(json.dumps([{"day": str(day), "name": called} for day, called in found]))
        return
    for day, called in found:
        console.say(f"{day} {called}".rstrip())


@sites.command(name="add")
def add_site(name: TenantName, site: SiteName) -> None:
    """Let a tenant's login read the rows of a site; a site may be several tenants'."""
    from ingestion_pipeline.domains.buildings.merge.sites import add_site

    engine = upgraded()
    with engine.begin() as connection:
        added = add_site(connection, name, site)
    console.say(f"{site} is {name}'s now" if added else f"{site} was {name}'s already")


@sites.command(name="remove")
def remove_site(name: TenantName, site: SiteName) -> None:
    """Let a tenant's login read the rows of a site no longer; they stay."""
    from ingestion_pipeline.domains.buildings.merge.sites import remove_site

    engine = upgraded()
    with engine.begin() as connection:
        removed = remove_site(connection, name, site)
    console.say(f"{site} is {name}'s no longer" if removed else f"{site} was not {name}'s")


@sites.command(name="list")
def list_sites(
    name: Annotated[str | None, typer.Argument(help="Of a tenant; else of all.")] = None,
    as_json: AsJson = False,
) -> None:
    """List which site is whose."""
    from ingestion_pipeline.domains.buildings.merge.sites import all_sites

    engine = upgraded()
    with engine.connect() as connection:
        found = all_sites(connection, name)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in found], indent=2))
    else:
        console.show_tenant_sites(found)


def _print_key(name: str, tenant_id: int, api_key: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"tenant": name, "tenant_id": tenant_id, "api_key": api_key}))
        return
    console.say(f"tenant {name} ({tenant_id}); its API key, shown this once:")
    typer.echo(api_key)
