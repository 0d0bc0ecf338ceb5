"""Files that arrived, and lines of them that were refused."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
    bigint,
    boolean,
    count,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import JOB, TENANT, UPLOAD

uploads = sa.Table(
    "uploads",
    metadata,
    identity("upload_id", comment="Number of the file, in order of arrival: the later one wins"),
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, comment=TENANT),
    text("domain", comment="Whose data it is: commerce, book_sales and so on"),
    text(
        "type",
        nullable=True,
        comment="Type of its rows, or platform of its report; NULL: none is known",
    ),
    text("file_name", comment="Name of the file as it came"),
    text("source", comment="How it came: http, drop, ingest, replay, storage, api and so on"),
    text(
        "source_key",
        nullable=True,
        comment="What it is not taken twice by, unique in the tenant; NULL: nothing",
    ),
    text("location", comment="Where the file is"),
    bigint("bytes", nullable=True, comment="Size of the file, bytes; NULL: not known"),
    text("sha256", nullable=True, comment="SHA-256 of the file, hexadecimal; NULL: not known"),
    text("status", comment="recorded, staged, loaded or failed"),
    sa.Column("job_id", sa.ForeignKey(jobs.c.job_id), index=True, comment=JOB),
    count("lines", comment="Lines of the file: blank + preamble + rejected + staged"),
    count("blank", comment="Blank lines"),
    count("preamble", comment="Lines that are no rows: headers and what stands before them"),
    count("rejected", comment="Lines that were refused (rejected_rows)"),
    count(
        "staged",
        comment="Rows: inserted + updated + unchanged + superseded + waiting once it is loaded",
    ),
    count("inserted", comment="Rows that were new"),
    count("updated", comment="Rows that changed one that was there"),
    count("unchanged", comment="Rows that were there already"),
    count("superseded", comment="Rows that a later version of the same row replaced"),
    count("waiting", comment="Rows that wait for their parent"),
    count("removed", comment="Rows of before that its source has no more, and that it removed"),
    count("rejected_kept", comment="Refused lines that are kept in full"),
    count("rejected_bytes", comment="Their size, bytes"),
    text("error", nullable=True, comment="Why the file as a whole cannot be used; NULL: it can"),
    now("recorded_at", comment="When it was recorded, UTC"),
    timestamp(
        "staged_at", nullable=True, comment="When its rows were staged, UTC; NULL: they are not"
    ),
    timestamp(
        "loaded_at", nullable=True, comment="When its rows were loaded, UTC; NULL: they are not"
    ),
    timestamp(
        "removed_at",
        nullable=True,
        comment="When retention took the landed file away, UTC; NULL: it is there",
    ),
    bigint(
        "mapped_from",
        nullable=True,
        comment="The file that a mapping made its rows of (uploads.upload_id), by whose place they "
        "win or lose; NULL: it is a file itself",
    ),
    text(
        "mapped_source",
        nullable=True,
        comment="Source whose ids its rows have, as the mapping says; NULL: no mapping made them",
    ),
    bigint(
        "session_id",
        nullable=True,
        comment="The upload session that it came in (upload_sessions.session_id, which goes when "
        "it expires); NULL: in none",
    ),
    boolean(
        "only_new", default=sa.false(), comment="Whether its rows never change one that is there"
    ),
    boolean(
        "whole",
        default=sa.false(),
        comment="Whether its rows take the place of all that their source told of the same order "
        "before",
    ),
    sa.UniqueConstraint("tenant_id", "source_key"),
    comment="Files that arrived, and what became of their lines: a row a file",
)
sa.Index("uploads_received_idx", uploads.c.tenant_id, uploads.c.recorded_at)
sa.Index(
    "uploads_rejected_idx",
    uploads.c.tenant_id,
    postgresql_include=["rejected_bytes"],
    postgresql_where=uploads.c.rejected_bytes > 0,
)
sa.Index(
    "uploads_landed_idx",
    uploads.c.tenant_id,
    postgresql_include=["bytes"],
    postgresql_where=sa.and_(
        uploads.c.source.in_(("http", "drop")), uploads.c.removed_at.is_(None)
    ),
)
sa.Index(
    "uploads_unfinished_idx",
    uploads.c.domain,
    uploads.c.type,
    uploads.c.tenant_id,
    uploads.c.upload_id,
    postgresql_where=uploads.c.status.in_(("recorded", "staged")),
)
sa.Index(
    "uploads_intake_idx",
    uploads.c.tenant_id,
    uploads.c.type,
    uploads.c.file_name,
    uploads.c.upload_id,
    postgresql_where=uploads.c.domain == "intake",
)
sa.Index(
    "uploads_mapped_idx",
    uploads.c.mapped_from,
    postgresql_where=uploads.c.mapped_from.is_not(None),
)
sa.Index(
    "uploads_session_idx",
    uploads.c.session_id,
    postgresql_where=uploads.c.session_id.is_not(None),
)
sa.Index(
    "uploads_only_new_idx", uploads.c.tenant_id, uploads.c.type, postgresql_where=uploads.c.only_new
)

rejected_rows = sa.Table(
    "rejected_rows",
    metadata,
    sa.Column(
        "upload_id",
        sa.ForeignKey(uploads.c.upload_id, ondelete="CASCADE"),
        primary_key=True,
        comment=UPLOAD,
    ),
    bigint("line_number", primary_key=True, comment="Number of the line in the file, from 1"),
    integer("tenant_id", comment=TENANT),
    text("file_name", comment="Name of the file as it came"),
    text("raw", comment="The line as it came"),
    json("reasons", comment="Every reason why it was refused"),
    now("rejected_at", comment="When it was refused, UTC"),
    bigint(
        "replayed_by",
        nullable=True,
        comment="The upload that took the corrected row (uploads.upload_id); NULL: none",
    ),
    comment="Lines that were refused, with every reason: a row a file and line",
)
