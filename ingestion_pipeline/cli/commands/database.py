"""`ingestion-pipeline db …`: schema, backup, and who may do what in the database."""

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, print_url
from ingestion_pipeline.foundation.environment import environment_of, settings
from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline.foundation.storage.privileges import RUNS
from ingestion_pipeline.foundation.storage.roles import LOGINS

app = typer.Typer(help="The database: schema, backup, roles, URL.", no_args_is_help=True)


class Purpose(StrEnum):
    """What a login is for: a key of `LOGINS`."""

    gateway = "gateway"
    runs = "runs"
    reader = "reader"
    dashboards = "dashboards"


@app.command()
def upgrade() -> None:
    """Bring the schema up to date; safe at any time and from several processes."""
    from ingestion_pipeline.foundation.ledger import viewers
    from ingestion_pipeline.foundation.storage import database

    engine = database.engine(settings())
    console.say(f"schema at revision {schema.upgrade(engine)}")
    viewers.ensure(engine)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which database is used, whether it runs, and whether its schema is up to date.

    Starts nothing. Exits 1 unless the database runs and is up to date.
    """
    from ingestion_pipeline.foundation.storage.status import database_status

    found = database_status(settings())
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2))
    else:
        console.show_database_status(found)
    if not found.ready:
        raise typer.Exit(1)


@app.command()
def url() -> None:
    """Print the database's URL, with its password, for psql and the like; starts the server."""
    from ingestion_pipeline.foundation.storage import database

    typer.echo(database.database_url(settings()).replace("postgresql+psycopg://", "postgresql://"))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database (it comes with us); further arguments are psql's own."""
    from ingestion_pipeline.foundation.storage import database
    from ingestion_pipeline.foundation.storage.embedded import binaries

    url = sa.make_url(database.database_url(settings()))
    # The password goes by the environment: a command line is there for all to see.
    environment = environment_of(settings()) | {"PGPASSWORD": url.password or ""}
    address = sa.URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string()
    program = str(binaries() / "psql")
    os.execve(program, [program, address, *context.args], environment)  # noqa: S606


@app.command()
def stop() -> None:
    """Stop the embedded server."""
    from ingestion_pipeline.foundation.storage.embedded import EmbeddedServer

    stopped = EmbeddedServer(settings().home).stop()
    console.say("stopped" if stopped else "no embedded server was running")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="To write; overwritten when the backup is whole.")],
) -> None:
    """Write the whole database to a file, as it is at one moment; everybody goes on meanwhile."""
    from ingestion_pipeline.foundation.storage import backup as backups
    from ingestion_pipeline.foundation.storage import database

    console.say(f"{file}: {backups.dump(database.engine(settings()), file):,} bytes")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="Of `db backup`.", exists=True, dir_okay=False)],
) -> None:
    """Restore a backup into an empty database: all of it, or nothing."""
    from ingestion_pipeline.foundation.ledger import viewers
    from ingestion_pipeline.foundation.storage import backup as backups
    from ingestion_pipeline.foundation.storage import database

    engine = database.engine(settings())
    console.say(f"restored, schema at revision {backups.restore(engine, file)}")
    # Roles are the cluster's, and in no backup; one without any needs `db roles` for its pages.
    seen = viewers.ensure(engine)
    if seen.made:
        console.say(f"the pages can be read by {seen.made} tenants")


@app.command()
def roles(as_json: AsJson = False) -> None:
    """Make the groups of roles for gateway, runs, dashboards and tenants; grant what they need.

    Needs CREATEROLE the first time. Safe at any time; `db upgrade` grants anew by itself.
    """
    from ingestion_pipeline.foundation.ledger import viewers
    from ingestion_pipeline.foundation.storage import database
    from ingestion_pipeline.foundation.storage import roles as groups

    engine = database.engine(settings())
    found = groups.ensure(engine)
    seen = viewers.ensure(engine) if found.granted else viewers.Viewers()
    if as_json:
        document = {
            "made": found.made, "granted": found.granted, "fast_merges": found.fast_merges,
            "closed": found.closed,
        }  # fmt: skip
        typer.echo(json.dumps(document, indent=2))
        return
    console.say(f"made {', '.join(found.made)}" if found.made else "all roles are there")
    if not found.granted:
        console.say(
            "there is no schema yet, or an old one: `db upgrade` grants what the roles need"
        )
    if not found.fast_merges:
        console.warn(
            "bulk merges check foreign keys row by row, until a superuser runs "
            f"GRANT SET ON PARAMETER session_replication_role TO {RUNS}"
        )
    if seen.made:
        console.say(f"the pages can be read by {seen.made} more tenants")
    if seen.lacking:
        console.warn(f"some tenants can't read the pages: {seen.lacking}")
    if found.granted and not found.closed:
        console.warn(
            "anybody who may log in may hold advisory locks and stop all imports, until a "
            "superuser runs `db roles`; no tenant is given a login"
        )


@app.command()
def login(
    purpose: Annotated[Purpose, typer.Argument(help="What it is for.")],
    name: Annotated[str, typer.Argument(help="Of the role: a-z, 0-9 and _.")],
    as_json: AsJson = False,
) -> None:
    """Make a login for the gateway, runs, a reader or the pages, and print its URL, this once.

    One that is there gets a new password. To rotate without a gap make another, and drop the old.
    """
    from ingestion_pipeline.foundation.storage import database
    from ingestion_pipeline.foundation.storage import roles as groups

    engine = database.engine(settings())
    with engine.begin() as connection:
        group = LOGINS[purpose.value]
        # The pages' login becomes a tenant's viewer in each transaction, and is nobody before.
        acts = purpose is not Purpose.dashboards
        password = groups.make_login(connection, name, group=group, acts_as_group=acts)
    print_url(groups.url_of(engine, name, password), role=name, as_json=as_json)
