"""The queue, and every attempt at what is in it."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
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
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, ERROR, RUN, UPDATED_AT

jobs = sa.Table(
    "jobs",
    metadata,
    identity("job_id", comment="Number of the job, in order of arrival"),
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        comment="Whose job it is (tenants.tenant_id); NULL: nobody's in particular",
    ),
    text("kind", comment="What is to be done"),
    # Of the payload, for those who may not read payloads.
    sa.Column(
        "platform",
        sa.Text,
        sa.Computed("COALESCE(payload ->> 'platform'::text, kind)", persisted=True),
        nullable=False,
        comment="`platform` of the payload, else the kind",
    ),
    json("payload", default="{}", comment="What the work needs to know; never overwritten"),
    # Without credentials, for those who may not read payloads; of book sales' imports only.
    sa.Column(
        "shown_payload",
        JSONB,
        sa.Computed(
            "CASE WHEN kind LIKE 'book\\_sales.import.%' THEN "
            "payload - '{access_token,accessToken}'::text[] END",
            persisted=True,
        ),
        comment="The payload of an import of book sales without credentials; NULL: another kind",
    ),
    json("result", nullable=True, comment="What came of it; NULL: nothing yet"),
    text(
        "status",
        default="pending",
        comment="pending, processing, retrying, completed, failed or dead",
    ),
    integer("priority", default="0", comment="The highest first"),
    count("attempt", sa.Integer, comment="Attempts that were begun"),
    integer("max_attempts", comment="Attempts after which it is given up"),
    now("available_at", comment="Not before this instant, UTC"),
    timestamp(
        "lease_expires_at",
        nullable=True,
        comment="When another may take it up, UTC; NULL: nobody works at it",
    ),
    text("worker", nullable=True, comment="Who works at it, or did last; NULL: nobody yet"),
    text("run_id", nullable=True, comment=RUN),
    text("error", nullable=True, comment=ERROR),
    now("created_at", comment=CREATED_AT),
    now("updated_at", comment=UPDATED_AT),
    boolean(
        "senders_fault",
        default=sa.false(),
        comment="Whether it failed by what was sent, and by nothing of ours",
    ),
    comment="The queue: a row a piece of work",
)
sa.Index(
    "jobs_open_idx",
    jobs.c.kind,
    jobs.c.priority.desc(),
    jobs.c.job_id,
    postgresql_where=jobs.c.status.in_(("pending", "processing", "retrying")),
)
sa.Index(
    "jobs_import_uuid_idx",
    sa.func.job_uuid(jobs.c.job_id),
    postgresql_where=jobs.c.kind.like(r"book\_sales.import.%"),
)
sa.Index(
    "jobs_imports_idx",
    jobs.c.tenant_id,
    jobs.c.created_at,
    postgresql_where=jobs.c.kind.like(r"book\_sales.import.%"),
)
sa.Index("jobs_run_id_idx", jobs.c.run_id, postgresql_where=jobs.c.status == "processing")
sa.Index(
    "jobs_finished_idx",
    jobs.c.updated_at,
    postgresql_where=jobs.c.status.in_(("completed", "failed", "dead")),
)

job_attempts = sa.Table(
    "job_attempts",
    metadata,
    sa.Column(
        "job_id",
        sa.ForeignKey(jobs.c.job_id, ondelete="CASCADE"),
        primary_key=True,
        comment="The job (jobs.job_id)",
    ),
    integer("attempt", primary_key=True, comment="Number of the attempt, from 1"),
    now("started_at", comment="When it began, UTC"),
    timestamp("finished_at", nullable=True, comment="When it ended, UTC; NULL: it is under way"),
    text("worker", comment="Who made it"),
    text("run_id", nullable=True, comment=RUN),
    text(
        "outcome",
        nullable=True,
        comment="completed, failed, released or lapsed; NULL: it is under way",
    ),
    text("error", nullable=True, comment=ERROR),
    comment="Attempts at jobs: a row a job and attempt",
)
sa.Index("job_attempts_job_uuid_idx", sa.func.job_uuid(job_attempts.c.job_id))
sa.Index(
    "job_attempts_repeated_idx",
    job_attempts.c.started_at,
    postgresql_where=job_attempts.c.attempt > 1,
)
