"""What was asked over HTTP, and what must not be done twice."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage.columns import (
    bigint,
    boolean,
    count,
    double,
    integer,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, TENANT

api_requests = sa.Table(
    "api_requests",
    metadata,
    timestamp("requested_at", comment="When it came, UTC"),
    text("request_id", comment="Id of the request"),
    integer("tenant_id", nullable=True, comment="Who asked (tenants.tenant_id); NULL: not known"),
    text("method", comment="Method of HTTP"),
    text("route", comment="Route that answered, without the values in its path"),
    sa.Column(
        "status", sa.SmallInteger, nullable=False, comment="Status of HTTP that was answered"
    ),
    double(
        "duration_ms",
        comment="How long the answer took, milliseconds, without waiting for the sender",
    ),
    bigint("request_bytes", comment="Size of the request's body, bytes"),
    bigint("response_bytes", comment="Size of the answer's body, bytes"),
    boolean("cache_hit", nullable=True, comment="Whether the cache answered; NULL: none was asked"),
    text(
        "service",
        default="gateway",
        comment="Who answered: gateway, or a program that logs its requests here",
    ),
    count("retries", sa.Integer, comment="How often others had to be asked again for the answer"),
    comment="Requests that the gateway, or a program beside it, answered",
)
sa.Index("api_requests_requested_at_idx", api_requests.c.requested_at)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), primary_key=True, comment=TENANT),
    text("endpoint", primary_key=True, comment="What was asked for"),
    text("key", primary_key=True, comment="Idempotency-Key of the request"),
    sa.Column(
        "attempt",
        sa.BigInteger,
        sa.Identity(always=True),
        nullable=False,
        comment="Number of the attempt that holds the key",
    ),
    sa.Column(
        "payload_sha256",
        sa.LargeBinary,
        comment="SHA-256 of the request, 32 bytes; NULL: not known yet",
    ),
    sa.Column(
        "status",
        sa.SmallInteger,
        comment="Status of HTTP that was answered; NULL: not answered yet",
    ),
    sa.Column("body", sa.LargeBinary, comment="Body that was answered; NULL: not answered yet"),
    text("location", nullable=True, comment="Header `Location` of the answer; NULL: none"),
    now("created_at", comment=CREATED_AT),
    timestamp("in_flight_until", comment="Until when the attempt holds the key, UTC"),
    comment="Answers by Idempotency-Key, so that the same request is done once",
)
sa.Index("idempotency_keys_created_at_idx", idempotency_keys.c.created_at)
