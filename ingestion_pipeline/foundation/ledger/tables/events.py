"""Events that were sent, and what became of them."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
    bigint,
    double,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import ERROR, JOB, RECEIVED_AT, REQUEST, TENANT

ingestion_events = sa.Table(
    "ingestion_events",
    metadata,
    text(
        "ingestion_id",
        primary_key=True,
        default=sa.text("gen_random_uuid()::text"),
        comment="Id of the event, a UUID where we gave it",
    ),
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, comment=TENANT),
    text("event_type", comment="Type of the event, for instance market.fundamentals.upsert"),
    text("source", nullable=True, comment="Who sent it, as it says itself; NULL: not told"),
    text("market_slug", nullable=True, comment="The market that it is about; NULL: none"),
    text("status", default="received", comment="received, validated, applied or failed"),
    json("payload", comment="The event as it was sent"),
    text(
        "payload_sha256", comment="SHA-256 of the body, hexadecimal: the same again is a duplicate"
    ),
    text(
        "webhook_id",
        nullable=True,
        comment="The sender's own id of the event, unique in the tenant; NULL: none",
    ),
    sa.Column(
        "cache_invalidated",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="Keys of the cache that it invalidated",
    ),
    integer(
        "processed_records", nullable=True, comment="Records that were written; NULL: not applied"
    ),
    json("rejected", default="[]", comment="What was refused of it, with reasons"),
    double(
        "processing_time_ms",
        nullable=True,
        comment="How long applying it took, milliseconds; NULL: not applied",
    ),
    text("error", nullable=True, comment=ERROR),
    bigint("job_id", nullable=True, comment=JOB),
    text("request_id", nullable=True, comment=REQUEST),
    now("received_at", comment=RECEIVED_AT),
    timestamp(
        "validated_at",
        nullable=True,
        comment="When it was found to be valid, UTC; NULL: it was not",
    ),
    timestamp("applied_at", nullable=True, comment="When it was applied, UTC; NULL: it was not"),
    sa.UniqueConstraint("tenant_id", "event_type", "payload_sha256"),
    sa.UniqueConstraint("tenant_id", "webhook_id"),
    comment="Events that were sent, and what became of them: a row an event",
)
sa.Index(
    "ingestion_events_tenant_idx", ingestion_events.c.tenant_id, ingestion_events.c.received_at
)
sa.Index("ingestion_events_received_at_idx", ingestion_events.c.received_at)
sa.Index(
    "ingestion_events_open_idx",
    ingestion_events.c.received_at,
    ingestion_events.c.ingestion_id,
    postgresql_where=ingestion_events.c.status.in_(("received", "validated")),
)
sa.Index(
    "ingestion_events_job_id_idx",
    ingestion_events.c.job_id,
    postgresql_where=ingestion_events.c.job_id.is_not(None),
)
