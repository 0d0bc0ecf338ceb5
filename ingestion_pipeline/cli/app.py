"""`ingestion-pipeline`: the whole project from a shell.

Exit codes: 0 all well; 1 it failed, and the message says why; 2 the command line is wrong;
3 it worked, but lines were rejected (`ingest --strict`) or the demo found something amiss.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pydantic
import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import (
    AsJson,
    alert_rules,
    book_sales,
    bulk,
    database,
    jobs,
    kpis,
    rejected,
    tenants,
    upgraded,
)
from ingestion_pipeline.cli.commands.numbers import Day, Number, WholeNumber
from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.settings import Settings, settings

if TYPE_CHECKING:
    from ingestion_pipeline.domains.commerce.contract.entities import Entity
    from ingestion_pipeline.domains.commerce.merge.folder import IngestResult

app = typer.Typer(
    help="Bring orders, telemetry, KPIs, market data and book sales into one PostgreSQL database.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals may hold credentials
)
app.add_typer(database.app, name="db")
app.add_typer(tenants.app, name="tenants")
app.add_typer(jobs.app, name="jobs")
app.add_typer(rejected.app, name="rejected")
app.add_typer(alert_rules.app, name="alert-rules")
app.add_typer(book_sales.app, name="book-sales")
app.add_typer(kpis.app, name="kpis")
app.command()(book_sales.import_report)
app.command()(book_sales.sample_reports)
app.command()(book_sales.credential_key)
app.command()(book_sales.ping_url)
app.command()(bulk.bulk)

REJECTED = 3


@app.command()
def up(
    sample: Annotated[
        bool, typer.Option(help="Load sample data when the database is empty.")
    ] = True,
) -> None:
    """Start everything: the embedded database, the HTTP gateway, Dagster's daemon and UI.

    Ctrl-C stops all of it.
    """
    from ingestion_pipeline.cli.local.up import serve

    serve(settings(), sample=sample)


@app.command()
def gateway() -> None:
    """Serve the HTTP gateway until Ctrl-C; what was accepted by then is answered.

    `up` starts one too. Its API is described under /docs.
    """
    from ingestion_pipeline.gateway.server import serve

    serve(settings())


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Materialize every asset from sample data, show rows and checks, and exit.

    Works in a database of its own and leaves yours alone. Exits 3 unless all is well.
    """
    from ingestion_pipeline.cli.local.demo import run

    result = run()
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    else:
        console.show_demo(result)
    if not result.all_well:
        raise typer.Exit(REJECTED)


