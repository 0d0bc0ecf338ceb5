"""`ingestion-pipeline sources …`: sources that files describe."""

import json
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.foundation.environment import secrets_of, settings
from ingestion_pipeline.foundation.errors import ConfigurationError, IngestionError

if TYPE_CHECKING:
    from ingestion_pipeline.foundation.collecting.fetching import Fetched
    from ingestion_pipeline.foundation.loading.known import Known

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


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="The API, as SOURCE/MAPPING.")],
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day that is asked for."),
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Keep what was read in this file.", dir_okay=False)
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, max=1000, help="Records and refused rows to show.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Ask an API for a day as its file says, and say what it would come to; loads nothing.

    Shows what `intake check` shows of a file. Exits 1 where the file or the API is at fault, and 3
    where records are refused or a check of the mapping fails.
    """
    from ingestion_pipeline.cli import looked_at
    from ingestion_pipeline.foundation.intake.looking import look_at

    with tempfile.TemporaryDirectory(prefix="fetch-") as folder:
        path = Path(folder) / "list.gz"
        try:
            known, fetched = _fetched(name, day, path)
            if keep is not None:
                keep.write_bytes(path.read_bytes())
            if not fetched.records:
                console.say("the list was read to its end, and is empty")
                return
            looked = look_at(known.mapped, path, most=rows)
        except OSError as error:
            console.fail(f"{error.filename}: {error.strerror}")
        except IngestionError as error:
            console.fail(str(error))
    if as_json:
        typer.echo(json.dumps(looked_at.document(looked), indent=2))
    else:
        console.say(f"{fetched.records:,} records on {fetched.pages:,} pages, read to their end")
        looked_at.show(looked, rows)
    if looked.rejected_rows or looked.warned:
        raise typer.Exit(console.REJECTED)


def _fetched(name: str, day: datetime | None, path: Path) -> "tuple[Known, Fetched]":
    """The list of a day in a file of this machine.

    Raises:
        ConfigurationError: there is no such API, or it has days and none was named.
    """
    from ingestion_pipeline.domains import registry
    from ingestion_pipeline.foundation.collecting.asking import open_asker
    from ingestion_pipeline.foundation.collecting.fetching import Fetching
    from ingestion_pipeline.foundation.storage.landing import Landing
    from ingestion_pipeline.foundation.upstreams.client import Patience

    found, faults = registry.known_series(settings().described)
    series = {each.known.name: each for each in found}.get(name)
    if series is None:
        told = "\n".join(map(str, faults)) or f"there are {', '.join(e.known.name for e in found)}"
        raise ConfigurationError(f"there is no API {name}\n{told}")
    api = series.source.api
    if api.window is not None and day is None:
        raise ConfigurationError(f"{name} has days: say which, by --day")
    secrets = secrets_of(() if api.auth is None else api.auth.secrets)
    patience = Patience.configured(settings())
    with open_asker(upgraded(), api, secrets=secrets, patience=patience) as asker:
        file = Landing(path.parent.as_uri()).begin(path.name)
        fetching = Fetching(asker, api, series.known.mapped.read)
        fetched = fetching.fetch(None if day is None else day.date(), file)
        file.keep()
    return series.known, fetched
