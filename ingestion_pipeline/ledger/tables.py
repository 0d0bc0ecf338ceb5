"""The tables of the ledger as SQLAlchemy sees them; made by migrations 0001 and 0003."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("tenant_id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("api_key_id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, index=True),
    sa.Column("sha256", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("revoked_at", _timestamp),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default="{}"),
    sa.Column("result", JSONB(none_as_null=True)),
    sa.Column("status", sa.Text, nullable=False, server_default="pending"),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("available_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("lease_expires_at", _timestamp),
    sa.Column("worker", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("updated_at", _timestamp, nullable=False, server_default=sa.func.now()),
)
sa.Index(
    "jobs_open_idx",
    jobs.c.kind,
    jobs.c.priority.desc(),
    jobs.c.job_id,
    postgresql_where=jobs.c.status.in_(("pending", "processing", "retrying")),
)
sa.Index("jobs_run_id_idx", jobs.c.run_id, postgresql_where=jobs.c.status == "processing")

job_attempts = sa.Table(
    "job_attempts",
    metadata,
    sa.Column("job_id", sa.ForeignKey("jobs.job_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("started_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("finished_at", _timestamp),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Column("error", sa.Text),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("upload_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("type", sa.Text),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("source_key", sa.Text),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("sha256", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("job_id", sa.ForeignKey("jobs.job_id"), index=True),
    _count("lines"),
    _count("blank"),
    _count("rejected"),
    _count("staged"),
    _count("inserted"),
    _count("updated"),
    _count("unchanged"),
    _count("superseded"),
    _count("waiting"),
    sa.Column("error", sa.Text),
    sa.Column("recorded_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("staged_at", _timestamp),
    sa.Column("loaded_at", _timestamp),
    sa.UniqueConstraint("tenant_id", "source_key"),
)
sa.Index(
    "uploads_unfinished_idx",
    uploads.c.domain,
    uploads.c.type,
    uploads.c.tenant_id,
    uploads.c.upload_id,
    postgresql_where=uploads.c.status.in_(("recorded", "staged")),
)

rejected_rows = sa.Table(
    "rejected_rows",
    metadata,
    sa.Column(
        "upload_id", sa.ForeignKey("uploads.upload_id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("line_number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("raw", sa.Text, nullable=False),
    sa.Column("reasons", JSONB, nullable=False),
    sa.Column("rejected_at", _timestamp, nullable=False, server_default=sa.func.now()),
)

api_requests = sa.Table(
    "api_requests",
    metadata,
    sa.Column("requested_at", _timestamp, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("tenant_id", sa.Integer),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("duration_ms", sa.Double, nullable=False),
    sa.Column("request_bytes", sa.BigInteger, nullable=False),
    sa.Column("response_bytes", sa.BigInteger, nullable=False),
    sa.Column("cache_hit", sa.Boolean),
)
sa.Index(
    "api_requests_requested_at_idx",
    api_requests.c.requested_at,
    postgresql_using="brin",
    postgresql_with={"autosummarize": "on"},
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    sa.Column("endpoint", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("attempt", sa.BigInteger, sa.Identity(always=True), nullable=False),
    sa.Column("payload_sha256", sa.LargeBinary),
    sa.Column("status", sa.SmallInteger),
    sa.Column("body", sa.LargeBinary),
    sa.Column("location", sa.Text),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("in_flight_until", _timestamp, nullable=False),
)
sa.Index("idempotency_keys_created_at_idx", idempotency_keys.c.created_at)