@app.command()
def ingest(
    data_dir: Annotated[
        Path,
        typer.Option(
            "--data-dir", help="Folder of files customers_*, products_*, orders_*, order_items_*: "
            ".ndjson, .jsonl, .json or .csv, plain, .gz or .zst.", exists=True, file_okay=False,
        ),
    ],
    tenant: Annotated[
        str | None, typer.Option(help="Whose data it is; made if new.", show_default="default")
    ] = None,
    api_url: Annotated[
        str | None,
        typer.Option(
            "--api-url", help="Upload through the gateway at this URL and follow the jobs; "
            "Dagster has to be running there.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", help="Of the tenant, for --api-url; else API_KEY is used."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when any line was rejected.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Load commerce files straight into the database, or through the gateway with --api-url.

    Files may come in any order: a row whose parent is missing waits for it. Loading a file again
    changes nothing. An upload that was interrupted goes on when it is started again.
    """
    from ingestion_pipeline.domains.commerce.merge import folder as commerce

    _require_sense(tenant=tenant, api_url=api_url, api_key=api_key, dry_run=dry_run)
    files, others = commerce.data_files(data_dir)
    for reason in others:
        console.warn(f"passed over: {reason}")
    if not files:
        console.fail(f"no data files in {data_dir}")
    if api_url is not None:
        result = _upload(files, api_url=api_url, api_key=api_key, hidden=as_json)
    else:
        engine = upgraded()
        work = commerce.dry_run if dry_run else commerce.ingest
        with console.file_progress([path for path, _ in files], hidden=as_json) as bytes_read:
            result = work(engine, files, tenant=tenant or "default", bytes_read=bytes_read)
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    else:
        console.show_ingest(result, dry_run=dry_run)
    if any(file.error for file in result.files):
        raise typer.Exit(1)
    if strict and result.totals.rejected:
        raise typer.Exit(REJECTED)


def _require_sense(
    *, tenant: str | None, api_url: str | None, api_key: str | None, dry_run: bool
) -> None:
    """Refuse options that contradict each other."""
    if api_url is None:
        if api_key is not None:
            raise typer.BadParameter("--api-key goes with --api-url")
        return
    if dry_run:
        raise typer.BadParameter("--dry-run works on the database, not with --api-url")
    if tenant is not None:
        raise typer.BadParameter("--tenant: with --api-url the API key says whose data it is")
    if api_key is None and settings().api_key is None:
        raise typer.BadParameter("--api-url needs --api-key, or the variable API_KEY")
    require_http(api_url)


def require_http(api_url: str) -> None:
    """Refuse what is no URL of a gateway."""
    if not re.fullmatch(r"https?://[^/\s]\S*", api_url):
        raise typer.BadParameter(f"--api-url must be http://… or https://…, got {api_url!r}")


def _upload(
    files: "Sequence[tuple[Path, Entity]]", *, api_url: str, api_key: str | None, hidden: bool
) -> "IngestResult":
    from ingestion_pipeline.cli.uploading.client import UploadClient
    from ingestion_pipeline.cli.uploading.sending import CONNECTIONS
    from ingestion_pipeline.cli.uploading.upload import upload

    configured = settings().api_key
    key = api_key or (configured.get_secret_value() if configured else "")
    paths = [path for path, _ in files]
    with (
        console.UploadProgress(paths, hidden=hidden) as progress,
        UploadClient(api_url, api_key=key, connections=CONNECTIONS, say=progress.say) as client,
    ):
        return upload(client, files, home=settings().home, progress=progress)


@app.command()
def collect(
    site: Annotated[str, typer.Option(help="Name of the site at ACE IoT.")],
    day: Annotated[datetime, typer.Option(click_type=Day(), help="UTC day.")],
    as_json: AsJson = False,
) -> None:
    """Collect a day of a site from ACE IoT: its samples, and the weather beside them.

    Doing it again changes only what has changed at the source. What was interrupted goes on where
    it stopped. Exits 1 where samples or weather could not be collected, which leaves the other, or
    no record could be used.
    """
    from ingestion_pipeline.domains.buildings.merge.checkpoint import Checkpoints
    from ingestion_pipeline.domains.buildings.merge.day import Options, attempt_day
    from ingestion_pipeline.domains.buildings.sources.ace_iot.api import open_source

    engine, configuration = upgraded(), settings()
    with (
        open_source(engine, configuration) as source,
        console.window_progress(f"{site} {day:%Y-%m-%d}", hidden=as_json) as progressed,
    ):
        attempt = attempt_day(
            engine, source, site, day.date(), options=Options.configured(configuration),
            checkpoints=Checkpoints.configured(engine, configuration), on_progress=progressed,
        )  # fmt: skip
    result = attempt.result
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    elif "samples" not in attempt.errors:
        console.show_collected(result)
    for half, error in attempt.errors.items():
        console.complain(f"{half}: {error}")
    if result.fault is not None:
        console.complain(result.fault)
    if attempt.errors or result.fault is not None:
        raise typer.Exit(1)


@app.command(name="sample-data")
def sample_data(
    folder: Annotated[Path, typer.Argument(help="Where to write the four files.")],
    customers: Annotated[int, typer.Option(click_type=WholeNumber(min=0))] = 1_000,
    products: Annotated[int, typer.Option(click_type=WholeNumber(min=0))] = 250,
    orders: Annotated[int, typer.Option(click_type=WholeNumber(min=0))] = 2_500,
    order_items: Annotated[int, typer.Option(click_type=WholeNumber(min=0))] = 5_000,
    bad_share: Annotated[
        float,
        typer.Option(
            click_type=Number(min=0, max=1), help="Share of lines to damage, in every way there is."
        ),
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(click_type=WholeNumber(), help="The same seed gives the same bytes.")
    ] = 1,
) -> None:
    """Write commerce files of any size, the same bytes for the same arguments."""
    from ingestion_pipeline.domains.commerce.sample import write_sample_data

    written = write_sample_data(
        folder, customers=customers, products=products, orders=orders, order_items=order_items,
        bad_share=bad_share, seed=seed,
    )  # fmt: skip
    console.show_sample_data(folder, written)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(click_type=WholeNumber(min=1, max=65535))] = 8100,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[
        int, typer.Option(click_type=WholeNumber(), help="The same seed gives the same data.")
    ] = 1,
    points: Annotated[
        int, typer.Option(click_type=WholeNumber(min=1), help="Points of every site.")
    ] = 50,
    interval_seconds: Annotated[
        int,
        typer.Option(click_type=WholeNumber(min=1), help="From one sample of a point to the next."),
    ] = 60,
    site: Annotated[
        list[str] | None,
        typer.Option(help="A site that is there; may be repeated.", show_default="demo-site-1 … 3"),
    ] = None,
    key: Annotated[str, typer.Option(help="The API key that is accepted.")] = "sandbox-key",
    keep_pages: Annotated[
        int,
        typer.Option(
            click_type=WholeNumber(min=0),
            help="Pages kept in memory for those who read them again.",
        ),
    ] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME=ARGUMENT, switched on from the start; may be repeated."),
    ] = None,
) -> None:
    """Serve stand-ins of upstream APIs with made-up data, until Ctrl-C.

    ACE IoT is under /ace/live/api and /ace/documented/api, FRED under /fred; /faults makes them
    fail.
    """
    from ingestion_pipeline.foundation.sandbox.ace_iot.data import AceData
    from ingestion_pipeline.foundation.sandbox.faults import Faults
    from ingestion_pipeline.foundation.sandbox.server import serve

    faults = Faults()
    for text in fault or []:
        name, _, argument = text.partition("=")
        faults.switch_on(name, argument=argument or None)
    data = AceData(seed=seed, points_per_site=points, interval_seconds=interval_seconds)
    if site:
        data = replace(data, sites=tuple(site))
    console.say(f"sandbox at http://{host}:{port}, ACE IoT under /ace/live/api; Ctrl-C stops it")
    serve(data, host=host, port=port, key=key, faults=faults, keep_pages=keep_pages)


def main() -> None:
    """Run the command line; failures that we know by name are one line, not a traceback."""
    try:
        app()
    except IngestionError as error:
        console.complain(str(error))
        sys.exit(1)
    except pydantic.ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for fault in error.errors():
            variable = str(fault["loc"][0]).upper()
            console.complain(f"{variable}: {fault['msg'].removeprefix('Value error, ')}")
        sys.exit(1)
    except sa.exc.OperationalError as error:
        console.complain(f"the database does not answer: {error.orig}")
        sys.exit(1)
