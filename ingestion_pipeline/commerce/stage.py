"""A file → `{type}_staging` and `rejected_rows`, in one transaction.

A file is staged as a whole or not at all: killed at any line, nothing of it is visible, and
staging it again is all there is to do.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import sqlalchemy as sa

from ingestion_pipeline.commerce.contract import ENTITIES, Entity
from ingestion_pipeline.commerce.delimited import csv_as_json
from ingestion_pipeline.commerce.fields import Reason
from ingestion_pipeline.commerce.lines import blocks_of_lines
from ingestion_pipeline.commerce.packed import Packed, RowPacker
from ingestion_pipeline.commerce.rows import Rejection, RowParser
from ingestion_pipeline.commerce.tables import ARRIVED
from ingestion_pipeline.ledger import uploads
from ingestion_pipeline.ledger.tables import rejected_rows
from ingestion_pipeline.ledger.uploads import Counts, Upload
from ingestion_pipeline.storage.bulk import CopyStream, Row, copy_rows

Progress = Callable[[int], None]
# Rejected lines are kept in memory until they are written together.
_REJECTED_BYTES, _REJECTED_LINES = 4 * 1024 * 1024, 10_000


@dataclass
class Reading:
    """What reading a file comes to, while it goes on and when it is over."""

    lines: int = 0
    blank: int = 0
    rejected: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        """The counts of a staged file."""
        return Counts(
            lines=self.lines,
            blank=self.blank,
            rejected=self.rejected,
            staged=self.lines - self.blank - self.rejected,
        )

    def reject(self, rejections: list[Rejection]) -> None:
        """Count refused lines under each of their reasons."""
        self.rejected += len(rejections)
        for rejection in rejections:
            for reason in rejection.reasons:
                label = f"{reason['field']}: {reason['rule']}"
                self.rejected_by_reason[label] = self.rejected_by_reason.get(label, 0) + 1


def stage(
    connection: sa.Connection, upload: Upload, file: IO[bytes], *, progress: Progress | None = None
) -> Reading:
    """Stage a recorded upload within the connection's transaction, and note its counts.

    Args:
        connection: in a transaction, which the caller commits.
        upload: its status becomes `staged`.
        file: the file's bytes, compressed as its name says.
        progress: called with the number of lines after every block.

    Raises:
        ContractError: a CSV file's header lacks columns.
    """
    entity = ENTITIES[upload.type]
    table = ARRIVED[entity.name]
    columns = ["tenant_id", "upload_id", "line_number", *entity.columns]
    packer = RowPacker(entity, upload.tenant_id, upload.upload_id)
    parser = RowParser(entity, upload.tenant_id, upload.upload_id)
    reading = Reading()
    refused: list[Rejection] = []
    refused_bytes = 0

    def refuse(row: Row, message: str) -> None:
        refused.append(_refusal(row, message, entity))

    with CopyStream(connection, table.name, columns, refused=refuse) as stream:
        for lines, first_number in _numbered(file, upload.file_name, entity):
            packed = packer.pack(lines, first_number)
            parsed = parser.parse_numbered(packed.left)
            reading.lines += len(lines)
            reading.blank += parsed.blank
            refused.extend(parsed.rejections)
            refused_bytes += sum(len(rejection.raw) for rejection in parsed.rejections)
            if refused_bytes > _REJECTED_BYTES or len(refused) > _REJECTED_LINES:
                stream.drain()  # seldom, because it makes parsing wait for the database
                _write_rejections(connection, upload, refused, reading)
                refused_bytes = 0
            stream.write_binary(
                packed.payload, packer.columns, partial(_again, parser, lines, first_number, packed)
            )
            stream.write(parsed.rows)
            if progress:
                progress(len(lines))
        stream.drain()
    _write_rejections(connection, upload, refused, reading)
    uploads.set_counts(connection, upload.upload_id, reading.counts)
    uploads.update(
        connection, upload.upload_id, status="staged", staged_at=sa.func.now(), error=None
    )
    return reading


def unstage(connection: sa.Connection, upload: Upload) -> None:
    """Take back what staging an upload has written, so that it can be staged again."""
    for table in (ARRIVED[upload.type], rejected_rows):
        connection.execute(sa.delete(table).where(table.c.upload_id == upload.upload_id))
    uploads.set_counts(connection, upload.upload_id, Counts())


def _numbered(file: IO[bytes], file_name: str, entity: Entity) -> Any:
    """Blocks of lines, each with the number of its first line in the file."""
    blocks = blocks_of_lines(file, file_name)
    number = 1
    if file_name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
        blocks = csv_as_json(blocks, entity)
        number = 2  # the header is line 1
    for lines in blocks:
        yield lines, number
        number += len(lines)


def _again(
    parser: RowParser, lines: list[bytes], first_number: int, packed: Packed
) -> Sequence[Row]:
    """What was packed of a block, as rows."""
    left = {number for number, _ in packed.left}
    numbered = enumerate(lines, first_number)
    return parser.parse_numbered(line for line in numbered if line[0] not in left).rows


def _refusal(row: Row, message: str, entity: Entity) -> Rejection:
    values = dict(zip(entity.columns, map(str, row[3:]), strict=True))
    reason = Reason(field="line", rule=f"must suit the database: {message}", value="")
    return Rejection(line_number=row[2], raw=json.dumps(values), reasons=[reason])


def _write_rejections(
    connection: sa.Connection, upload: Upload, rejections: list[Rejection], reading: Reading
) -> None:
    """Write refused lines, count them, and empty the list."""
    reading.reject(rejections)
    copy_rows(
        connection,
        rejected_rows.name,
        ["upload_id", "line_number", "tenant_id", "file_name", "raw", "reasons"],
        [
            (
                upload.upload_id,
                rejection.line_number,
                upload.tenant_id,
                upload.file_name,
                rejection.raw,
                json.dumps(rejection.reasons),
            )
            for rejection in rejections
        ],
    )
    rejections.clear()
