"""The ledger's tables as SQLAlchemy sees them; migrations 0001 to 0021."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    sa.Column("landed_bytes_limit", sa.BigInteger),  # None: the settings'
    sa.Column("rejected_bytes_limit", sa.BigInteger),
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

signing_secrets = sa.Table(
    "signing_secrets",
    metadata,
    sa.Column("signing_secret_id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, index=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", _timestamp),
    sa.Column("revoked_at", _timestamp),
)

rate_buckets = sa.Table(
    "rate_buckets",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    sa.Column("tokens", sa.Double, nullable=False),
    sa.Column("granted", sa.Integer, nullable=False),
    sa.Column("filled_at", _timestamp, nullable=False),
    prefixes=["UNLOGGED"],
)

# Which tenant's rows a login role sees: what the policies `own_rows` of migration 0012 go by.
tenant_readers = sa.Table(
    "tenant_readers",
    metadata,
    sa.Column("role_name", sa.Text, primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("job_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id")),
    sa.Column("kind", sa.Text, nullable=False),
    # Of the payload, for those who may not read payloads.
    sa.Column(
        "platform",
        sa.Text,
        sa.Computed("COALESCE(payload ->> 'platform'::text, kind)", persisted=True),
        nullable=False,
    ),
    sa.Column("payload", JSONB, nullable=False, server_default="{}"),
    # Without credentials, for those who may not read payloads; of book sales' imports only.
    sa.Column(
        "shown_payload",
        JSONB,
        sa.Computed(
            "CASE WHEN kind LIKE 'book\\_sales.import.%' THEN "
            "payload - '{access_token,accessToken}'::text[] END",
            persisted=True,
        ),
    ),
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
    # It failed by what was sent, and by nothing of ours: in no failure rate of ours.
    sa.Column("senders_fault", sa.Boolean, nullable=False, server_default=sa.false()),
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
sa.Index("jobs_run_id_idx", jobs.c.run_id, postgresql_where=jobs.c.status == "processing")
sa.Index(
    "jobs_finished_idx",
    jobs.c.updated_at,
    postgresql_where=jobs.c.status.in_(("completed", "failed", "dead")),
)

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
sa.Index("job_attempts_job_uuid_idx", sa.func.job_uuid(job_attempts.c.job_id))
sa.Index(
    "job_attempts_repeated_idx",
    job_attempts.c.started_at,
    postgresql_where=job_attempts.c.attempt > 1,
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
    _count("preamble"),
    _count("rejected"),
    _count("staged"),
    _count("inserted"),
    _count("updated"),
    _count("unchanged"),
    _count("superseded"),
    _count("waiting"),
    _count("rejected_kept"),
    _count("rejected_bytes"),
    sa.Column("error", sa.Text),
    sa.Column("recorded_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("staged_at", _timestamp),
    sa.Column("loaded_at", _timestamp),
    sa.Column("removed_at", _timestamp),  # when retention took the landed file away
    sa.UniqueConstraint("tenant_id", "source_key"),
)
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
    sa.Column("replayed_by", sa.BigInteger),  # the upload that took the corrected row
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
    sa.Column("service", sa.Text, nullable=False, server_default="gateway"),
    sa.Column("retries", sa.Integer, nullable=False, server_default="0"),
)
sa.Index("api_requests_requested_at_idx", api_requests.c.requested_at)

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

ingestion_events = sa.Table(
    "ingestion_events",
    metadata,
    sa.Column(
        "ingestion_id", sa.Text, primary_key=True, server_default=sa.text("gen_random_uuid()::text")
    ),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("market_slug", sa.Text),
    sa.Column("status", sa.Text, nullable=False, server_default="received"),
    sa.Column("payload", JSONB, nullable=False),
    sa.Column("payload_sha256", sa.Text, nullable=False),
    sa.Column("webhook_id", sa.Text),
    sa.Column("cache_invalidated", ARRAY(sa.Text), nullable=False, server_default="{}"),
    sa.Column("processed_records", sa.Integer),
    sa.Column("rejected", JSONB, nullable=False, server_default="[]"),
    sa.Column("processing_time_ms", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("job_id", sa.BigInteger),
    sa.Column("request_id", sa.Text),
    sa.Column("received_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("validated_at", _timestamp),
    sa.Column("applied_at", _timestamp),
    sa.UniqueConstraint("tenant_id", "event_type", "payload_sha256"),
    sa.UniqueConstraint("tenant_id", "webhook_id"),
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

cron_logs = sa.Table(
    "cron_logs",
    metadata,
    sa.Column("cron_log_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False, server_default="schedule"),
    sa.Column("status", sa.Text, nullable=False, server_default="started"),
    sa.Column("processed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("succeeded", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("details", JSONB, nullable=False, server_default="{}"),
    sa.Column("error", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("started_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("finished_at", _timestamp),
    # As clients of the replaced services call them.
    sa.Column("id", sa.BigInteger, sa.Computed("cron_log_id", persisted=True)),
    sa.Column("job_name", sa.Text, sa.Computed("name", persisted=True)),
    sa.Column("payload", JSONB, sa.Computed("details", persisted=True)),
    sa.Column("error_message", sa.Text, sa.Computed("error", persisted=True)),
)
sa.Index("cron_logs_started_at_idx", cron_logs.c.started_at)

cache_metrics = sa.Table(
    "cache_metrics",
    metadata,
    sa.Column("recorded_at", _timestamp, nullable=False),
    sa.Column("tenant_id", sa.Integer),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("cache_key", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("duration_ms", sa.Double),
    # Of a program beside ours: no figure of ours.
    sa.Column("outside", sa.Boolean, nullable=False, server_default=sa.false()),
)
sa.Index("cache_metrics_recorded_at_idx", cache_metrics.c.recorded_at)

outside_names = sa.Table(
    "outside_names",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True),
    sa.Column("sort", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("first_seen", _timestamp, nullable=False, server_default=sa.func.now()),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("alert_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("threshold", sa.Double),
    sa.Column("started_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("resolved_at", _timestamp),
    sa.Column("calm_since", _timestamp),
    sa.Column("start_sent_at", _timestamp),
    sa.Column("recovery_sent_at", _timestamp),
    sa.Column("delivery_attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_delivery_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("delivery_error", sa.Text),
)
sa.Index(
    "alerts_open_idx", alerts.c.name, unique=True, postgresql_where=alerts.c.resolved_at.is_(None)
)
sa.Index(
    "alerts_undelivered_idx",
    alerts.c.next_delivery_at,
    postgresql_where=sa.or_(
        alerts.c.start_sent_at.is_(None),
        sa.and_(alerts.c.resolved_at.is_not(None), alerts.c.recovery_sent_at.is_(None)),
    ),
)
