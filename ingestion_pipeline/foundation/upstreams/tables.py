"""What all processes know of an upstream: when it was called, and whether it answers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import UPDATED_AT

_timestamp = sa.DateTime(timezone=True)

upstream_limits = sa.Table(
    "upstream_limits",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="Name of the upstream"),
    sa.Column(
        "recent",
        ARRAY(_timestamp),
        nullable=False,
        comment="Instants of the newest requests, UTC, the oldest first",
    ),
    sa.Column(
        "paused_until", _timestamp, comment="No request before this instant, UTC; NULL: not paused"
    ),
    comment="Rate limits that all processes share: a row an upstream",
)

circuit_breakers = sa.Table(
    "circuit_breakers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True, comment="Name of the upstream"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        server_default="closed",
        comment="closed, open or half_open",
    ),
    sa.Column(
        "failures",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Transient failures that count; while open, those that opened it",
    ),
    sa.Column(
        "generation",
        sa.BigInteger,
        nullable=False,
        server_default="0",
        comment="Number of the period between two changes of state",
    ),
    sa.Column("opened_at", _timestamp, comment="When it opened last, UTC; NULL: closed"),
    sa.Column(
        "probe_until",
        _timestamp,
        comment="When the half-open probe is given up, UTC; NULL: not half open",
    ),
    sa.Column(
        "failed_at",
        ARRAY(_timestamp),
        nullable=False,
        server_default="{}",
        comment="When the failures were, UTC, while closed; the oldest first",
    ),
    sa.Column("last_error", sa.Text, comment="The newest failure; NULL: none"),
    sa.Column(
        "updated_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=UPDATED_AT
    ),
    comment="Circuit breakers that all processes share: a row an upstream",
)
