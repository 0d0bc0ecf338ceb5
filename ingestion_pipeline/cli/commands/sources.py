"""`ingestion-pipeline sources …`: sources that files describe."""

import json

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson
from ingestion_pipeline.foundation.environment import settings

app = typer.Typer(help="Sources that files describe (`defs.yaml`).", no_args_is_help=True)


@app.callback()
def sources() -> None:
    """Keep `check` a command of its own; typer would make an only one the group itself."""


@app.command()
def check(as_json: AsJson = False) -> None:
    """Read every file, and say with line and field what is wrong. Exits 1 where one is at fault.

    Starts nothing and asks no upstream. `dg check yaml` reads only the last file of each type.
    """
    from ingestion_pipeline.components import loading

    loading.logger.disabled = True  # it is told here, and once
    from ingestion_pipeline.definitions import ours

    described = settings().described
    _, faults = loading.load(described, beside=ours())
    if as_json:
        found = [
            {"file": str(each.file), "line": each.line, "field": each.field, "rule": each.rule}
            for each in faults
        ]
        typer.echo(json.dumps({"files": len(described.files), "faults": found}, indent=2))
    elif faults:
        for each in faults:
            typer.echo(str(each))
    else:
        sound = "1 file is" if len(described.files) == 1 else f"{len(described.files)} files are"
        console.say(f"{sound} sound")
    if faults:
        raise typer.Exit(1)
