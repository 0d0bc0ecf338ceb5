"""Latencies without refusals: they are fast, and whoever is refused would move everybody's figures.

As the public health document has it (`watch/gathering.py`): not what a sender did wrong, nor what
nobody with a key asked for and was not answered, nor probes and the document itself. How many
requests and failures there were is counted as before.
"""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute(_FUNCTIONS)


_FUNCTIONS = """
    CREATE OR REPLACE FUNCTION api_latency_ms(
        percentile double precision, span interval DEFAULT '5 minutes',
        of_service text DEFAULT 'gateway')
    RETURNS double precision LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
    AS $$ BEGIN
        RETURN (
            SELECT percentile_cont(percentile) WITHIN GROUP (ORDER BY duration_ms)
            FROM api_requests
            WHERE requested_at >= now() - span AND (of_service IS NULL OR service = of_service)
              AND CASE WHEN service <> 'gateway' THEN tenant_id IS NULL
                       ELSE status NOT BETWEEN 400 AND 499
                            AND (tenant_id IS NOT NULL OR status < 400)
                            AND route NOT IN ('/livez', '/readyz', '/metrics', '/docs',
                                '/docs/{name}', '/openapi.json', '/api/health/data') END);
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
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms)
                       FILTER (WHERE r.answered),
                   percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms)
                       FILTER (WHERE r.answered),
                   percentile_cont(0.99) WITHIN GROUP (ORDER BY r.duration_ms)
                       FILTER (WHERE r.answered)
            FROM (SELECT q.requested_at, q.service, q.status, q.duration_ms,
                         q.service <> 'gateway' OR (
                             q.status NOT BETWEEN 400 AND 499
                             AND (q.tenant_id IS NOT NULL OR q.status < 400)
                             AND q.route NOT IN ('/livez', '/readyz', '/metrics', '/docs',
                                 '/docs/{name}', '/openapi.json', '/api/health/data')) AS answered
                  FROM api_requests AS q
                  WHERE q.requested_at >= now() - span
                    AND (q.service = 'gateway' OR q.tenant_id IS NULL)) AS r
            GROUP BY 1, 2 ORDER BY 1, 2;
    END $$;
"""
