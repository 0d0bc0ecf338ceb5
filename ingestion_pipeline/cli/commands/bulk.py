"""`ingestion-pipeline bulk`: uploads of commerce files with the flags of the replaced service."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import ConfigurationError

_ID_OF_REPLACED = re.compile(r"[0-9]+|[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")


def bulk(
    data_dir: Annotated[
        Path,
        typer.Option("--data-dir", help="As of `ingest`.", exists=True, file_okay=False),
    ],
    api_url: Annotated[str, typer.Option("--api-url", help="Of the gateway.")],
    tenant_id: Annotated[
        str | None,
        typer.Option(
            "--tenant-id", help="Whose data it is; refused where the API key is of another tenant. "
            "An id of the replaced service (a UUID, a number) is none of ours: the key decides.",
        ),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option("--api-key", help="Of the tenant; else API_KEY is used.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent; send nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Upload commerce files through a gateway and follow their jobs: `ingest --api-url`."""
    from ingestion_pipeline.cli.commands import require_http
    from ingestion_pipeline.cli.commands.commerce import ingest
    from ingestion_pipeline.domains.commerce.merge.folder import data_files

    require_http(api_url)
    if not dry_run:
        key = api_key or _key_of_settings()
        if tenant_id is not None:
            _require_tenant(tenant_id, api_url=api_url, api_key=key)
        ingest(data_dir=data_dir, api_url=api_url, api_key=key, as_json=as_json)
        return
    files, others = data_files(data_dir)
    for reason in others:
        console.warn(f"passed over: {reason}")
    if not files:
        console.fail(f"no data files in {data_dir}")
    found = [
        {"file": path.name, "type": entity.name, "bytes": path.stat().st_size}
        for path, entity in files
    ]
    if as_json:
        typer.echo(json.dumps({"dry_run": True, "files": found}, indent=2))
        return
    for each in found:
        console.say(f"would send {each['file']} ({each['type']}, {each['bytes']} bytes)")


def _key_of_settings() -> str:
    key = settings().api_key
    if key is None:
        raise typer.BadParameter("--api-url needs --api-key, or the variable API_KEY")
    return key.get_secret_value()


def _require_tenant(named: str, *, api_url: str, api_key: str) -> None:
    """Refuse another tenant's key before anything is sent: its rows would be that tenant's.

    Raises:
        ConfigurationError: the key is refused, or is of another tenant than is named.
        TransientError: the gateway can't be reached.
    """
    from ingestion_pipeline.cli.uploading.client import UploadClient

    with UploadClient(api_url, api_key=api_key, connections=1, say=console.warn) as client:
        tenant = client.tenant()
    if named == tenant:
        return
    if not _ID_OF_REPLACED.fullmatch(named):
        raise ConfigurationError(
            f"--tenant-id: {named[:80]!r} is not whose key this is ({tenant!r}); nothing was sent"
        )
    console.warn(f"--tenant-id is not used: the API key says that it is the data of {tenant!r}")
