"""`ingestion-pipeline db roles`, `db login`, `tenants reader`: who may do what in the database.

And `db backup`, `db restore`.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ingestion_pipeline import console
from ingestion_pipeline.storage.privileges import RUNS
from ingestion_pipeline.storage.roles import LOGINS

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


class Purpose(StrEnum):
    """What a login is for: a key of `LOGINS`."""

    gateway = "gateway"
    runs = "runs"
    reader = "reader"


def roles(as_json: AsJson = False) -> None:
    """Make the groups of roles for gateway, runs, dashboards and tenants; grant what they need.

    Needs CREATEROLE the first time. Safe at any time; `db upgrade` grants anew by itself.
    """
    from ingestion_pipeline.storage import database
    from ingestion_pipeline.storage import roles as groups

    found = groups.ensure(database.engine())
    if as_json:
        document = {
            "made": found.made, "granted": found.granted, "fast_merges": found.fast_merges,
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


def login(
    purpose: Annotated[Purpose, typer.Argument(help="What it is for.")],
    name: Annotated[str, typer.Argument(help="Of the role: a-z, 0-9 and _.")],
    as_json: AsJson = False,
) -> None:
    """Make a login for the gateway, runs or a dashboard, and print its DATABASE_URL, this once.

    One that is there gets a new password. To rotate without a gap make another, and drop the old.
    """
    from ingestion_pipeline.storage import database
    from ingestion_pipeline.storage import roles as groups

    engine = database.engine()
    with engine.begin() as connection:
        password = groups.make_login(
            connection, name, group=LOGINS[purpose.value], acts_as_group=True
        )
    _print_url(groups.url_of(engine, name, password), role=name, as_json=as_json)


def reader(
    name: Annotated[str, typer.Argument(help="Of the tenant.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Remove the login instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a login that reads this tenant's rows only, and print its URL, this once.

    One that is there gets a new password; sessions that it has go on.
    """
    from ingestion_pipeline.ledger import readers
    from ingestion_pipeline.storage import database
    from ingestion_pipeline.storage import roles as groups

    engine = database.upgraded()
    if revoke:
        with engine.begin() as connection:
            had_one = readers.revoke_reader(connection, name)
        console.say(f"{name} has no login any more" if had_one else f"{name} had no login")
        return
    with engine.begin() as connection:
        made = readers.issue_reader(connection, name)
    _print_url(groups.url_of(engine, made.role, made.password), role=made.role, as_json=as_json)


def backup(
    file: Annotated[Path, typer.Argument(help="To write; overwritten when the backup is whole.")],
) -> None:
    """Write the whole database to a file, as it is at one moment; everybody goes on meanwhile."""
    from ingestion_pipeline.storage import backup as backups
    from ingestion_pipeline.storage import database

    console.say(f"{file}: {backups.dump(database.engine(), file):,} bytes")


def restore(
    file: Annotated[Path, typer.Argument(help="Of `db backup`.", exists=True, dir_okay=False)],
) -> None:
    """Restore a backup into an empty database: all of it, or nothing."""
    from ingestion_pipeline.storage import backup as backups
    from ingestion_pipeline.storage import database

    console.say(f"restored, schema at revision {backups.restore(database.engine(), file)}")


def _print_url(url: str, *, role: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"role": role, "url": url}))
        return
    console.say(f"the URL of {role}, shown this once:")
    typer.echo(url)
