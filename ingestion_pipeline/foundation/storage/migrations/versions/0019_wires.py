"""What clients of the replaced services read and send: `amazon_kdp` is the name of Amazon KDP.

Rows of `kdp` get the new name. What tells one sale or report from another (external ids, natural
keys, content hashes) does not change, so an old report imported again doubles nothing.

Operators' SQL finds the columns that it names. A job's payload is shown without the members that
may be credentials: nobody but workers and the gateway reads `jobs.payload`.
"""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(_AMAZON_KDP)
    op.execute(_TABLES)
    op.execute(_VIEWS)


_AMAZON_KDP = """
    UPDATE sales_events SET platform = 'amazon_kdp' WHERE platform = 'kdp';
    UPDATE daily_sales SET platform = 'amazon_kdp' WHERE platform = 'kdp';
    UPDATE uploads SET type = 'amazon_kdp',
        source_key = regexp_replace(source_key, '^book_sales:kdp:', 'book_sales:amazon_kdp:')
    WHERE domain = 'book_sales' AND type = 'kdp';
    -- `platform` follows: it is generated of the payload.
    UPDATE jobs SET kind = 'book_sales.import.amazon_kdp',
        payload = payload || '{"platform": "amazon_kdp"}'
    WHERE kind = 'book_sales.import.kdp';
"""

_TABLES = """
    ALTER TABLE jobs ADD COLUMN shown_payload jsonb
        GENERATED ALWAYS AS (CASE WHEN kind LIKE 'book\\_sales.import.%' THEN
            payload - '{access_token,accessToken}'::text[] END) STORED;

    -- `running` stays allowed for a process of before that is still at work.
    ALTER TABLE cron_logs DROP CONSTRAINT cron_logs_status_check;
    UPDATE cron_logs SET status = 'started' WHERE status = 'running';
    ALTER TABLE cron_logs
        ALTER COLUMN status SET DEFAULT 'started',
        ADD CONSTRAINT cron_logs_status_check
            CHECK (status IN ('started', 'running', 'completed', 'failed')),
        ADD COLUMN id bigint GENERATED ALWAYS AS (cron_log_id) STORED,
        ADD COLUMN job_name text GENERATED ALWAYS AS (name) STORED,
        ADD COLUMN payload jsonb GENERATED ALWAYS AS (details) STORED,
        ADD COLUMN error_message text GENERATED ALWAYS AS (error) STORED;

    -- What programs beside ours say of their caches moves no figure of ours.
    ALTER TABLE cache_metrics ADD COLUMN outside boolean NOT NULL DEFAULT false;

    CREATE TABLE outside_names (
        tenant_id integer NOT NULL
            CONSTRAINT outside_names_tenant_id_fkey REFERENCES tenants,
        sort text NOT NULL,
        name text NOT NULL,
        first_seen timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT outside_names_pkey PRIMARY KEY (tenant_id, sort, name)
    );
    ALTER TABLE outside_names ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON outside_names FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
"""

_VIEWS = """
    CREATE OR REPLACE VIEW market_jobs WITH (security_invoker = true) AS
    SELECT job_id AS id, job_id, tenant_id, kind AS job_type,
           CASE status WHEN 'pending' THEN 'QUEUED' WHEN 'retrying' THEN 'QUEUED'
                       WHEN 'processing' THEN 'RUNNING' WHEN 'completed' THEN 'COMPLETED'
                       ELSE 'FAILED' END AS status,
           attempts, max_attempts, created_at AS queued_at, started_at,
           completed_at AS finished_at,
           extract(epoch FROM completed_at - started_at)::double precision * 1000 AS duration_ms,
           result, error_message, updated_at
    FROM (
        SELECT job_id, tenant_id, kind, status, attempt AS attempts, max_attempts, created_at,
               CASE WHEN attempt > 0 THEN
                   (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
               END AS started_at,
               CASE WHEN status IN ('completed', 'failed', 'dead') THEN updated_at
               END AS completed_at,
               result, error AS error_message, updated_at
        FROM jobs) AS every;

    CREATE OR REPLACE VIEW ingestion_jobs WITH (security_invoker = true) AS
    SELECT job_id AS id, job_id, tenant_id, kind, platform,
           CASE status WHEN 'dead' THEN 'failed' ELSE status END AS status,
           priority, attempt AS attempts, max_attempts, available_at AS scheduled_for,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS started_at,
           CASE WHEN status IN ('completed', 'failed', 'dead') THEN updated_at END AS completed_at,
           result, error AS error_message, run_id, created_at, updated_at,
           tenant_id AS profile_id,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS executed_at,
           shown_payload AS payload
    FROM jobs WHERE kind LIKE 'book\\_sales.import.%';

    CREATE OR REPLACE VIEW ingestion_attempts WITH (security_invoker = true) AS
    SELECT a.job_id::text || '-' || a.attempt AS id, a.job_id, a.attempt AS attempt_number,
           j.tenant_id, j.kind, j.platform,
           CASE WHEN a.outcome IS NULL THEN 'processing'
                WHEN a.outcome = 'completed' THEN 'completed'
                ELSE 'failed' END AS status,
           a.outcome, a.started_at, a.finished_at AS completed_at,
           extract(epoch FROM a.finished_at - a.started_at)::double precision * 1000
               AS duration_ms,
           a.error AS error_message, a.worker, a.run_id, a.finished_at
    FROM job_attempts AS a JOIN jobs AS j USING (job_id);
"""
