"""The rest of the ledger: events, cron logs, cache metrics, alerts; views and functions over it.

Time has ordinary indexes here. BRIN would cost nothing, but it does not help with rows that are
not summarized yet or come out of order, and then a window of minutes reads millions of rows.

The functions are in PL/pgSQL with plans made for each call: an SQL function is planned without
knowing its window, and reads the whole table for five minutes.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(_TABLES)
    op.execute(_VIEWS)
    op.execute(_FUNCTIONS)


_TABLES = """
    CREATE TABLE ingestion_events (
        ingestion_id text NOT NULL DEFAULT gen_random_uuid()::text,
        tenant_id integer NOT NULL
            CONSTRAINT ingestion_events_tenant_id_fkey REFERENCES tenants,
        event_type text NOT NULL,
        source text,
        market_slug text,
        status text NOT NULL DEFAULT 'received',
        payload jsonb NOT NULL,
        payload_sha256 text NOT NULL,
        webhook_id text,
        cache_invalidated text[] NOT NULL DEFAULT '{}',
        processed_records integer,
        rejected jsonb NOT NULL DEFAULT '[]',
        processing_time_ms double precision,
        error text,
        job_id bigint,
        request_id text,
        received_at timestamptz NOT NULL DEFAULT now(),
        validated_at timestamptz,
        applied_at timestamptz,
        CONSTRAINT ingestion_events_pkey PRIMARY KEY (ingestion_id),
        CONSTRAINT ingestion_events_status_check
            CHECK (status IN ('received', 'validated', 'applied', 'failed')),
        CONSTRAINT ingestion_events_tenant_id_event_type_payload_sha256_key
            UNIQUE (tenant_id, event_type, payload_sha256),
        CONSTRAINT ingestion_events_tenant_id_webhook_id_key UNIQUE (tenant_id, webhook_id)
    );
    CREATE INDEX ingestion_events_received_at_idx ON ingestion_events (received_at);
    -- Only events that are still to be applied are in it.
    CREATE INDEX ingestion_events_open_idx ON ingestion_events (received_at, ingestion_id)
        WHERE status IN ('received', 'validated');
    CREATE INDEX ingestion_events_job_id_idx ON ingestion_events (job_id)
        WHERE job_id IS NOT NULL;

    CREATE TABLE cron_logs (
        cron_log_id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        trigger text NOT NULL DEFAULT 'schedule',
        status text NOT NULL DEFAULT 'running',
        processed integer NOT NULL DEFAULT 0,
        succeeded integer NOT NULL DEFAULT 0,
        failed integer NOT NULL DEFAULT 0,
        details jsonb NOT NULL DEFAULT '{}',
        error text,
        run_id text,
        started_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        CONSTRAINT cron_logs_pkey PRIMARY KEY (cron_log_id),
        CONSTRAINT cron_logs_status_check CHECK (status IN ('running', 'completed', 'failed'))
    );
    CREATE INDEX cron_logs_started_at_idx ON cron_logs (started_at);

    CREATE TABLE cache_metrics (
        recorded_at timestamptz NOT NULL,
        tenant_id integer,
        service text NOT NULL,
        cache_key text NOT NULL,
        outcome text NOT NULL,
        duration_ms double precision,
        CONSTRAINT cache_metrics_outcome_check
            CHECK (outcome IN ('hit', 'miss', 'stale', 'invalidation'))
    );
    CREATE INDEX cache_metrics_recorded_at_idx ON cache_metrics (recorded_at);

    CREATE TABLE alerts (
        alert_id bigint GENERATED ALWAYS AS IDENTITY,
        name text NOT NULL,
        message text NOT NULL,
        value double precision,
        threshold double precision,
        started_at timestamptz NOT NULL DEFAULT now(),
        resolved_at timestamptz,
        -- When the alert target took the news of each.
        start_sent_at timestamptz,
        recovery_sent_at timestamptz,
        delivery_attempts integer NOT NULL DEFAULT 0,
        next_delivery_at timestamptz NOT NULL DEFAULT now(),
        delivery_error text,
        CONSTRAINT alerts_pkey PRIMARY KEY (alert_id)
    );
    -- One incident of a name at a time, whoever looks.
    CREATE UNIQUE INDEX alerts_open_idx ON alerts (name) WHERE resolved_at IS NULL;
    CREATE INDEX alerts_undelivered_idx ON alerts (next_delivery_at)
        WHERE start_sent_at IS NULL OR (resolved_at IS NOT NULL AND recovery_sent_at IS NULL);

    DROP INDEX api_requests_requested_at_idx;
    CREATE INDEX api_requests_requested_at_idx ON api_requests (requested_at);
    ALTER TABLE api_requests
        -- Who answered: this gateway, or a program beside it that logs its requests here.
        ADD COLUMN service text NOT NULL DEFAULT 'gateway',
        ADD COLUMN retries integer NOT NULL DEFAULT 0;

    CREATE INDEX jobs_finished_idx ON jobs (updated_at)
        WHERE status IN ('completed', 'failed', 'dead');
    CREATE INDEX job_attempts_repeated_idx ON job_attempts (started_at) WHERE attempt > 1;
