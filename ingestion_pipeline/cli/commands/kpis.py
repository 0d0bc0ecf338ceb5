"""`ingestion-pipeline kpis …`: the history of KPIs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.foundation.environment import settings

app = typer.Typer(help="KPIs: bring their history in.", no_args_is_help=True)

REFUSED = 3


@app.command(name="import")
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True, dir_okay=False, help="NDJSON, CSV, a JSON array, or a dump of the "
            "original's key-value store; plain, gzip or zstd.",
        ),
    ],
    tenant: Annotated[str, typer.Option(help="Whose history it is; made if new.")] = "default",
    kpi: Annotated[
        str | None, typer.Option(help="Of readings that name none (CSV of timestamp and value).")
    ] = None,
    kpi_type: Annotated[
        str | None, typer.Option("--type", help="kpiType of readings that name none.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when any reading was refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Import the history of KPIs straight into the database.

    Importing a file again changes nothing; what was interrupted goes on when it is started again.
    Exits 1 when a file could not be read to its end. Dagster publishes what was imported.
    """
    from ingestion_pipeline.domains.kpis.contract.readings import is_kpi_id
    from ingestion_pipeline.domains.kpis.merge.history import Naming, merge_files
    from ingestion_pipeline.foundation.storage.file_kinds import Limits

    if kpi is not None and not is_kpi_id(kpi):
        raise typer.BadParameter("--kpi: must be 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'")
    engine, configuration = upgraded(), settings()
    with console.file_progress(files, hidden=as_json) as bytes_read:
        result = merge_files(
            engine, files, tenant=tenant, naming=Naming(kpi, kpi_type), dry_run=dry_run,
            bytes_read=bytes_read, job_timeout=configuration.kpi_job_timeout,
            limits=Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(result.as_dict(), indent=2))
    else:
        console.show_kpi_import(result, dry_run=dry_run)
    if any(file.error for file in result.files):
        raise typer.Exit(1)
    if strict and result.totals.refused:
        raise typer.Exit(REFUSED)
