"""`ingestion-pipeline intake …`: mappings, and what files would come to by them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ingestion_pipeline.cli import console, looked_at
from ingestion_pipeline.cli.commands import AsJson, intake_loading
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.commerce.contract.flat_exports import propose_shop
from ingestion_pipeline.domains.commerce.contract.shop_columns import looks_like_shop
from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.errors import IngestionError
from ingestion_pipeline.foundation.intake.drafting import Draft, draft_of
from ingestion_pipeline.foundation.intake.looking import look_at
from ingestion_pipeline.foundation.intake.proposing import chosen_for, propose
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.storage.file_kinds import Limits

app = typer.Typer(help="Files of any shape, by a mapping in YAML.", no_args_is_help=True)
app.command()(intake_loading.load)
app.command(name="list")(intake_loading.list_mappings)
app.command()(intake_loading.rekey)

TARGETS: dict[str, Target] = registry.targets()
SHOP = "shop"


@app.command()
def fields(
    target: Annotated[str | None, typer.Argument(help="A type of records; else all.")] = None,
) -> None:
    """List what a mapping may make: types of records, and the fields of each."""
    if target is not None and target not in TARGETS:
        console.fail(f"there is no type {target!r}; there are {', '.join(TARGETS)}")
    for each in TARGETS.values():
        if target in (None, each.name):
            _show_target(each)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="A sample of the source.", dir_okay=False)],
    target: Annotated[
        str | None,
        typer.Option(help="What its rows are: a type, or 'shop', a row for each line of an order "
                          "(customers, products, orders and order_items at once); else by its "
                          "columns."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Of a text that is not UTF-8: what is proposed shows how a word reads."),
    ] = None,
) -> None:  # fmt: skip
    """Propose a mapping for a file: what it makes certain, and what is to be confirmed.

    Prints YAML to be finished by hand: what is likely is marked 'confirm', and what is open, as a
    date that can be read in two ways, is "?", which is refused until it is filled in.
    """
    if target not in (None, SHOP, *TARGETS):
        console.fail(f"there is no type {target!r}; there are {', '.join((SHOP, *TARGETS))}")
    if encoding is not None and not _is_encoding(encoding):
        console.fail(f"there is no encoding {encoding!r}; there are utf-8, cp1252, cp1250, …")
    try:
        draft = draft_of(file, _limits(), encoding)
        if target == SHOP or (target is None and looks_like_shop(draft)):
            typer.echo(propose_shop(draft, file), nl=False)
        else:
            likeliest = TARGETS[target] if target else _likeliest(draft)
            typer.echo(propose(draft, file, likeliest), nl=False)
    except OSError as error:
        console.fail(f"{error.filename}: {error.strerror}")
    except IngestionError as error:
        console.fail(str(error))


def _is_encoding(name: str) -> bool:
    """Whether texts can be read by it; what `codecs` knows beside those is none, as base64."""
    try:
        " ".encode(name)
    except LookupError:
        return False
    return True


def _likeliest(draft: Draft) -> Target:
    """The type of whose fields, the required above all, the most have a column called alike; told
    with how many these are, as it may be another."""

    def share(target: Target) -> tuple[float, int]:
        found, required = of(target)
        return len(required & found) / len(required), len(found)

    def of(target: Target) -> tuple[set[str], set[str]]:
        found = chosen_for(list(draft.columns), target)
        return set(found), {each.name for each in target.fields if each.required}

    likeliest = max(TARGETS.values(), key=share)
    found, required = of(likeliest)
    draft.notes.append(
        f"Its rows are taken for {likeliest.name}, of whose {len(required)} required fields "
        f"{len(found & required)} are called as a column; if they are something else: --target "
        f"{', '.join(each for each in (SHOP, *TARGETS) if each != likeliest.name)}"
    )
    return likeliest


def _limits() -> Limits:
    configuration = settings()
    return Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)


@app.command()
def check(
    mapping: Annotated[Path, typer.Argument(help="The mapping.", dir_okay=False)],
    file: Annotated[Path, typer.Argument(help="A file to read by it.", dir_okay=False)],
    rows: Annotated[
        int, typer.Option(min=0, max=1000, help="Records and refused rows to show.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Read a file by a mapping and say what it would come to; loads nothing.

    Shows what became of every line, columns that nobody reads, refused rows with their reasons, the
    sums by currency beside what the file says of itself and what came of the mapping's checks; of
    each type how many, from when to when, keys that come twice, and the first records. Exits 1
    where the mapping or the file is at fault, and 3 where rows are refused or a check fails.
    """
    try:
        mapped = read_mapping(mapping, mapping.read_text(encoding="utf-8"), TARGETS)
        looked = look_at(mapped, file, most=rows, limits=_limits())
    except UnicodeDecodeError:
        console.fail(f"{mapping} is not UTF-8")
    except OSError as error:
        console.fail(f"{error.filename}: {error.strerror}")
    except IngestionError as error:
        console.fail(str(error))
    if as_json:
        typer.echo(json.dumps(looked_at.document(looked), indent=2))
    else:
        looked_at.show(looked, rows)
    if looked.rejected_rows or looked.warned:
        raise typer.Exit(console.REJECTED)


def _show_target(target: Target) -> None:
    rows = []
    for each in target.fields:
        rule = (
            each.kind if not each.choices or each.kind == "currency" else " or ".join(each.choices)
        )
        bounds = [
            f"{each.decimals} decimals" if each.kind == "decimal" else "",
            f"at least {each.minimum}" if each.minimum is not None else "",
            f"at most {each.maximum_length} characters" if each.maximum_length else "",
        ]
        said = ", ".join([rule, *filter(None, bounds)])
        rows.append([each.name, said, "required" if each.required else ""])
    keyed = f" (or key: [columns], of which {target.key} is made)" if target.keyed else ""
    console.say(f"{target.name}{keyed}")
    if target.sets:
        console.say(f"knows `replace: {' or '.join(target.sets)}`")
    console.show_table("field", "what", "", rows=rows)
