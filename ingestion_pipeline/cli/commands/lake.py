"""`ingestion-pipeline lake …`: the tables for other engines: how they stand, and keeping them."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import WholeNumber
from ingestion_pipeline.foundation.errors import ContractError

if TYPE_CHECKING:
    from ingestion_pipeline.outlets.lake.catalogue import Lake
    from ingestion_pipeline.outlets.lake.tables import LakeTable

app = typer.Typer(help="Every published table in an open format.", no_args_is_help=True)

Tables = Annotated[
    list[str] | None, typer.Argument(metavar="[TABLE]...", help="Of the lake; none named: all.")
]


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the tables of the lake, how far each is, and what waits."""
    from ingestion_pipeline.outlets.lake import status as stands

    engine, lake = upgraded(), _lake()
    found = stands.tables(lake)
    with engine.connect() as connection:
        waiting, refused = stands.waiting(connection), stands.refusals(connection)
    if as_json:
        told = {
            "lake": lake.url,
            "tables": [asdict(each) for each in found],
            "waiting": [asdict(each) for each in waiting],
            "refused": refused,
        }
        typer.echo(json.dumps(told, indent=2))
        return
    if not found:
        console.say(f"there is no table yet in {lake.url}")
    else:
        console.show_table(
            "table", "rows", "bytes", "as of, UTC",
            rows=[
                (
                    f"{each.namespace}/{each.name}", f"{each.rows:,}", f"{each.bytes:,}",
                    (each.as_of or "")[:19].replace("T", " "),
                )
                for each in found
            ],
            title=lake.url,
            whole=("table", "as of, UTC"),
        )  # fmt: skip
    for of in waiting:
        console.say(f"{of.source}: {of.partitions} partitions wait, {of.refused} are refused")
    for reason in refused:
        console.say(f"refused: {reason}")


@app.command(name="sync")
def sync_tables(names: Tables = None) -> None:
    """Write what has changed now, which Dagster does every minute."""
    from ingestion_pipeline.outlets.lake.sync import sync

    chosen, engine, lake = _tables(names), upgraded(), _lake()
    refused = 0
    for table in chosen:
        done = sync(engine, lake, table)
        refused += len(done.refused)
        if done.partitions or done.refused:
            console.say(
                f"{table.name}: {done.rows:,} rows of {done.partitions:,} partitions written"
            )
        for reason in done.refused:
            console.say(f"{table.name}: refused: {reason}")
    if refused:
        raise typer.Exit(console.REJECTED)
    console.say("the lake is up to date")


@app.command(name="verify")
def verify_tables(names: Tables = None) -> None:
    """Compare the lake with the database, partition by partition; exits 3 where they differ."""
    from ingestion_pipeline.outlets.lake.verify import verify

    chosen, engine, lake = _tables(names), upgraded(), _lake()
    differences = 0
    for table in chosen:
        found = verify(engine, lake, table)
        differences += len(found.differences)
        also = "".join(
            f", {len(parts):,} {what}"
            for parts, what in ((found.waiting, "wait"), (found.archived, "archived"))
            if parts
        )
        console.say(
            f"{table.name}: {found.rows:,} rows in {found.partitions:,} partitions are the same"
            + also
        )
        for each in found.differences:
            console.say(f"{table.name}: differs: {each}")
    if differences:
        console.say("`ingestion-pipeline lake rebuild TABLE` has a table written anew")
        raise typer.Exit(console.REJECTED)


@app.command(name="sweep")
def sweep_tables(
    names: Tables = None,
    hours: Annotated[
        int, typer.Option(click_type=WholeNumber(min=0), help="Hours that old snapshots are kept.")
    ] = 24,
) -> None:
    """Expire old snapshots and delete files that none names, which Dagster does every night."""
    from ingestion_pipeline.outlets.lake.sweep import GRACE, sweep

    chosen, engine, lake = _tables(names), upgraded(), _lake()
    faults = 0
    for table in chosen:
        done = sweep(engine, lake, table, keep=timedelta(hours=hours))
        faults += len(done.faults)
        if done.expired or done.files or done.left:
            console.say(
                f"{table.name}: {done.expired:,} snapshots expired, {done.files:,} files of "
                f"{done.bytes:,} bytes deleted, {done.left:,} left for the next time"
            )
        for fault in done.faults:
            console.say(f"{table.name}: not swept: {fault}")
    console.say(
        f"what nobody names is deleted once it is {GRACE.total_seconds() / 3600:g} hours old"
    )
    if faults:
        raise typer.Exit(console.REJECTED)


@app.command()
def rebuild(names: Tables = None) -> None:
    """Have all of some tables written anew, by the next sync; what is there stays until then.

    Where LAKE_URL is another by now they are written there, and left where they were.
    """
    from ingestion_pipeline.outlets.lake import due

    chosen, engine, lake = _tables(names), upgraded(), _lake()
    for table in chosen:
        with engine.begin() as connection:  # first: what is marked only is written once more
            due.mark(connection, table)
        lake.leave(table.name)
    console.say("marked: `ingestion-pipeline lake sync`, or Dagster within a minute, writes them")


@app.command()
def adopt(names: Tables = None) -> None:
    """Take tables that are in the lake and not in the catalogue into it, after a restore.

    Not while another database writes them. They are compared and written anew by the next sync;
    archived months, which they alone have, stay.
    """
    from ingestion_pipeline.outlets.lake import due
    from ingestion_pipeline.outlets.lake.sweep import folders

    chosen, engine, lake = _tables(names), upgraded(), _lake()
    for table in chosen:
        adopted = [each for each in folders(lake) if lake.adopt(each, table.name)]
        if adopted:
            with engine.begin() as connection:
                due.mark(connection, table)
            console.say(f"{table.name}: taken over in {', '.join(sorted(adopted))}")
    console.say("all tables that are there are known")


def _lake() -> "Lake":
    from ingestion_pipeline.foundation.environment import settings
    from ingestion_pipeline.outlets.lake.catalogue import opened

    return opened(settings())


def _tables(names: list[str] | None) -> "list[LakeTable]":
    from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES

    for name in names or ():
        if name not in BY_NAME:
            raise ContractError(f"the lake has no table {name!r}: {', '.join(sorted(BY_NAME))}")
    return [BY_NAME[name] for name in names] if names else list(TABLES)
