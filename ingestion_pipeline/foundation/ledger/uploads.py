"""Uploads: every file that was received, what became of its lines, and the lines we refused.

    recorded ──▶ staged ──▶ loaded          failed: the file as a whole cannot be used

Upload ids are given in order of arrival; where two files hold the same row, the later one wins.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import rejected_rows, uploads

MAPPED = "intake"  # the domain of files that mappings read
# All refused lines are counted; so many of a file are kept in full, the first ones.
MOST_KEPT, MOST_KEPT_BYTES = 10_000, 64 * 1024 * 1024


@dataclass(frozen=True)
class Upload:
    """One recorded file.

    Attributes:
        mapped_from: the file that a mapping made its rows of; None: it is a file itself.
        mapped_source: source whose ids they have then.
        only_new: whether they never change a row that is there.
        whole: whether they take the place of all that their source told of the same order before.
    """

    upload_id: int
    tenant_id: int
    type: str
    file_name: str
    location: str
    status: str
    job_id: int | None
    mapped_from: int | None = None
    mapped_source: str | None = None
    only_new: bool = False
    whole: bool = False

    @property
    def place(self) -> int:
        """Where it stands in the order of arrival, by which rows win or lose."""
        return self.mapped_from or self.upload_id


@dataclass(frozen=True)
class Counts:
    """What became of a file's lines.

    Always lines = blank + preamble + rejected + staged, and once it is loaded
    staged = inserted + updated + unchanged + superseded + waiting.
    """

    lines: int = 0
    blank: int = 0
    preamble: int = 0
    rejected: int = 0
    staged: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    waiting: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)))

    @property
    def add_up(self) -> bool:
        """Whether no line is unaccounted for."""
        merged = self.inserted + self.updated + self.unchanged + self.superseded + self.waiting
        read = self.blank + self.preamble + self.rejected + self.staged
        return self.lines == read and self.staged == merged


COUNTS = tuple(field.name for field in fields(Counts))
_upload_columns = [uploads.c[field.name] for field in fields(Upload)]


def record(
    connection: sa.Connection,
    *,
    tenant_id: int,
    domain: str,
    type_: str | None,
    file_name: str,
    source: str,
    location: str,
    source_key: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    job_id: int | None = None,
    error: str | None = None,
) -> int | None:
    """Record a file; with an `error` as one that cannot be used.

    Returns:
        the upload's id, or None where the tenant has an upload of that `source_key` already.
    """
    statement = (
        insert(uploads)
        .values(
            tenant_id=tenant_id, domain=domain, type=type_, file_name=file_name, source=source,
            source_key=source_key, location=location, bytes=size, sha256=sha256, job_id=job_id,
            status="recorded" if error is None else "failed", error=error,
        )
        .on_conflict_do_nothing()
        .returning(uploads.c.upload_id)
    )  # fmt: skip
    return connection.execute(statement).scalar()


def recorded_as(connection: sa.Connection, tenant_id: int, source_key: str) -> int | None:
    """The tenant's upload of that `source_key`, None: there is none."""
    mine = uploads.c.tenant_id == tenant_id, uploads.c.source_key == source_key
    return connection.scalar(sa.select(uploads.c.upload_id).where(*mine))


def find(connection: sa.Connection, upload_ids: Iterable[int]) -> list[Upload]:
    """Uploads in order of arrival."""
    statement = (
        sa.select(*_upload_columns)
        .where(uploads.c.upload_id.in_(list(upload_ids)))
        .order_by(uploads.c.upload_id)
    )
    return [Upload(*row) for row in connection.execute(statement)]


def staged(connection: sa.Connection, *, domain: str, type_: str) -> list[Upload]:
    """Staged uploads that are not loaded yet, in order of arrival."""
    statement = (
        sa.select(*_upload_columns)
        .where(
            uploads.c.domain == domain,
            uploads.c.type == type_,
            uploads.c.status.in_(("recorded", "staged")),  # as the partial index has it
            uploads.c.status == "staged",
        )
        .order_by(uploads.c.upload_id)
    )
    return [Upload(*row) for row in connection.execute(statement)]


def earlier_unfinished(connection: sa.Connection, upload: Upload, *, domain: str) -> bool:
    """Whether an earlier file of the same tenant has still to be loaded, of this type or one that a
    mapping may make some of this type of.
    """
    of_type = sa.and_(uploads.c.domain == domain, uploads.c.type == upload.type)
    statement = sa.select(
        sa.exists().where(
            sa.or_(of_type, uploads.c.domain == MAPPED),
            uploads.c.tenant_id == upload.tenant_id,
            uploads.c.status.in_(("recorded", "staged")),
            sa.func.coalesce(uploads.c.mapped_from, uploads.c.upload_id) < upload.place,
        )
    )
    return bool(connection.scalar(statement))


def give_up_with_their_jobs(connection: sa.Connection, *, domain: str) -> int:
    """Fail recorded uploads whose jobs are dead: nobody will load them; returns how many."""
    statement = (
        sa.update(uploads)
        .where(
            uploads.c.domain == domain,
            uploads.c.status == "recorded",
            uploads.c.job_id == jobs.c.job_id,
            jobs.c.status == "dead",
        )
        .values(status="failed", error=jobs.c.error)
    )
    return connection.execute(statement).rowcount


def counts_of(connection: sa.Connection, upload_ids: Iterable[int]) -> dict[int, Counts]:
    """The counts of uploads by id."""
    statement = sa.select(uploads.c.upload_id, *(uploads.c[name] for name in COUNTS)).where(
        uploads.c.upload_id.in_(list(upload_ids))
    )
    return {row[0]: Counts(*row[1:]) for row in connection.execute(statement)}


def update(connection: sa.Connection, upload_id: int, **values: Any) -> None:
    """Set columns of an upload."""
    connection.execute(sa.update(uploads).where(uploads.c.upload_id == upload_id).values(values))


def set_counts(connection: sa.Connection, upload_id: int, counts: Counts) -> None:
    """Set all counts of an upload."""
    update(connection, upload_id, **asdict(counts))


def add_to_counts(connection: sa.Connection, upload_id: int, changes: dict[str, int]) -> None:
    """Add to some counts of an upload, for instance {"waiting": -2, "inserted": 2}."""
    update(connection, upload_id, **{name: uploads.c[name] + by for name, by in changes.items()})


def rejected_by_reason(connection: sa.Connection, upload_ids: Sequence[int]) -> dict[str, int]:
    """Refused lines of uploads by "field: rule", the most frequent first.

    A line with several reasons counts under each of them.
    """
    if not upload_ids:
        return {}
    reason = sa.func.jsonb_array_elements(rejected_rows.c.reasons).table_valued("value")
    value = sa.cast(reason.c.value, sa.dialects.postgresql.JSONB)
    label = value["field"].astext + ": " + value["rule"].astext
    statement = (
        sa.select(label, sa.func.count())
        .select_from(rejected_rows.join(reason, sa.true()))
        .where(rejected_rows.c.upload_id.in_(upload_ids))
        .group_by(label)
        .order_by(sa.func.count().desc(), label)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}
