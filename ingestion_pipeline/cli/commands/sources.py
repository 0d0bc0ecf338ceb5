"""`ingestion-pipeline sources …`: sources that files describe."""

import json
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.foundation.environment import secrets_of, settings
from ingestion_pipeline.foundation.errors import ConfigurationError, IngestionError

if TYPE_CHECKING:
    from ingestion_pipeline.foundation.collecting.fetching import Fetched
    from ingestion_pipeline.foundation.described.folder import Described
    from ingestion_pipeline.foundation.http_api.words import HttpApi
    from ingestion_pipeline.foundation.loading.known import Known

app = typer.Typer(help="Sources that files describe (`defs.yaml`).", no_args_is_help=True)


@app.callback()
def sources() -> None:
    """Keep `check` a command of its own; typer would make an only one the group itself."""


@app.command()
def check(as_json: AsJson = False) -> None:
    """Read every file, and say with line and field what is wrong. Exits 1 where one is at fault.

    Asks no upstream. Says of each secret that an API's file names whether it is there: a variable
    in this environment; a stored credential in the database, which is asked only then.
    `dg check yaml` reads only the last file of each type.
    """
    from ingestion_pipeline.components import loading

    loading.logger.disabled = True  # it is told here, and once
    from ingestion_pipeline.definitions import ours

    described = settings().described
    _, faults = loading.load(described, beside=ours())
    named = _secrets(described)
    if as_json:
        found = [
            {"file": str(each.file), "line": each.line, "field": each.field, "rule": each.rule}
            for each in faults
        ]
        secrets = [each.as_dict() for each in named]
        said = {"files": len(described.files), "faults": found, "secrets": secrets}
        typer.echo(json.dumps(said, indent=2))
    elif faults:
        for each in faults:
            typer.echo(str(each))
    else:
        sound = "1 file is" if len(described.files) == 1 else f"{len(described.files)} files are"
        console.say(f"{sound} sound")
    if not as_json:
        for secret in named:
            (console.say if secret.is_there else console.warn)(str(secret))
    if faults:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Named:
    """A secret that the file of an API names.

    Attributes:
        stored_by: the tenant; None: it is a variable of the environment.
        trouble: why a stored one can't be read; empty: nothing is wrong with it.
    """

    source: str
    name: str
    stored_by: str | None
    is_there: bool
    trouble: str = ""

    def __str__(self) -> str:
        if self.stored_by is None:
            return f"{self.source}: {self.name} is {'' if self.is_there else 'not '}set here"
        found = self.trouble or ("is stored" if self.is_there else "is not stored")
        return f"{self.source}: {self.name} of {self.stored_by} {found}"

    def as_dict(self) -> dict[str, Any]:
        """As a document."""
        word = "env" if self.stored_by is None else "stored"
        return {"source": self.source, word: self.name, "is_there": self.is_there}


def _secrets(described: "Described") -> list[_Named]:
    """The secrets that files of APIs name, and whether they are there."""
    from ingestion_pipeline.domains import registry

    found: list[_Named] = []
    for each in registry.known_series(described)[0]:
        api, tenant, name = each.source.api, each.source.tenant, each.known.name
        for secret in () if api.auth is None else api.auth.secrets:
            if secret.is_stored:
                is_there, trouble = _is_stored(tenant, secret.name)
                found.append(_Named(name, secret.name, tenant, is_there, trouble))
            else:
                found.append(
                    _Named(
                        name, secret.name, None, bool(secrets_of([secret.name]).get(secret.name))
                    )
                )
    return found


def _is_stored(tenant: str, name: str) -> tuple[bool, str]:
    """Whether a tenant has a credential that can be read; else what is wrong with it."""
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.foundation.ledger import tenant_credentials, tenants

    try:
        with upgraded().connect() as connection:
            tenant_id = tenants.find(connection, tenant)
            configuration = with_kept_keys(settings())
            known = tenant_credentials.read(connection, configuration, tenant_id, [name])
    except IngestionError as error:
        return False, f"can't be read: {error}"
    return name in known, ""


def _stored(api: "HttpApi") -> bool:
    return api.auth is not None and any(each.is_stored for each in api.auth.secrets)


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
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.domains import registry
    from ingestion_pipeline.foundation.collecting.asking import open_asker
    from ingestion_pipeline.foundation.collecting.credentials import secrets_for
    from ingestion_pipeline.foundation.collecting.fetching import Fetching
    from ingestion_pipeline.foundation.ledger import tenants
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
    engine, configuration = upgraded(), with_kept_keys(settings())
    with engine.connect() as connection:
        tenant_id = tenants.find(connection, series.source.tenant) if _stored(api) else 0
        secrets = secrets_for(connection, configuration, tenant_id, api, secrets_of)
    patience = Patience.configured(configuration)
    with open_asker(engine, api, secrets=secrets, patience=patience) as asker:
        file = Landing(path.parent.as_uri()).begin(path.name)
        fetching = Fetching(asker, api, series.known.mapped.read)
        fetched = fetching.fetch(None if day is None else day.date(), file)
        file.keep()
    return series.known, fetched
