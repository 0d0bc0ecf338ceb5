"""What the gateway remembers: requests, and answers under an idempotency key."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE api_requests (
            requested_at timestamptz NOT NULL,
            request_id text NOT NULL,
            tenant_id integer,
            method text NOT NULL,
            route text NOT NULL,
            status smallint NOT NULL,
            duration_ms double precision NOT NULL,
            request_bytes bigint NOT NULL,
            response_bytes bigint NOT NULL,
            cache_hit boolean
        );
        -- Rows come in order of time: a BRIN index finds a window of them and costs nothing.
        CREATE INDEX api_requests_requested_at_idx ON api_requests
            USING brin (requested_at) WITH (autosummarize = on);

        CREATE TABLE idempotency_keys (
            tenant_id integer NOT NULL
                CONSTRAINT idempotency_keys_tenant_id_fkey REFERENCES tenants,
            endpoint text NOT NULL,
            key text NOT NULL,
            attempt bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
            payload_sha256 bytea,
            status smallint,
            body bytea,
            location text,
            created_at timestamptz NOT NULL DEFAULT now(),
            in_flight_until timestamptz NOT NULL,
            CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, endpoint, key)
        );
        CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
    """)
