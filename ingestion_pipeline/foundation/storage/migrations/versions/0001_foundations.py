"""Tenants and their keys, uploads and rejected rows, jobs and attempts, key-value documents."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE tenants (
            tenant_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text NOT NULL CONSTRAINT tenants_name_key UNIQUE
                CONSTRAINT tenants_name_check CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE api_keys (
            api_key_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer NOT NULL
                CONSTRAINT api_keys_tenant_id_fkey REFERENCES tenants,
            sha256 bytea NOT NULL CONSTRAINT api_keys_sha256_key UNIQUE,
            hint text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        );
        CREATE INDEX api_keys_tenant_id_idx ON api_keys (tenant_id);

        CREATE TABLE jobs (
            job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer CONSTRAINT jobs_tenant_id_fkey REFERENCES tenants,
            kind text NOT NULL,
            payload jsonb NOT NULL DEFAULT '{}',
            result jsonb,
            status text NOT NULL DEFAULT 'pending' CONSTRAINT jobs_status_check CHECK (status IN
                ('pending', 'processing', 'completed', 'retrying', 'failed', 'dead')),
            priority integer NOT NULL DEFAULT 0,
            attempt integer NOT NULL DEFAULT 0,
            max_attempts integer NOT NULL,
            available_at timestamptz NOT NULL DEFAULT now(),
            lease_expires_at timestamptz,
            worker text,
            run_id text,
            error text,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        -- Only jobs that are still to be done are in it, however long the history grows.
        CREATE INDEX jobs_open_idx ON jobs (kind, priority DESC, job_id)
            WHERE status IN ('pending', 'processing', 'retrying');
        CREATE INDEX jobs_run_id_idx ON jobs (run_id) WHERE status = 'processing';

        CREATE TABLE job_attempts (
            job_id bigint NOT NULL
                CONSTRAINT job_attempts_job_id_fkey REFERENCES jobs ON DELETE CASCADE,
            attempt integer NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            worker text NOT NULL,
            run_id text,
            outcome text CONSTRAINT job_attempts_outcome_check
                CHECK (outcome IN ('completed', 'failed', 'released', 'lapsed')),
            error text,
            CONSTRAINT job_attempts_pkey PRIMARY KEY (job_id, attempt)
        );

        CREATE TABLE uploads (
            upload_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer NOT NULL CONSTRAINT uploads_tenant_id_fkey REFERENCES tenants,
            domain text NOT NULL,
            type text,
            file_name text NOT NULL,
            source text NOT NULL,
            source_key text,
            location text NOT NULL,
            bytes bigint,
            sha256 text,
            status text NOT NULL CONSTRAINT uploads_status_check
                CHECK (status IN ('recorded', 'staged', 'loaded', 'failed')),
            job_id bigint CONSTRAINT uploads_job_id_fkey REFERENCES jobs,
            lines bigint NOT NULL DEFAULT 0,
            blank bigint NOT NULL DEFAULT 0,
            rejected bigint NOT NULL DEFAULT 0,
            staged bigint NOT NULL DEFAULT 0,
            inserted bigint NOT NULL DEFAULT 0,
            updated bigint NOT NULL DEFAULT 0,
            unchanged bigint NOT NULL DEFAULT 0,
            superseded bigint NOT NULL DEFAULT 0,
            waiting bigint NOT NULL DEFAULT 0,
            error text,
            recorded_at timestamptz NOT NULL DEFAULT now(),
            staged_at timestamptz,
            loaded_at timestamptz,
            CONSTRAINT uploads_tenant_id_source_key_key UNIQUE (tenant_id, source_key)
        );
        CREATE INDEX uploads_unfinished_idx ON uploads (domain, type, tenant_id, upload_id)
            WHERE status IN ('recorded', 'staged');
        CREATE INDEX uploads_job_id_idx ON uploads (job_id);

        CREATE TABLE rejected_rows (
            upload_id bigint NOT NULL
                CONSTRAINT rejected_rows_upload_id_fkey REFERENCES uploads ON DELETE CASCADE,
            line_number bigint NOT NULL,
            tenant_id integer NOT NULL,
            file_name text NOT NULL,
            raw text NOT NULL,
            reasons jsonb NOT NULL,
            rejected_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT rejected_rows_pkey PRIMARY KEY (upload_id, line_number)
        );

        CREATE TABLE key_value (
            namespace text NOT NULL,
            key text COLLATE "C" NOT NULL,
            value jsonb NOT NULL,
            version bigint NOT NULL,
            expires_at timestamptz,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT key_value_pkey PRIMARY KEY (namespace, key)
        );
        CREATE INDEX key_value_expires_at_idx ON key_value (expires_at)
            WHERE expires_at IS NOT NULL;
        CREATE SEQUENCE key_value_versions;
    """)
