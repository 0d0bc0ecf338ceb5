"""The command line, a module a group of commands; cli/app.py puts them together.

A command is a few lines around what does the work, which it imports when it runs: `--help` and
wrong usage need no database.
"""

import json
import re
from typing import Annotated

import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def upgraded() -> sa.Engine:
    """The configured database, its schema up to date."""
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.foundation.storage import schema

    return schema.upgraded(settings())


def print_url(url: str, *, role: str, as_json: bool) -> None:
    """Print the URL of a login, which holds its password."""
    if as_json:
        typer.echo(json.dumps({"role": role, "url": url}))
        return
    console.say(f"the URL of {role}, shown this once:")
    typer.echo(url)


def require_http(api_url: str) -> None:
    """Refuse what is no URL of a gateway."""
    if not re.fullmatch(r"https?://[^/\s]\S*", api_url):
        raise typer.BadParameter(f"--api-url must be http://… or https://…, got {api_url!r}")
