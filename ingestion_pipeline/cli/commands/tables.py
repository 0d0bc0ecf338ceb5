"""`ingestion-pipeline tables`: what a tenant's own login reads, for notebooks."""

import json
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded

_EXAMPLE = """
import os, pandas
url = os.environ["READER_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
pandas.read_sql("SELECT * FROM {name} LIMIT 1000", url)
"""


def tables(
    name: Annotated[str | None, typer.Argument(help="Of a table; else all are listed.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tables that a tenant's login reads, or the columns of one, with an example."""
    from ingestion_pipeline.foundation.storage.readable import readable_columns, readable_tables

    with upgraded().connect() as connection:
        found = readable_tables(connection) if name is None else readable_columns(connection, name)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in found], indent=2))
    elif name is None:
        rows = [
            [each["name"], f"{each['rows']:,}", ", ".join(each["key"]), each["what"]]
            for each in (table.as_dict() for table in found)
        ]
        console.show_table("table", "rows", "key", "what a row is", rows=rows, whole=("table",))
    else:
        told = [
            [each["name"], each["type"], each["what"]]
            for each in (column.as_dict() for column in found)
        ]
        console.show_table("column", "type", "what it holds", rows=told, whole=("column",))
        typer.echo(_EXAMPLE.format(name=name))
