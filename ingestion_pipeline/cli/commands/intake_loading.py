"""`ingestion-pipeline intake load`, `list`, `rekey`: files into the database by a mapping."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from ingestion_pipeline.cli import console
from ingestion_pipeline.cli.commands import AsJson, upgraded
from ingestion_pipeline.cli.commands.numbers import BIGGEST_ID, WholeNumber
from ingestion_pipeline.domains import registry
from ingestion_pipeline.foundation.described.mappings import shipped
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.intake.looking import look_at
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.loading import keys
from ingestion_pipeline.foundation.loading.directly import Direct, load_again, load_file
from ingestion_pipeline.foundation.loading.known import DOMAIN, Known
from ingestion_pipeline.foundation.loading.overview import overview
from ingestion_pipeline.foundation.loading.progress import upload_document
from ingestion_pipeline.foundation.loading.refused import why
from ingestion_pipeline.foundation.storage.file_kinds import Limits

_SHOWN = 5  # refused rows of a file
_MAPPING = "SOURCE/MAPPING of a described one, the name of a shipped one, or a file."
Mapping = Annotated[str, typer.Argument(help=_MAPPING)]
Tenant = Annotated[str, typer.Option(help="Whose files they are; made if new.")]


def load(
    mapping: Annotated[str | None, typer.Argument(help=_MAPPING)] = None,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to load.", exists=True, dir_okay=False)
    ] = None,
    tenant: Tenant = "default",
    source: Annotated[
        str | None,
        typer.Option(help="Whose ids these are, where it is another than the mapping says."),
    ] = None,
    again: Annotated[
        int | None,
        typer.Option(
            click_type=WholeNumber(min=1, max=BIGGEST_ID),
            help="Read a loaded file once more, by what the mapping says today: its upload.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 3 when any row was rejected.")
    ] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Load files of any shape by a mapping, straight into the database.

    Loading a file again changes nothing. `intake check` shows more of what a file would come to.
    """
    try:
        if again is not None:
            documents = [_again(mapping, files, again, source)]
        elif mapping is None or not files:
            raise typer.BadParameter("a mapping and files are needed, or --again UPLOAD")
        else:
            known = registry.mapping_of(settings(), mapping, source=source)
            work = _would_come if dry_run else _load
            documents = work(known, files, tenant)
    except IngestionError as error:
        console.fail(str(error))
    if as_json:
        typer.echo(json.dumps({"files": documents}, indent=2))
    else:
        _show(documents)
    if any(each["error"] for each in documents):
        raise typer.Exit(1)
    if strict and any(each["rejected"] for each in documents):
        raise typer.Exit(console.REJECTED)


def _load(known: Known, files: list[Path], tenant: str) -> list[dict[str, Any]]:
    engine, documents = upgraded(), []
    with engine.begin() as connection:
        tenant_id = tenants.ensure(connection, tenant)
    for path in files:
        try:
            direct = load_file(
                engine, settings(), known, path, tenant_id=tenant_id, tenant=tenant
            )  # fmt: skip
        except (OSError, IngestionError) as error:
            documents.append(_document(path.name, "failed", error=str(error)))
        else:
            documents.append(_came(engine, direct))
    return documents


def _again(
    mapping: str | None, files: list[Path] | None, upload_id: int, source: str | None
) -> dict[str, Any]:
    if files:
        raise typer.BadParameter("--again reads what was loaded: no files beside it")
    engine, c = upgraded(), uploads.c
    query = sa.select(c.type).where(c.upload_id == upload_id, c.domain == DOMAIN)
    with engine.connect() as connection:
        name = connection.scalar(query)
    if name is None:
        console.fail(f"there is no upload {upload_id} of a mapping")
    known = registry.mapping_of(settings(), mapping or name, source=source)
    if known.name != name:
        console.fail(f"upload {upload_id} is of {name}, and not of {known.name}")
    return _came(engine, load_again(engine, settings(), known, upload_id), before=upload_id)


def _came(engine: sa.Engine, direct: Direct, *, before: int | None = None) -> dict[str, Any]:
    """What became of a file; beside the hash of its mapping that of an earlier reading."""
    ids = [each for each in (direct.recorded.upload_id, before) if each is not None]
    c = uploads.c
    with engine.connect() as connection:
        owners = connection.execute(sa.select(c.upload_id, c.tenant_id).where(c.upload_id.in_(ids)))
        told = {each: upload_document(connection, owner, each) or {} for each, owner in owners}
    mine = told[direct.recorded.upload_id]
    counts, waits = mine["counts"], direct.status == "known" and mine["state"] == "recorded"
    return _document(
        # Another works at it, or did and was killed: its time is not over yet (JOB_LEASE).
        direct.name, "waiting" if waits else direct.status, error=direct.error,
        upload_id=direct.recorded.upload_id,
        lines=counts["lines"], used=counts["used"], rejected=counts["rejected"],
        made=mine["made"] or {}, became=mine["became"] or {}, warned=mine["warned"] or 0,
        mapping_sha256=mine["mapping_sha256"], first_rejected=mine["first_rejected"],
        **({"mapping_sha256_before": told[before]["mapping_sha256"]} if before else {}),
    )  # fmt: skip


