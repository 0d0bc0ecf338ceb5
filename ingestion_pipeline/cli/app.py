"""`ingestion-pipeline`: the whole project from a shell.

Exit codes: 0 all well; 1 it failed, and the message says why; 2 the command line is wrong;
3 it worked, but lines were rejected (`ingest --strict`) or the demo found something amiss.
"""

import json
import sys
from dataclasses import replace
from typing import Annotated

import pydantic
import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import (
    AsJson,
    alert_rules,
    book_sales,
    buildings,
    bulk,
    commerce,
    database,
    findings,
    intake,
    jobs,
    kpis,
    lake,
    rejected,
    sources,
    tables,
    tenants,
)
from ingestion_pipeline.cli.commands.numbers import WholeNumber
from ingestion_pipeline.cli.console import REJECTED
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.settings import Settings

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
app.add_typer(sources.app, name="sources")
app.add_typer(intake.app, name="intake")
app.add_typer(findings.app, name="findings")
app.add_typer(lake.app, name="lake")
app.command()(book_sales.import_report)
app.command()(book_sales.sample_reports)
app.command()(book_sales.credential_key)
app.command()(book_sales.ping_url)
app.command()(bulk.bulk)
app.command()(commerce.ingest)
app.command(name="sample-data")(commerce.sample_data)
app.command()(buildings.collect)
app.command()(tables.tables)


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
    from ingestion_pipeline.cli.local.pages import with_pages_login
    from ingestion_pipeline.cli.local.secrets import with_kept_keys
    from ingestion_pipeline.domains import registry
    from ingestion_pipeline.gateway.server import serve
    from ingestion_pipeline.outlets.dashboards.routes import router as pages

    serve(
        with_pages_login(with_kept_keys(settings())), routers=(*registry.routers(), pages),
        questions=registry.questions(), mappings=registry.mappings(settings()),
    )  # fmt: skip


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
