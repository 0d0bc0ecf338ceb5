"""`ingestion-pipeline rejected …`: refused rows: see them, put them right, take them once more."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import ID, WholeNumber
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows, uploads
from ingestion_pipeline.foundation.loading.known import DOMAIN as MAPPED
from ingestion_pipeline.foundation.loading.refused import first_of_each, first_rejected, why

app = typer.Typer(
    help="Refused rows: see them, put them right, take them once more.", no_args_is_help=True
)
_MOST_SHOWN = 20


@app.command(name="list")
def list_uploads(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant only.")] = None,
    limit: Annotated[int, typer.Option(click_type=WholeNumber(min=1, max=10_000))] = 50,
    as_json: AsJson = False,
) -> None:
    """List uploads with refused rows that were not replayed, the newest first."""
    r, u = rejected_rows.c, uploads.c
    statement = (
        sa.select(
            u.upload_id, tenants.c.name.label("tenant"), u.domain, u.type, u.file_name, u.rejected,
            sa.func.count().label("to_replay"),
        )
        .join_from(rejected_rows, uploads, u.upload_id == r.upload_id)
        .join(tenants, tenants.c.tenant_id == u.tenant_id)
        .where(r.replayed_by.is_(None))
        .group_by(u.upload_id, tenants.c.name)
        .order_by(u.upload_id.desc())
        .limit(limit)
    )  # fmt: skip
    if tenant is not None:
        statement = statement.where(tenants.c.name == tenant)
    with upgraded().connect() as connection:
        found = [dict(row) for row in connection.execute(statement).mappings()]
        firsts = first_of_each(connection, [row["upload_id"] for row in found])
    found = [row | _more(row, firsts[row["upload_id"]]) for row in found]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for row in found:
        console.say(
            f"{row['upload_id']:>6}  {row['tenant']:<16} {row['file_name']}: "
            f"{row['rejected']:,} rejected, {row['to_replay']:,} kept and not replayed"
        )
        console.say(f"        {row['first']}")
        if row["next"]:
            console.say(f"        {row['next']}")


def _more(row: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """Why the first of its rows was refused, and what to do about all of them."""
    todo = _next(row["domain"], row["upload_id"], row["type"])
    return {"first": f"line {first['line']}: {why(first['reasons'])}", "next": todo}


def _next(domain: str, upload_id: int, type_: str) -> str:
    """What to do; nothing, where a domain's own runs see to it."""
    match domain:
        case "commerce":
            return f"rejected export {upload_id} FILE, correct it, rejected replay FILE"
        case "intake":
            return (
                f"correct the file and send it again (intake load {type_} FILE); where the mapping "
                f"was wrong: intake load --again {upload_id}"
            )
    return ""


@app.command()
def export(
    upload_id: Annotated[
        int,
        typer.Argument(click_type=ID, help="Number of the upload."),
    ],
    file: Annotated[Path, typer.Argument(help="NDJSON file to write.", dir_okay=False)],
) -> None:
    """Write the refused rows of an upload into a file, to be corrected: a line a row.

    Correct `row` in each line, an object of the fields; leave the other keys as they are. Rows of a
    mapped file are the file's: the first are shown, they are corrected there, and the file is sent
    again.
    """
    from ingestion_pipeline.domains.commerce.merge import replay as replaying

    # Beside it first: who is refused, or has nothing to write, leaves what was there.
    part = file.with_name(f"{file.name}.part")
    try:
        with upgraded().connect() as connection, part.open("wb") as opened:
            _show_mapped(connection, upload_id)
            number = replaying.export(connection, upload_id, opened)
        if not number:
            console.fail(f"upload {upload_id} has no refused rows that were not replayed")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    console.say(f"{number:,} rows of upload {upload_id} are in {file}")


def _show_mapped(connection: sa.Connection, upload_id: int) -> None:
    """The first refused rows of a mapped file, which has to be corrected itself."""
    c = uploads.c
    mapped = sa.select(sa.exists().where(c.upload_id == upload_id, c.domain == MAPPED))
    if connection.scalar(mapped):
        for row in first_rejected(connection, [upload_id], most=_MOST_SHOWN):
            console.warn(f"line {row['line']}: {why(row['reasons'])}")


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(help="As `rejected export` wrote it.", exists=True, dir_okay=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Load the corrected rows of a file, each once however often this is called.

    They count as the latest of their tenant. Exits 3 when some are still wrong.
    """
    from ingestion_pipeline.domains.commerce.land.stage import Bounds
    from ingestion_pipeline.domains.commerce.merge import replay as replaying
    from ingestion_pipeline.foundation.environment import settings

    outcome = replaying.replay(upgraded(), file, bounds=Bounds.configured(settings()))
    if as_json:
        typer.echo(json.dumps(asdict(outcome), indent=2))
    else:
        _show(asdict(outcome))
    if outcome.refused:
        raise typer.Exit(3)


def _show(outcome: dict[str, Any]) -> None:
    refused = outcome["refused"]
    console.say(
        f"{outcome['taken']:,} rows taken, {outcome['known']:,} known already, "
        f"{len(refused):,} still wrong"
    )
    for row in refused[:_MOST_SHOWN]:
        reasons = "; ".join(f"{each['field']}: {each['rule']}" for each in row["reasons"])
        console.warn(f"upload {row['upload_id']} line {row['line_number']}: {reasons}")
