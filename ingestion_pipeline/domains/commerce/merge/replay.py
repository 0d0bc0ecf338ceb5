"""Refused rows, put right by hand and taken once more: each exactly once.

    rejected_rows ──export──▶ NDJSON, a line a row ──corrected──▶ replay ──▶ staging → finals

What is still wrong is said, and stays where it was. What is right is a new upload of its own, the
latest of its tenant, and says so where it was refused: `replayed_by` is written in the transaction
that stages the rows, so that replaying the same file again, or after a kill, takes nothing twice.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land.rows import RowParser
from ingestion_pipeline.domains.commerce.land.stage import Bounds, land_file
from ingestion_pipeline.domains.commerce.merge.claimed import merge_claimed
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table

_BATCH = 5_000
_OF_A_FILE = (
    "upload {}: its rows are those of a mapped file: correct the file and send it again "
    "(intake load NAME FILE)"
)
_r, _u = rejected_rows.c, uploads_table.c
_columns = (_r.upload_id, _r.line_number, _r.tenant_id, _u.type)


Key = tuple[int, int]  # upload and line


class Entry(msgspec.Struct, frozen=True):
    """A line of an exported file; only `row` is meant to be changed.

    Attributes:
        row: the row as a JSON object; where it was none, the text of the line.
        reasons: why it was refused, for whoever corrects it.
    """

    upload_id: int
    line_number: int
    row: msgspec.Raw
    file_name: str = ""
    reasons: list[Any] = msgspec.field(default_factory=list)


@dataclass
class Replayed:
    """What became of a file of corrected rows.

    Attributes:
        taken: rows that are loaded now.
        known: rows that had been replayed before, or were never refused.
        refused: rows that are still wrong: upload, line and reasons.
        upload_ids: the uploads that took them.
    """

    taken: int = 0
    known: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    upload_ids: list[int] = field(default_factory=list)


def export(connection: sa.Connection, upload_id: int, file: IO[bytes]) -> int:
    """Write the refused rows of an upload that were not replayed yet; returns how many.

    Raises:
        ContractError: there is no such upload, or it is not of commerce; nothing is written.
    """
    domain = connection.scalar(sa.select(_u.domain).where(_u.upload_id == upload_id))
    if domain == uploads.MAPPED:
        raise ContractError(_OF_A_FILE.format(upload_id))
    if domain != DOMAIN:
        raise ContractError(f"upload: {upload_id} is none of commerce")
    statement = (
        sa.select(_r.upload_id, _r.line_number, _r.raw, _r.file_name, _r.reasons)
        .where(_r.upload_id == upload_id, _r.replayed_by.is_(None))
        .order_by(_r.line_number)
    )
    number = 0
    for row in connection.execution_options(yield_per=1000).execute(statement):
        entry = Entry(row.upload_id, row.line_number, _shown(row.raw), row.file_name, row.reasons)
        file.write(msgspec.json.encode(entry) + b"\n")
        number += 1
    return number


def replay(engine: sa.Engine, path: Path, *, bounds: Bounds) -> Replayed:
    """Load the rows of an exported file that are right now.

    Raises:
        ContractError: a line is none of an exported file (those before it may be loaded), or there
            is none.
    """
    outcome, number = Replayed(), 0
    with path.open("rb") as file:
        entries = _entries(file)
        while batch := list(islice(entries, _BATCH)):
            number += len(batch)
            with engine.begin() as connection:
                _take(connection, batch, path.absolute().as_uri(), outcome, bounds)
    if not number:
        raise ContractError(f"{path.name} is empty: it has no row of `rejected export`")
    for entity in ENTITIES.values():
        merge_claimed(engine, entity)
    return outcome


def _shown(raw: str) -> msgspec.Raw:
    text = raw.encode()
    try:
        is_object = isinstance(msgspec.json.decode(text), dict) and b"\n" not in text
    except (msgspec.DecodeError, RecursionError):
        is_object = False
    return msgspec.Raw(text if is_object else msgspec.json.encode(raw))


def entries_of(content: bytes, *, most: int) -> list[Entry]:
    """The lines of an exported file that is in memory.

    Raises:
        ContractError: a line is none of such a file, or there are none, or more than `most`.
    """
    found = list(islice(_entries(io.BytesIO(content)), most + 1))
    if not found:
        raise ContractError("body: is empty: it has no refused row as it was downloaded")
    if len(found) > most:
        raise ContractError(f"body: must hold at most {most:,} rows; send them in several requests")
    return found


def _entries(file: IO[bytes]) -> Iterator[Entry]:
    decode = msgspec.json.Decoder(Entry).decode
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise ContractError(
                    f"line {number}: must be one of a file of `rejected export`: {error}"
                ) from None


def _take(
    connection: sa.Connection,
    entries: Sequence[Entry],
    location: str,
    outcome: Replayed,
    bounds: Bounds,
) -> None:
    wanted: dict[Key, Entry] = {}
    for entry in entries:  # of a line that is there twice the first, as of one in a later batch
        wanted.setdefault((entry.upload_id, entry.line_number), entry)
    ids = {upload_id for upload_id, _ in wanted}
    mapped = sa.select(_u.upload_id).where(_u.upload_id.in_(ids), _u.domain == uploads.MAPPED)
    if (of_a_file := connection.scalar(mapped.limit(1))) is not None:
        raise ContractError(_OF_A_FILE.format(of_a_file))
    statement = (
        sa.select(*_columns)
        .join_from(rejected_rows, uploads_table, _u.upload_id == _r.upload_id)
        .where(
            sa.tuple_(_r.upload_id, _r.line_number).in_(list(wanted)),
            _r.replayed_by.is_(None),
            _u.domain == DOMAIN,
        )
        .order_by(_r.tenant_id, _u.type, _r.upload_id, _r.line_number)
        .with_for_update(of=rejected_rows)
    )
    still_open = connection.execute(statement).all()
    outcome.known += len(entries) - len(still_open)
    for (tenant_id, type_), rows in groupby(still_open, key=lambda row: (row[2], row[3])):
        keys = [(row.upload_id, row.line_number) for row in rows]
        right = right_of(ENTITIES[type_], keys, wanted, outcome)
        if right:
            content = content_of(right, wanted)
            new = _load(connection, tenant_id, type_, content, location=location, bounds=bounds)
            mine = sa.tuple_(_r.upload_id, _r.line_number).in_(right)
            connection.execute(sa.update(rejected_rows).where(mine).values(replayed_by=new))
            outcome.taken += len(right)
            outcome.upload_ids.append(new)


def right_of(
    entity: Entity, keys: Sequence[Key], wanted: Mapping[Key, Entry], outcome: Replayed
) -> list[Key]:
    """Those of the rows that are right now, in their order; the others are noted, with why."""
    lines = [_line_of(wanted[key]) for key in keys]
    parsed = RowParser(entity, 0, 0).parse(lines, 0)  # whose they are is no matter of a rule
    wrong = {keys[each.line_number]: each.reasons for each in parsed.rejections}
    outcome.refused += [
        {"upload_id": upload_id, "line_number": line, "reasons": reasons}
        for (upload_id, line), reasons in wrong.items()
    ]
    return [key for key in keys if key not in wrong]


def content_of(keys: Sequence[Key], wanted: Mapping[Key, Entry]) -> bytes:
    """The rows as a file."""
    return b"".join(_line_of(wanted[key]) + b"\n" for key in keys)


def _line_of(entry: Entry) -> bytes:
    """The row as a line; one that says nothing is no blank line here."""
    text = bytes(entry.row)
    line = msgspec.json.decode(text, type=str).encode() if text.startswith(b'"') else text
    return line if line.strip() else b"null"


def _load(
    connection: sa.Connection,
    tenant_id: int,
    type_: str,
    content: bytes,
    *,
    location: str,
    bounds: Bounds,
) -> int:
    upload_id = uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=type_,
        file_name=f"{type_}_replayed.ndjson", source="replay", location=location, size=len(content),
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    [upload] = uploads.find(connection, [upload_id])
    land_file(connection, upload, io.BytesIO(content), bounds=bounds)
    return upload_id
