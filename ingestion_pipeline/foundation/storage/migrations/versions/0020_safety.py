"""Whose fault a failed job is, and the figures of `0008` without what senders alone can move.

Rows of programs beside ours come with a tenant's key, and ours without: `cache_metrics.outside`,
jobs of kind `outside.…`, requests of another service than the gateway that have a tenant.

And tenants' own secrets that sign webhooks, encrypted (`ledger/signing_secrets.py`), and what a
tenant may still send, for all gateways (`ledger/rate_buckets.py`).
"""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("LOCK TABLE jobs, tenants IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE jobs ADD COLUMN senders_fault boolean NOT NULL DEFAULT false")
    op.execute(_FUNCTIONS)
    op.execute(_SECRETS)


_SECRETS = """
    CREATE TABLE signing_secrets (
        signing_secret_id integer GENERATED ALWAYS AS IDENTITY,
        tenant_id integer NOT NULL
            CONSTRAINT signing_secrets_tenant_id_fkey REFERENCES tenants,
        sealed text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        -- Of one that another has followed; and of one that is taken back at once.
        expires_at timestamptz,
        revoked_at timestamptz,
        CONSTRAINT signing_secrets_pkey PRIMARY KEY (signing_secret_id)
    );
    CREATE INDEX signing_secrets_tenant_id_idx ON signing_secrets (tenant_id);
    ALTER TABLE signing_secrets ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON signing_secrets FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));

    -- After a crash of the server it is empty, and everybody may send a burst.
    CREATE UNLOGGED TABLE rate_buckets (
        tenant_id integer NOT NULL
            CONSTRAINT rate_buckets_tenant_id_fkey REFERENCES tenants,
        tokens double precision NOT NULL,
        granted integer NOT NULL,
        filled_at timestamptz NOT NULL,
        CONSTRAINT rate_buckets_pkey PRIMARY KEY (tenant_id)
    );
    ALTER TABLE rate_buckets ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON rate_buckets FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
"""

_FUNCTIONS = """
    CREATE OR REPLACE FUNCTION cache_hit_ratio(
        of_service text DEFAULT NULL, span interval DEFAULT '1 hour')
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT count(*) FILTER (WHERE outcome = 'hit')::double precision / NULLIF(count(*), 0)
            FROM cache_metrics
            WHERE recorded_at >= now() - span AND outcome <> 'invalidation' AND NOT outside
              AND (of_service IS NULL OR service = of_service));
    END $$;

    CREATE OR REPLACE FUNCTION api_latency_ms(
        percentile double precision, span interval DEFAULT '5 minutes',
        of_service text DEFAULT 'gateway')
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT percentile_cont(percentile) WITHIN GROUP (ORDER BY duration_ms)
            FROM api_requests
            WHERE requested_at >= now() - span AND (service = 'gateway' OR tenant_id IS NULL)
              AND (of_service IS NULL OR service = of_service));
    END $$;

    -- A kind that is asked for by its name is answered, whoever does such jobs.
    CREATE OR REPLACE FUNCTION job_failure_rate(
        span interval DEFAULT '1 hour', of_kind text DEFAULT NULL)
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT count(*) FILTER (WHERE status <> 'completed')::double precision
                   / NULLIF(count(*), 0)
            FROM jobs
            WHERE updated_at >= now() - span AND status IN ('completed', 'failed', 'dead')
              AND NOT senders_fault
              AND CASE WHEN of_kind IS NULL THEN NOT starts_with(kind, 'outside.')
                       ELSE kind = of_kind END);
    END $$;

    CREATE OR REPLACE FUNCTION api_retry_count(span interval DEFAULT '5 minutes')
    RETURNS bigint LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (SELECT COALESCE(sum(retries), 0) FROM api_requests
                WHERE requested_at >= now() - span AND (service = 'gateway' OR tenant_id IS NULL))
             + (SELECT count(*) FROM job_attempts AS a JOIN jobs AS j USING (job_id)
                WHERE a.started_at >= now() - span AND a.attempt > 1
                  AND NOT starts_with(j.kind, 'outside.'));
    END $$;

    CREATE OR REPLACE FUNCTION cache_hit_ratios(
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
            WHERE m.recorded_at >= now() - span AND m.outcome <> 'invalidation' AND NOT m.outside
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;

    CREATE OR REPLACE FUNCTION api_latencies(
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
            FROM api_requests AS r
            WHERE r.requested_at >= now() - span
              AND (r.service = 'gateway' OR r.tenant_id IS NULL)
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;

    -- With one column more, and so anew.
    DROP FUNCTION job_failure_rates(interval, interval);
    CREATE FUNCTION job_failure_rates(
        bucket interval DEFAULT '1 hour', span interval DEFAULT '1 day')
    RETURNS TABLE (window_start timestamptz, kind text, completed bigint, failed bigint,
                   failure_rate double precision, failed_by_sender bigint)
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN QUERY
            SELECT date_bin(bucket, j.updated_at, 'epoch'), j.kind,
                   count(*) FILTER (WHERE j.status = 'completed'),
                   count(*) FILTER (WHERE j.status <> 'completed' AND NOT j.senders_fault),
                   COALESCE(
                       count(*) FILTER (WHERE j.status <> 'completed' AND NOT j.senders_fault)
                       ::double precision / NULLIF(count(*) FILTER (WHERE NOT j.senders_fault), 0),
                       0),
                   count(*) FILTER (WHERE j.senders_fault)
            FROM jobs AS j
            WHERE j.updated_at >= now() - span AND j.status IN ('completed', 'failed', 'dead')
              AND NOT starts_with(j.kind, 'outside.')
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;
"""
