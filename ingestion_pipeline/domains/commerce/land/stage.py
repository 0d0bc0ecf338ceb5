"""A file → `{type}_staging` and `rejected_rows`, in one transaction.

A file is staged as a whole or not at all: killed at any line, nothing of it is visible, and
staging it again is all there is to do.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import IO

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land.fields import Reason
from ingestion_pipeline.domains.commerce.land.packed import Packed, RowPacker
from ingestion_pipeline.domains.commerce.land.rows import Parsed, Rejection, RowParser
from ingestion_pipeline.domains.commerce.sources.reading import numbered_lines
from ingestion_pipeline.domains.commerce.tables import ARRIVED
from ingestion_pipeline.foundation.ledger import quota, uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows
from ingestion_pipeline.foundation.ledger.uploads import Counts, Upload
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.bulk import CopyStream, Row, copy_rows
from ingestion_pipeline.foundation.storage.file_kinds import Limits, WrongFileError

Progress = Callable[[int], None]
HandBack = Callable[[Sequence[Rejection]], None]
# Rejected lines are kept in memory until they are written together.
_REJECTED_BYTES, _REJECTED_LINES = 4 * 1024 * 1024, 10_000
_LABELS, _OTHER_REASONS = 1_000, "line: for other reasons"  # a reason may name what it is about
# A file that has no row by then is another file than its name says.
HOPELESS_LINES = 100_000


@dataclass(frozen=True)
class Bounds:
    """How far a file is unpacked, and how much of what is refused of it is kept.

    Attributes:
        limits: of its content.
        keeps: bytes of refused lines, of a tenant that has no limit of its own.
    """

    limits: Limits
    keeps: int

    @classmethod
    def configured(cls, configuration: Settings) -> "Bounds":
        """As the settings have it."""
        limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)
        return cls(limits, configuration.tenant_rejected_bytes)


@dataclass
class Reading:
    """What reading a file comes to, while it goes on and when it is over."""

    lines: int = 0
    blank: int = 0
    preamble: int = 0
    rejected: int = 0
    rejected_kept: int = 0
    rejected_bytes: int = 0
    most_bytes: int = uploads.MOST_KEPT_BYTES
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    _has_rows: bool = False

    @property
    def counts(self) -> Counts:
        """The counts of a staged file."""
        return Counts(
            lines=self.lines,
            blank=self.blank,
            preamble=self.preamble,
            rejected=self.rejected,
            staged=self.lines - self.blank - self.preamble - self.rejected,
        )

    def note(self, lines: int, packed: Packed, parsed: Parsed) -> None:
        """Count a block of lines.

        Raises:
            WrongFileError: there is no row among so many that there will be none.
        """
        self.lines += lines
        self.blank += parsed.blank
        self.preamble += parsed.preamble
        self._has_rows = self._has_rows or bool(packed.payload or parsed.rows)
        if self._has_rows or not parsed.rejections:
            return
        if self.lines - self.blank - self.preamble > HOPELESS_LINES:
            first = parsed.rejections[0]
            reason = first.reasons[0]
            raise WrongFileError(
                f"none of the first {self.lines:,} lines is usable; for instance line "
                f"{first.line_number}: {reason['field']}: {reason['rule']}"
            )

    def keep(self, rejections: list[Rejection]) -> list[Rejection]:
        """Those of more refused lines that are kept in full; to be asked before `reject`."""
        kept = []
        for rejection in rejections[: uploads.MOST_KEPT - self.rejected_kept]:
            # Of a short line the reasons are the most.
            size = len(rejection.raw.encode()) + len(json.dumps(rejection.reasons))
            if self.rejected_bytes + size > self.most_bytes:
                break
            self.rejected_bytes += size
            kept.append(rejection)
        self.rejected_kept += len(kept)
        return kept

    def reject(self, rejections: list[Rejection]) -> None:
        """Count refused lines under each of their reasons, as far as these are not too many."""
        self.rejected += len(rejections)
        for rejection in rejections:
            for reason in rejection.reasons:
                label = f"{reason['field']}: {reason['rule']}"
                if label not in self.rejected_by_reason and len(self.rejected_by_reason) >= _LABELS:
                    label = _OTHER_REASONS
                self.rejected_by_reason[label] = self.rejected_by_reason.get(label, 0) + 1


def land_file(
    connection: sa.Connection,
    upload: Upload,
    file: IO[bytes],
    *,
    bounds: Bounds,
    progress: Progress | None = None,
    hand_back: HandBack | None = None,
    is_mapped: bool = False,
) -> Reading:
    """Stage a recorded upload within the connection's transaction, and note its counts.

    Args:
        connection: in a transaction, which the caller commits.
        upload: its status becomes `staged`.
        file: the file's bytes, compressed or not.
        bounds: of reading it.
        progress: called with the number of lines after every block.
        hand_back: takes refused lines, which are then counted but not written.
        is_mapped: whether a mapping made the rows: what their source does not tell may be null.

    Raises:
        WrongFileError: the file as a whole can't be used; the transaction is to be rolled back.
    """
    entity = ENTITIES[upload.type].of_mappings if is_mapped else ENTITIES[upload.type]
    table = ARRIVED[entity.name]
    columns = ["tenant_id", "upload_id", "line_number", *entity.columns]
    packer = RowPacker(entity, upload.tenant_id, upload.upload_id)
    parser = RowParser(entity, upload.tenant_id, upload.upload_id)
    room = quota.rejected_room(connection, upload.tenant_id, default=bounds.keeps)
    reading = Reading(most_bytes=min(room, uploads.MOST_KEPT_BYTES))
    refused: list[Rejection] = []
    refused_bytes = 0

    def refuse(row: Row, message: str) -> None:
        refused.append(_refusal(row, message, entity))

    def write_refused() -> None:
        if hand_back is None:
            _write_rejections(connection, upload, refused, reading)
            return
        reading.reject(refused)
        hand_back(refused)
        refused.clear()

    with CopyStream(connection, table.name, columns, refused=refuse) as stream:
        for lines, first_number in numbered_lines(
            file, upload.file_name, entity, limits=bounds.limits
        ):
            if isinstance(lines, int):
                reading.lines += lines
                reading.blank += lines
                continue
            packed, blank = _packed(packer, lines, first_number)
            parsed = parser.parse_numbered(packed.left)
            parsed.blank += blank
            reading.note(len(lines), packed, parsed)
            refused.extend(parsed.rejections)
            refused_bytes += sum(len(rejection.raw) for rejection in parsed.rejections)
            if refused_bytes > _REJECTED_BYTES or len(refused) > _REJECTED_LINES:
                stream.drain()  # seldom, because it makes parsing wait for the database
                write_refused()
                refused_bytes = 0
            stream.write_binary(
                packed.payload, packer.columns, partial(_again, parser, lines, first_number, packed)
            )
            stream.write(parsed.rows)
            if progress:
                progress(len(lines))
        stream.drain()
    write_refused()
    uploads.set_counts(connection, upload.upload_id, reading.counts)
    uploads.update(
        connection, upload.upload_id, status="staged", staged_at=sa.func.now(), error=None,
        rejected_kept=reading.rejected_kept, rejected_bytes=reading.rejected_bytes,
    )  # fmt: skip
    return reading


def unstage(connection: sa.Connection, upload: Upload) -> None:
    """Take back what staging an upload has written, so that it can be staged again."""
    for table in (ARRIVED[upload.type], rejected_rows):
        connection.execute(sa.delete(table).where(table.c.upload_id == upload.upload_id))
    uploads.set_counts(connection, upload.upload_id, Counts())


def _packed(packer: RowPacker, lines: list[bytes], first_number: int) -> tuple[Packed, int]:
    """Pack a block; one of mostly blank lines is not, and they are left out of it, but counted."""
    blank = lines.count(b"") + lines.count(b"\r")
    if 2 * blank <= len(lines):
        return packer.pack(lines, first_number), 0
    left = [(number, line) for number, line in enumerate(lines, first_number) if line.strip(b"\r")]
    return Packed(b"", left), len(lines) - len(left)


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
    """Write refused lines as far as they are kept, count all of them, and empty the list."""
    kept = reading.keep(rejections)
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
            for rejection in kept
        ],
    )
    rejections.clear()
