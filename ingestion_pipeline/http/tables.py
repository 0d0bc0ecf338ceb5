"""What all processes know of an upstream: when it was called, and whether it answers."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)

upstream_limits = sa.Table(
    "upstream_limits",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("recent", ARRAY(_timestamp), nullable=False),
    sa.Column("paused_until", _timestamp),
)

circuit_breakers = sa.Table(
    "circuit_breakers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False, server_default="closed"),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("opened_at", _timestamp),
    sa.Column("probe_until", _timestamp),
    sa.Column("failed_at", ARRAY(_timestamp), nullable=False, server_default="{}"),
    sa.Column("last_error", sa.Text),
    sa.Column("updated_at", _timestamp, nullable=False, server_default=sa.func.now()),
)
