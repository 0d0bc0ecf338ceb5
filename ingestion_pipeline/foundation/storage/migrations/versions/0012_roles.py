"""Row-level security by tenant, and what roles need that do not own the tables.

A tenant's login role has a row in `tenant_readers`; the policy `own_rows` shows it the rows of its
tenant, and nothing to a role that has none. The owner is not subject to it. Which groups of roles
there are, and what each may do, is not here but in `storage/roles.py`: roles belong to the cluster,
and making them takes a privilege that whoever migrates may lack.

The three functions run with the owner's rights, because only an owner makes, attaches, drops and
analyzes tables. Their search path is fixed and has `pg_temp` last: a caller's temporary table must
not pass for ours.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

_OF_TENANTS = (
    "tenants", "api_keys", "jobs", "uploads", "rejected_rows", "api_requests", "idempotency_keys",
    "upload_sessions", "ingestion_events", "cache_metrics",
    "customers", "products", "orders", "order_items",
    "customers_staging", "products_staging", "orders_staging", "order_items_staging",
    "kpi_updates", "kpi_points", "kpi_conflicts", "kpi_series", "kpi_daily_summary", "kpi_jobs",
    "kpi_job_kpis", "kpi_errors", "kpi_analyses",
    "market_fundamentals", "market_comps",
    "sales_events", "daily_sales", "gumroad_pings", "gumroad_ping_tokens", "gumroad_syncs",
)  # fmt: skip
# Once a statement, before its rows: what an index finds by tenant it still finds.
_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"


def upgrade() -> None:
    names = ", ".join((*_OF_TENANTS, "job_attempts", "key_value"))
    op.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    op.execute("""
        CREATE TABLE tenant_readers (
            role_name text NOT NULL,
            tenant_id integer NOT NULL
                CONSTRAINT tenant_readers_tenant_id_fkey REFERENCES tenants,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT tenant_readers_pkey PRIMARY KEY (role_name)
        );
        ALTER TABLE tenant_readers ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON tenant_readers FOR SELECT
            USING (role_name = current_user::text);
    """)
    for table in _OF_TENANTS:
        op.execute(f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own_rows ON {table} FOR SELECT USING (tenant_id = {_MINE});
        """)
    op.execute("""
        ALTER TABLE job_attempts ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON job_attempts FOR SELECT USING (
            EXISTS (SELECT FROM jobs WHERE jobs.job_id = job_attempts.job_id));

        -- The name of a tenant is its namespace. Two are nobody's, whatever a tenant is called.
        ALTER TABLE key_value ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON key_value FOR SELECT USING (
            namespace = (SELECT name FROM tenants JOIN tenant_readers USING (tenant_id)
                         WHERE role_name = current_user::text
                           AND name NOT IN ('buildings', 'markets'))
            OR namespace = (SELECT 'markets:' || tenant_id FROM tenant_readers
                            WHERE role_name = current_user::text));
    """)
    op.execute(_VIEWS)
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    op.execute(_FUNCTIONS.replace("THE_SCHEMA", schema))


# The platform has a column of its own: whoever may not read payloads reads it there.
_VIEWS = """
    ALTER TABLE jobs ADD COLUMN platform text NOT NULL
        GENERATED ALWAYS AS (COALESCE(payload ->> 'platform', kind)) STORED;

    CREATE OR REPLACE VIEW ingestion_jobs WITH (security_invoker = true) AS
    SELECT job_id AS id, job_id, tenant_id, kind, platform,
           status, priority, attempt AS attempts, max_attempts, available_at AS scheduled_for,
           CASE WHEN attempt > 0 THEN
               (SELECT min(a.started_at) FROM job_attempts AS a WHERE a.job_id = jobs.job_id)
           END AS started_at,
           CASE WHEN status IN ('completed', 'failed', 'dead') THEN updated_at END AS completed_at,
           result, error AS error_message, run_id, created_at, updated_at
    FROM jobs;

    CREATE OR REPLACE VIEW ingestion_attempts WITH (security_invoker = true) AS
    SELECT a.job_id::text || '-' || a.attempt AS id, a.job_id, a.attempt AS attempt_number,
           j.tenant_id, j.kind, j.platform,
           CASE WHEN a.outcome IS NULL THEN 'processing'
                WHEN a.outcome = 'completed' THEN 'completed'
                ELSE 'failed' END AS status,
           a.outcome, a.started_at, a.finished_at AS completed_at,
           extract(epoch FROM a.finished_at - a.started_at)::double precision * 1000
               AS duration_ms,
           a.error AS error_message, a.worker, a.run_id
    FROM job_attempts AS a JOIN jobs AS j USING (job_id);

    ALTER VIEW market_jobs SET (security_invoker = true);
"""

_FUNCTIONS = """
    CREATE FUNCTION make_timeseries_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = THE_SCHEMA, pg_temp SET timezone = 'UTC'
    AS $$
    DECLARE
        first date := date_trunc('month', month);
        name text := 'timeseries_raw_' || to_char(month, 'YYYY_MM');
    BEGIN
        -- ATTACH, because CREATE … PARTITION OF would wait for every reader of the table.
        EXECUTE format('CREATE TABLE %I (LIKE timeseries_raw INCLUDING ALL)', name);
        EXECUTE format(
            'ALTER TABLE timeseries_raw ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            name, first::timestamptz, (first + interval '1 month')::timestamptz);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingestion_runs') THEN
            EXECUTE format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO ingestion_runs', name);
        END IF;
    END $$;

    CREATE FUNCTION drop_timeseries_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = THE_SCHEMA, pg_temp
    AS $$ BEGIN
        EXECUTE format('DROP TABLE %I', 'timeseries_raw_' || to_char(month, 'YYYY_MM'));
    END $$;

    CREATE FUNCTION collect_statistics(of_table regclass, of_columns text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = THE_SCHEMA, pg_temp
    AS $$ BEGIN
        EXECUTE format('ANALYZE %s (%s)', of_table,
            (SELECT string_agg(quote_ident(name), ', ') FROM unnest(of_columns) AS name));
    END $$;

    REVOKE EXECUTE ON FUNCTION make_timeseries_month(date), drop_timeseries_month(date),
        collect_statistics(regclass, text[]) FROM PUBLIC;
"""