"""

# Payloads are in none of them: they may refer to credentials.
_VIEWS = """
    CREATE VIEW ingestion_jobs AS
    SELECT job_id AS id, job_id, tenant_id, kind,
           COALESCE(payload ->> 'platform', kind) AS platform,
           status, priority, attempt AS attempts, max_attempts, available_at AS scheduled_for,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS started_at,
           CASE WHEN status IN ('completed', 'failed', 'dead') THEN updated_at END AS completed_at,
           result, error AS error_message, run_id, created_at, updated_at
    FROM jobs;

    CREATE VIEW ingestion_attempts AS
    SELECT a.job_id::text || '-' || a.attempt AS id, a.job_id, a.attempt AS attempt_number,
           j.tenant_id, j.kind, COALESCE(j.payload ->> 'platform', j.kind) AS platform,
           CASE WHEN a.outcome IS NULL THEN 'processing'
                WHEN a.outcome = 'completed' THEN 'completed'
                ELSE 'failed' END AS status,
           a.outcome, a.started_at, a.finished_at AS completed_at,
           extract(epoch FROM a.finished_at - a.started_at)::double precision * 1000
               AS duration_ms,
           a.error AS error_message, a.worker, a.run_id
    FROM job_attempts AS a JOIN jobs AS j USING (job_id);

    CREATE VIEW market_jobs AS
    SELECT job_id AS id, job_id, tenant_id, kind AS job_type,
           CASE status WHEN 'pending' THEN 'QUEUED' WHEN 'retrying' THEN 'QUEUED'
                       WHEN 'processing' THEN 'RUNNING' WHEN 'completed' THEN 'COMPLETED'
                       ELSE 'FAILED' END AS status,
           attempts, max_attempts, created_at AS queued_at, started_at,
           completed_at AS finished_at,
           extract(epoch FROM completed_at - started_at)::double precision * 1000 AS duration_ms,
           result, error_message, updated_at
    FROM ingestion_jobs;
"""

_FUNCTIONS = """
    CREATE FUNCTION cache_hit_ratio(of_service text DEFAULT NULL, span interval DEFAULT '1 hour')
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT count(*) FILTER (WHERE outcome = 'hit')::double precision / NULLIF(count(*), 0)
            FROM cache_metrics
            WHERE recorded_at >= now() - span AND outcome <> 'invalidation'
              AND (of_service IS NULL OR service = of_service));
    END $$;

    CREATE FUNCTION api_latency_ms(
        percentile double precision, span interval DEFAULT '5 minutes',
        of_service text DEFAULT 'gateway')
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT percentile_cont(percentile) WITHIN GROUP (ORDER BY duration_ms)
            FROM api_requests
            WHERE requested_at >= now() - span
              AND (of_service IS NULL OR service = of_service));
    END $$;

    CREATE FUNCTION job_failure_rate(span interval DEFAULT '1 hour', of_kind text DEFAULT NULL)
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT count(*) FILTER (WHERE status <> 'completed')::double precision
                   / NULLIF(count(*), 0)
            FROM jobs
            WHERE updated_at >= now() - span AND status IN ('completed', 'failed', 'dead')
              AND (of_kind IS NULL OR kind = of_kind));
    END $$;

    CREATE FUNCTION api_retry_count(span interval DEFAULT '5 minutes')
    RETURNS bigint LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (SELECT COALESCE(sum(retries), 0) FROM api_requests
                WHERE requested_at >= now() - span)
             + (SELECT count(*) FROM job_attempts
                WHERE started_at >= now() - span AND attempt > 1);
    END $$;

    CREATE FUNCTION cache_hit_ratios(
        bucket interval DEFAULT '5 minutes', span interval DEFAULT '1 day')
    RETURNS TABLE (window_start timestamptz, service text, hits bigint, misses bigint,
                   stale bigint, hit_ratio double precision)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN QUERY
            SELECT date_bin(bucket, m.recorded_at, 'epoch'), m.service,
                   count(*) FILTER (WHERE m.outcome = 'hit'),
                   count(*) FILTER (WHERE m.outcome = 'miss'),
                   count(*) FILTER (WHERE m.outcome = 'stale'),
                   count(*) FILTER (WHERE m.outcome = 'hit')::double precision / count(*)
            FROM cache_metrics AS m
            WHERE m.recorded_at >= now() - span AND m.outcome <> 'invalidation'
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;

    CREATE FUNCTION api_latencies(
        bucket interval DEFAULT '5 minutes', span interval DEFAULT '1 day')
    RETURNS TABLE (window_start timestamptz, service text, requests bigint, failures bigint,
                   p50_ms double precision, p95_ms double precision, p99_ms double precision)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN QUERY
            SELECT date_bin(bucket, r.requested_at, 'epoch'), r.service, count(*),
                   count(*) FILTER (WHERE r.status >= 500),
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms),
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY r.duration_ms)
            FROM api_requests AS r WHERE r.requested_at >= now() - span
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;

    CREATE FUNCTION job_failure_rates(
        bucket interval DEFAULT '1 hour', span interval DEFAULT '1 day')
    RETURNS TABLE (window_start timestamptz, kind text, completed bigint, failed bigint,
                   failure_rate double precision)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN QUERY
            SELECT date_bin(bucket, j.updated_at, 'epoch'), j.kind,
                   count(*) FILTER (WHERE j.status = 'completed'),
                   count(*) FILTER (WHERE j.status <> 'completed'),
                   count(*) FILTER (WHERE j.status <> 'completed')::double precision / count(*)
            FROM jobs AS j
            WHERE j.updated_at >= now() - span AND j.status IN ('completed', 'failed', 'dead')
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;
"""