def _would_come(known: Known, files: list[Path], tenant: str) -> list[dict[str, Any]]:  # noqa: ARG001
    configuration = settings()
    limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)
    documents = []
    for path in files:
        try:
            looked = look_at(known.mapped, path, most=0, limits=limits)
        except (OSError, IngestionError) as error:
            documents.append(_document(path.name, "would fail", error=str(error)))
            continue
        counts = looked.counts
        documents.append(
            _document(
                path.name, "would be loaded", lines=counts.lines, used=counts.used,
                rejected=counts.rejected, made=dict(counts.made), warned=looked.warned,
            )
        )  # fmt: skip
    return documents


def _document(name: str, status: str, *, error: str | None = None, **said: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "lines": 0, "used": 0, "rejected": 0, "made": {}, "became": {}, "warned": 0,
    }  # fmt: skip
    return {"file": name, "status": status, **empty, **said, "error": error}


def _show(documents: list[dict[str, Any]]) -> None:
    rows = [
        [
            each["file"], each["status"], f"{each['lines']:,}", f"{each['used']:,}",
            f"{each['rejected']:,}",
            "\n".join(f"{label} {number:,}" for label, number in each["made"].items()),
        ]
        for each in documents
    ]  # fmt: skip
    console.show_table("file", "", "lines", "used", "rejected", "made", rows=rows)
    for each in documents:
        for name, fates in each["became"].items():
            told = ", ".join(f"{number:,} {fate}" for fate, number in fates.items() if number)
            console.say(f"{each['file']}: {name}: {told or 'nothing changed'}")
        for row in each.get("first_rejected", ())[:_SHOWN]:
            console.warn(f"{each['file']}: line {row['line']}: {why(row['reasons'])}")
        if each["rejected"] > _SHOWN:
            console.warn(f"{each['file']}: and {each['rejected'] - _SHOWN:,} more")
        if each["error"]:
            console.complain(f"{each['file']}: {each['error']}")
        if each["warned"]:
            console.warn(f"{each['file']}: {each['warned']} checks of the mapping failed")
        if "mapping_sha256_before" in each:
            before, now = (
                each[name][:12] if each[name] else "not noted"
                for name in ("mapping_sha256_before", "mapping_sha256")
            )
            console.say(f"the mapping was {before}, and is {now}")


def list_mappings(as_json: AsJson = False) -> None:
    """List the mappings that are known, what they make, and what has come for each."""
    described, faults = registry.described_knowns(settings().described)
    with upgraded().connect() as connection:
        came = overview(connection)
    rows: list[dict[str, Any]] = []
    for file, known in described:
        said = came.pop(known.name, None)
        tenants_ = known.tenants
        rows.append({
            "mapping": known.name, "from": str(file),
            "makes": known.targets, "tenants": list(tenants_) if tenants_ else None,
            **_figures(asdict(said) if said else {}),
        })  # fmt: skip
    for name, said in came.items():
        rows.append({"mapping": name, "from": None, "makes": [], "tenants": None,
                     **_figures(asdict(said))})  # fmt: skip
    ours = sorted(shipped())
    if as_json:
        told = [str(each) for each in faults]
        typer.echo(json.dumps({"mappings": rows, "shipped": ours, "faults": told}, indent=2))
        return
    console.show_table(
        "mapping", "makes", "files", "used", "rejected", "last",
        rows=[
            [row["mapping"], "\n".join(row["makes"]) or "(not described any more)", _files(row),
             f"{row['used']:,}", f"{row['rejected']:,}", (row["last"] or "-")[:10]]
            for row in rows
        ],
        whole=("mapping", "files", "used", "rejected", "last"),
    )  # fmt: skip
    console.say(f"shipped, for `mapping:` of a source or `intake load`: {', '.join(ours)}")
    for fault in faults:
        console.complain(str(fault))


def _files(row: dict[str, Any]) -> str:
    """How many files, and under it what is out of the ordinary, so that 80 columns hold a row."""
    others = [f"{row[name]:,} {name}" for name in ("waiting", "failed") if row[name]]
    return "\n".join([f"{row['files']:,}", *others])


def _figures(said: dict[str, Any]) -> dict[str, Any]:
    names = ("files", "waiting", "failed", "used", "rejected")
    last = said.get("last")
    return {**{name: said.get(name, 0) for name in names}, "last": last and last.isoformat()}


def rekey(
    mapping: Mapping,
    tenant: Annotated[str, typer.Option(help="Whose records get other ids.")],
    source: Annotated[str | None, typer.Option(help="As of `load`.")] = None,
) -> None:
    """Say that a mapping means to make other ids than it did.

    What is loaded keeps its ids: records that come again under others are there twice, unless what
    is there is removed first.
    """
    try:
        known = registry.mapping_of(settings(), mapping, source=source)
        with upgraded().begin() as connection:
            changed = keys.rekey(connection, tenants.find(connection, tenant), known.mapped)
    except IngestionError as error:
        console.fail(str(error))
    said = "makes other ids from now on" if changed else "makes the ids that it made before"
    console.say(f"{known.name} {said} of {tenant}")
