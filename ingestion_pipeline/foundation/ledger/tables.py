"""The ledger's tables as SQLAlchemy sees them; migrations 0001 to 0022."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import (
    CREATED_AT,
    ERROR,
    EXPIRES_AT,
    JOB,
    RECEIVED_AT,
    REQUEST,
    REVOKED_AT,
    RUN,
    TENANT,
    UPDATED_AT,
    UPLOAD,
)

_timestamp = sa.DateTime(timezone=True)


def _count(name: str, *, comment: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0", comment=comment)


tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column(
        "tenant_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the tenant",
    ),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="Name of the tenant, unique"),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    sa.Column(
        "landed_bytes_limit",
        sa.BigInteger,
        comment="Most bytes of landed files; NULL: as the settings say",
    ),
    sa.Column(
        "rejected_bytes_limit",
        sa.BigInteger,
        comment="Most bytes of kept refused rows; NULL: as the settings say",
    ),
    comment="Tenants: whose data it is",
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column(
        "api_key_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the key",
    ),
    sa.Column(
        "tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, index=True, comment=TENANT
    ),
    sa.Column(
        "sha256",
        sa.LargeBinary,
        nullable=False,
        unique=True,
        comment="SHA-256 of the key, 32 bytes",
    ),
    sa.Column("hint", sa.Text, nullable=False, comment="Beginning of the key, to know it by"),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    sa.Column("revoked_at", _timestamp, comment=REVOKED_AT),
    comment="Keys of tenants to the gateway",
)

signing_secrets = sa.Table(
    "signing_secrets",
    metadata,
    sa.Column(
        "signing_secret_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the secret",
    ),
    sa.Column(
        "tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, index=True, comment=TENANT
    ),
    sa.Column("sealed", sa.Text, nullable=False, comment="The secret, encrypted"),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    sa.Column("expires_at", _timestamp, comment=EXPIRES_AT),
    sa.Column("revoked_at", _timestamp, comment=REVOKED_AT),
    comment="Secrets of tenants that sign their webhooks",
)

rate_buckets = sa.Table(
    "rate_buckets",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True, comment=TENANT),
    sa.Column("tokens", sa.Double, nullable=False, comment="Requests that are left"),
    sa.Column("granted", sa.Integer, nullable=False, comment="Requests that were taken out last"),
    sa.Column("filled_at", _timestamp, nullable=False, comment="When it was filled up last, UTC"),
    comment="What tenants may still send, through all gateways: a bucket a tenant",
    prefixes=["UNLOGGED"],
)

# Which tenant's rows a login role sees: what the policies `own_rows` of migration 0012 go by.
tenant_readers = sa.Table(
    "tenant_readers",
    metadata,
    sa.Column("role_name", sa.Text, primary_key=True, comment="The role in the database"),
    sa.Column(
        "tenant_id",
        sa.ForeignKey("tenants.tenant_id"),
        nullable=False,
        comment="The tenant whose rows it sees (tenants.tenant_id)",
    ),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    comment="Which tenant's rows a login role sees (policies `own_rows`)",
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column(
        "job_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the job, in order of arrival",
    ),
    sa.Column(
        "tenant_id",
        sa.ForeignKey("tenants.tenant_id"),
        comment="Whose job it is (tenants.tenant_id); NULL: nobody's in particular",
    ),
    sa.Column("kind", sa.Text, nullable=False, comment="What is to be done"),
    # Of the payload, for those who may not read payloads.
    sa.Column(
        "platform",
        sa.Text,
        sa.Computed("COALESCE(payload ->> 'platform'::text, kind)", persisted=True),
        nullable=False,
        comment="`platform` of the payload, else the kind",
    ),
    sa.Column(
        "payload",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="What the work needs to know; never overwritten",
    ),
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
    sa.Column("result", JSONB(none_as_null=True), comment="What came of it; NULL: nothing yet"),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="pending",
        comment="pending, processing, retrying, completed, failed or dead",
    ),
    sa.Column(
        "priority", sa.Integer, nullable=False, server_default="0", comment="The highest first"
    ),
    sa.Column(
        "attempt",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Attempts that were begun",
    ),
    sa.Column(
        "max_attempts", sa.Integer, nullable=False, comment="Attempts after which it is given up"
    ),
    sa.Column(
        "available_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="Not before this instant, UTC",
    ),
    sa.Column(
        "lease_expires_at",
        _timestamp,
        comment="When another may take it up, UTC; NULL: nobody works at it",
    ),
    sa.Column("worker", sa.Text, comment="Who works at it, or did last; NULL: nobody yet"),
    sa.Column("run_id", sa.Text, comment=RUN),
    sa.Column("error", sa.Text, comment=ERROR),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    sa.Column(
        "updated_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=UPDATED_AT
    ),
    sa.Column(
        "senders_fault",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
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
        sa.ForeignKey("jobs.job_id", ondelete="CASCADE"),
        primary_key=True,
        comment="The job (jobs.job_id)",
    ),
    sa.Column(
        "attempt",
        sa.Integer,
        primary_key=True,
        autoincrement=False,
        comment="Number of the attempt, from 1",
    ),
    sa.Column(
        "started_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it began, UTC",
    ),
    sa.Column("finished_at", _timestamp, comment="When it ended, UTC; NULL: it is under way"),
    sa.Column("worker", sa.Text, nullable=False, comment="Who made it"),
    sa.Column("run_id", sa.Text, comment=RUN),
    sa.Column(
        "outcome", sa.Text, comment="completed, failed, released or lapsed; NULL: it is under way"
    ),
    sa.Column("error", sa.Text, comment=ERROR),
    comment="Attempts at jobs: a row a job and attempt",
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
    sa.Column(
        "upload_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the file, in order of arrival: the later one wins",
    ),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, comment=TENANT),
    sa.Column(
        "domain",
        sa.Text,
        nullable=False,
        comment="Whose data it is: commerce, book_sales and so on",
    ),
    sa.Column(
        "type", sa.Text, comment="Type of its rows, or platform of its report; NULL: none is known"
    ),
    sa.Column("file_name", sa.Text, nullable=False, comment="Name of the file as it came"),
    sa.Column(
        "source",
        sa.Text,
        nullable=False,
        comment="How it came: http, drop, ingest, replay, storage, api and so on",
    ),
    sa.Column(
        "source_key",
        sa.Text,
        comment="What it is not taken twice by, unique in the tenant; NULL: nothing",
    ),
    sa.Column("location", sa.Text, nullable=False, comment="Where the file is"),
    sa.Column("bytes", sa.BigInteger, comment="Size of the file, bytes; NULL: not known"),
    sa.Column("sha256", sa.Text, comment="SHA-256 of the file, hexadecimal; NULL: not known"),
    sa.Column("status", sa.Text, nullable=False, comment="recorded, staged, loaded or failed"),
    sa.Column("job_id", sa.ForeignKey("jobs.job_id"), index=True, comment=JOB),
    _count("lines", comment="Lines of the file: blank + preamble + rejected + staged"),
    _count("blank", comment="Blank lines"),
    _count("preamble", comment="Lines that are no rows: headers and what stands before them"),
    _count("rejected", comment="Lines that were refused (rejected_rows)"),
    _count(
        "staged",
        comment="Rows: inserted + updated + unchanged + superseded + waiting once it is loaded",
    ),
    _count("inserted", comment="Rows that were new"),
    _count("updated", comment="Rows that changed one that was there"),
    _count("unchanged", comment="Rows that were there already"),
    _count("superseded", comment="Rows that a later version of the same row replaced"),
    _count("waiting", comment="Rows that wait for their parent"),
    _count("rejected_kept", comment="Refused lines that are kept in full"),
    _count("rejected_bytes", comment="Their size, bytes"),
    sa.Column("error", sa.Text, comment="Why the file as a whole cannot be used; NULL: it can"),
    sa.Column(
        "recorded_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it was recorded, UTC",
    ),
    sa.Column(
        "staged_at", _timestamp, comment="When its rows were staged, UTC; NULL: they are not"
    ),
    sa.Column(
        "loaded_at", _timestamp, comment="When its rows were loaded, UTC; NULL: they are not"
    ),
    sa.Column(
        "removed_at",
        _timestamp,
        comment="When retention took the landed file away, UTC; NULL: it is there",
    ),
    sa.UniqueConstraint("tenant_id", "source_key"),
    comment="Files that arrived, and what became of their lines: a row a file",
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
        "upload_id",
        sa.ForeignKey("uploads.upload_id", ondelete="CASCADE"),
        primary_key=True,
        comment=UPLOAD,
    ),
    sa.Column(
        "line_number",
        sa.BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="Number of the line in the file, from 1",
    ),
    sa.Column("tenant_id", sa.Integer, nullable=False, comment=TENANT),
    sa.Column("file_name", sa.Text, nullable=False, comment="Name of the file as it came"),
    sa.Column("raw", sa.Text, nullable=False, comment="The line as it came"),
    sa.Column("reasons", JSONB, nullable=False, comment="Every reason why it was refused"),
    sa.Column(
        "rejected_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it was refused, UTC",
    ),
    sa.Column(
        "replayed_by",
        sa.BigInteger,
        comment="The upload that took the corrected row (uploads.upload_id); NULL: none",
    ),
    comment="Lines that were refused, with every reason: a row a file and line",
)

api_requests = sa.Table(
    "api_requests",
    metadata,
    sa.Column("requested_at", _timestamp, nullable=False, comment="When it came, UTC"),
    sa.Column("request_id", sa.Text, nullable=False, comment="Id of the request"),
    sa.Column("tenant_id", sa.Integer, comment="Who asked (tenants.tenant_id); NULL: not known"),
    sa.Column("method", sa.Text, nullable=False, comment="Method of HTTP"),
    sa.Column(
        "route",
        sa.Text,
        nullable=False,
        comment="Route that answered, without the values in its path",
    ),
    sa.Column(
        "status", sa.SmallInteger, nullable=False, comment="Status of HTTP that was answered"
    ),
    sa.Column(
        "duration_ms",
        sa.Double,
        nullable=False,
        comment="How long the answer took, milliseconds, without waiting for the sender",
    ),
    sa.Column(
        "request_bytes", sa.BigInteger, nullable=False, comment="Size of the request's body, bytes"
    ),
    sa.Column(
        "response_bytes", sa.BigInteger, nullable=False, comment="Size of the answer's body, bytes"
    ),
    sa.Column("cache_hit", sa.Boolean, comment="Whether the cache answered; NULL: none was asked"),
    sa.Column(
        "service",
        sa.Text,
        nullable=False,
        server_default="gateway",
        comment="Who answered: gateway, or a program that logs its requests here",
    ),
    sa.Column(
        "retries",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="How often others had to be asked again for the answer",
    ),
    comment="Requests that the gateway, or a program beside it, answered",
)
sa.Index("api_requests_requested_at_idx", api_requests.c.requested_at)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True, comment=TENANT),
    sa.Column("endpoint", sa.Text, primary_key=True, comment="What was asked for"),
    sa.Column("key", sa.Text, primary_key=True, comment="Idempotency-Key of the request"),
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
    sa.Column("location", sa.Text, comment="Header `Location` of the answer; NULL: none"),
    sa.Column(
        "created_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=CREATED_AT
    ),
    sa.Column(
        "in_flight_until",
        _timestamp,
        nullable=False,
        comment="Until when the attempt holds the key, UTC",
    ),
    comment="Answers by Idempotency-Key, so that the same request is done once",
)
sa.Index("idempotency_keys_created_at_idx", idempotency_keys.c.created_at)

ingestion_events = sa.Table(
    "ingestion_events",
    metadata,
    sa.Column(
        "ingestion_id",
        sa.Text,
        primary_key=True,
        server_default=sa.text("gen_random_uuid()::text"),
        comment="Id of the event, a UUID where we gave it",
    ),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False, comment=TENANT),
    sa.Column(
        "event_type",
        sa.Text,
        nullable=False,
        comment="Type of the event, for instance market.fundamentals.upsert",
    ),
    sa.Column("source", sa.Text, comment="Who sent it, as it says itself; NULL: not told"),
    sa.Column("market_slug", sa.Text, comment="The market that it is about; NULL: none"),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="received",
        comment="received, validated, applied or failed",
    ),
    sa.Column("payload", JSONB, nullable=False, comment="The event as it was sent"),
    sa.Column(
        "payload_sha256",
        sa.Text,
        nullable=False,
        comment="SHA-256 of the body, hexadecimal: the same again is a duplicate",
    ),
    sa.Column(
        "webhook_id",
        sa.Text,
        comment="The sender's own id of the event, unique in the tenant; NULL: none",
    ),
    sa.Column(
        "cache_invalidated",
        ARRAY(sa.Text),
        nullable=False,
        server_default="{}",
        comment="Keys of the cache that it invalidated",
    ),
    sa.Column(
        "processed_records", sa.Integer, comment="Records that were written; NULL: not applied"
    ),
    sa.Column(
        "rejected",
        JSONB,
        nullable=False,
        server_default="[]",
        comment="What was refused of it, with reasons",
    ),
    sa.Column(
        "processing_time_ms",
        sa.Double,
        comment="How long applying it took, milliseconds; NULL: not applied",
    ),
    sa.Column("error", sa.Text, comment=ERROR),
    sa.Column("job_id", sa.BigInteger, comment=JOB),
    sa.Column("request_id", sa.Text, comment=REQUEST),
    sa.Column(
        "received_at", _timestamp, nullable=False, server_default=sa.func.now(), comment=RECEIVED_AT
    ),
    sa.Column(
        "validated_at", _timestamp, comment="When it was found to be valid, UTC; NULL: it was not"
    ),
    sa.Column("applied_at", _timestamp, comment="When it was applied, UTC; NULL: it was not"),
    sa.UniqueConstraint("tenant_id", "event_type", "payload_sha256"),
    sa.UniqueConstraint("tenant_id", "webhook_id"),
    comment="Events that were sent, and what became of them: a row an event",
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
    sa.Column(
        "cron_log_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the tick",
    ),
    sa.Column("name", sa.Text, nullable=False, comment="What ran"),
    sa.Column(
        "trigger",
        sa.Text,
        nullable=False,
        server_default="schedule",
        comment="What began it: schedule, http, sensor and so on",
    ),
    sa.Column(
        "status",
        sa.Text,
        nullable=False,
        server_default="started",
        comment="started, completed or failed; running: of a process of an earlier version",
    ),
    sa.Column(
        "processed",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Things that were dealt with",
    ),
    sa.Column(
        "succeeded",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Those of them that went well",
    ),
    sa.Column(
        "failed",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Those of them that did not",
    ),
    sa.Column(
        "details",
        JSONB,
        nullable=False,
        server_default="{}",
        comment="What else there is to say of it",
    ),
    sa.Column("error", sa.Text, comment=ERROR),
    sa.Column("run_id", sa.Text, comment=RUN),
    sa.Column(
        "started_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it began, UTC",
    ),
    sa.Column("finished_at", _timestamp, comment="When it ended, UTC; NULL: it is under way"),
    sa.Column(
        "id",
        sa.BigInteger,
        sa.Computed("cron_log_id", persisted=True),
        comment="cron_log_id, as clients of the replaced services call it",
    ),
    sa.Column(
        "job_name",
        sa.Text,
        sa.Computed("name", persisted=True),
        comment="name, as clients of the replaced services call it",
    ),
    sa.Column(
        "payload",
        JSONB,
        sa.Computed("details", persisted=True),
        comment="details, as clients of the replaced services call them",
    ),
    sa.Column(
        "error_message",
        sa.Text,
        sa.Computed("error", persisted=True),
        comment="error, as clients of the replaced services call it",
    ),
    comment="Ticks of whatever runs by the clock, or is called as if by it: a row a tick",
)
sa.Index("cron_logs_started_at_idx", cron_logs.c.started_at)

cache_metrics = sa.Table(
    "cache_metrics",
    metadata,
    sa.Column("recorded_at", _timestamp, nullable=False, comment="When it was, UTC"),
    sa.Column(
        "tenant_id", sa.Integer, comment="For whom (tenants.tenant_id); NULL: nobody in particular"
    ),
    sa.Column("service", sa.Text, nullable=False, comment="Whose cache it is"),
    sa.Column("cache_key", sa.Text, nullable=False, comment="Key of the cache"),
    sa.Column("outcome", sa.Text, nullable=False, comment="hit, miss, stale or invalidation"),
    sa.Column(
        "duration_ms", sa.Double, comment="How long it took, milliseconds; NULL: not measured"
    ),
    sa.Column(
        "outside",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether a program beside ours told it: it is in no figure of ours",
    ),
    comment="What the cache did: a row a hit, miss, stale answer or invalidation",
)
sa.Index("cache_metrics_recorded_at_idx", cache_metrics.c.recorded_at)

outside_names = sa.Table(
    "outside_names",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), primary_key=True, comment=TENANT),
    sa.Column(
        "sort",
        sa.Text,
        primary_key=True,
        comment="Sort of the name: service, route, kind or event_type",
    ),
    sa.Column("name", sa.Text, primary_key=True, comment="The name"),
    sa.Column(
        "first_seen",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it first came, UTC",
    ),
    comment="Names that tenants' programs have made in the ledger: so many of a sort",
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column(
        "alert_id",
        sa.BigInteger,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the incident",
    ),
    sa.Column(
        "name",
        sa.Text,
        nullable=False,
        comment="What it is about: one incident of a name at a time",
    ),
    sa.Column("message", sa.Text, nullable=False, comment="What is told"),
    sa.Column("value", sa.Double, comment="The figure that was measured; NULL: none"),
    sa.Column("threshold", sa.Double, comment="The limit that it is beyond; NULL: none"),
    sa.Column(
        "started_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="When it began, UTC",
    ),
    sa.Column("resolved_at", _timestamp, comment="When it ended, UTC; NULL: it goes on"),
    sa.Column(
        "calm_since", _timestamp, comment="Since when it has been calm again, UTC; NULL: it is not"
    ),
    sa.Column(
        "start_sent_at",
        _timestamp,
        comment="When the target took the news of its start, UTC; NULL: not yet",
    ),
    sa.Column(
        "recovery_sent_at",
        _timestamp,
        comment="When the target took the news of its end, UTC; NULL: not yet",
    ),
    sa.Column(
        "delivery_attempts",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="How often telling it was tried",
    ),
    sa.Column(
        "next_delivery_at",
        _timestamp,
        nullable=False,
        server_default=sa.func.now(),
        comment="Not told before this instant, UTC",
    ),
    sa.Column("delivery_error", sa.Text, comment="Why telling it failed last; NULL: it did not"),
    comment="Incidents that are told to the alert target: a row an incident",
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
