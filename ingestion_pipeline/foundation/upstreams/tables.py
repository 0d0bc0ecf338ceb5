"""What all processes know of an upstream: when it was called, and whether it answers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.foundation.storage.columns import TIMESTAMP, count, now, text, timestamp
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import UPDATED_AT

upstream_limits = sa.Table(
    "upstream_limits",
    metadata,
    text("name", primary_key=True, comment="Name of the upstream"),
    sa.Column(
        "recent",
        ARRAY(TIMESTAMP),
        nullable=False,
        comment="Instants of the newest requests, UTC, the oldest first",
    ),
    timestamp(
        "paused_until",
        nullable=True,
        comment="No request before this instant, UTC; NULL: not paused",
    ),
    comment="Rate limits that all processes share: a row an upstream",
)

circuit_breakers = sa.Table(
    "circuit_breakers",
    metadata,
    text("name", primary_key=True, comment="Name of the upstream"),
    text("state", default="closed", comment="closed, open or half_open"),
    count(
        "failures",
        sa.Integer,
        comment="Transient failures that count; while open, those that opened it",
    ),
    count("generation", comment="Number of the period between two changes of state"),
    timestamp("opened_at", nullable=True, comment="When it opened last, UTC; NULL: closed"),
    timestamp(
        "probe_until",
        nullable=True,
        comment="When the half-open probe is given up, UTC; NULL: not half open",
    ),
    sa.Column(
        "failed_at",
        ARRAY(TIMESTAMP),
        nullable=False,
        server_default="{}",
        comment="When the failures were, UTC, while closed; the oldest first",
    ),
    text("last_error", nullable=True, comment="The newest failure; NULL: none"),
    now("updated_at", comment=UPDATED_AT),
    comment="Circuit breakers that all processes share: a row an upstream",
)
