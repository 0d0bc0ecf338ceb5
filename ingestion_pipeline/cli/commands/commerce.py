"""Commerce in a shell: load files, make sample files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, require_http, upgraded
from ingestion_pipeline.cli.commands.numbers import Number, WholeNumber
from ingestion_pipeline.cli.console import REJECTED
from ingestion_pipeline.foundation.environment import settings

if TYPE_CHECKING:
    from ingestion_pipeline.domains.commerce.contract.entities import Entity
    from ingestion_pipeline.domains.commerce.merge.folder import IngestResult


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
    from ingestion_pipeline.domains.commerce.land.stage import Bounds
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
        engine, bounds = upgraded(), Bounds.configured(settings())
        work = commerce.dry_run if dry_run else commerce.merge_folder
        with console.file_progress([path for path, _ in files], hidden=as_json) as bytes_read:
            result = work(
                engine, files, tenant=tenant or "default", bounds=bounds, bytes_read=bytes_read
            )
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
