"""KPIs: the inbox of readings, points, series, jobs, error reports, analyses, daily summaries.

Whatever a document is made from says by itself whether it is published: `pending`, with `changed`,
which grows with every change, so that a publisher never clears what it has not seen. Each flag has
a partial index, small however long the history grows.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE kpi_updates (
            update_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer NOT NULL,
            trace_id text NOT NULL,
            kpi_id text NOT NULL,
            observed_at timestamptz NOT NULL,
            timestamp_text text NOT NULL,
            kpi_type text NOT NULL,
            value double precision NOT NULL,
            data jsonb NOT NULL,
            metadata jsonb,
            chart jsonb,
            request_id text,
            received_at timestamptz NOT NULL DEFAULT now(),
            pending boolean NOT NULL DEFAULT true,
            changed integer NOT NULL DEFAULT 0,
            attempts integer NOT NULL DEFAULT 0,
            error text,
            CONSTRAINT kpi_updates_tenant_id_trace_id_kpi_id_observed_at_key
                UNIQUE (tenant_id, trace_id, kpi_id, observed_at)
        );
        CREATE INDEX kpi_updates_observed_at_idx ON kpi_updates (observed_at, tenant_id, kpi_id);
        CREATE INDEX kpi_updates_pending_idx ON kpi_updates (observed_at) WHERE pending;
        CREATE INDEX kpi_updates_error_idx ON kpi_updates (received_at) WHERE error IS NOT NULL;

        CREATE TABLE kpi_points (
            tenant_id integer NOT NULL,
            kpi_id text NOT NULL,
            observed_at timestamptz NOT NULL,
            value double precision NOT NULL,
            timestamp_text text NOT NULL,
            kpi_type text NOT NULL,
            trace_id text NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            in_order boolean NOT NULL,
            quality text CONSTRAINT kpi_points_quality_check
                CHECK (quality IN ('high', 'medium', 'low')),
            CONSTRAINT kpi_points_pkey PRIMARY KEY (tenant_id, kpi_id, observed_at)
        );
        CREATE INDEX kpi_points_ungraded_idx ON kpi_points (observed_at) WHERE quality IS NULL;

        CREATE TABLE kpi_conflicts (
            tenant_id integer NOT NULL,
            kpi_id text NOT NULL,
            observed_at timestamptz NOT NULL,
            trace_id text NOT NULL,
            value double precision NOT NULL,
            kept_value double precision NOT NULL,
            request_id text,
            received_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT kpi_conflicts_pkey
                PRIMARY KEY (tenant_id, kpi_id, observed_at, trace_id, value)
        );

        CREATE TABLE kpi_series (
            tenant_id integer NOT NULL,
            kpi_id text NOT NULL,
            pending boolean NOT NULL DEFAULT true,
            changed integer NOT NULL DEFAULT 0,
            CONSTRAINT kpi_series_pkey PRIMARY KEY (tenant_id, kpi_id)
        );
        CREATE INDEX kpi_series_pending_idx ON kpi_series (tenant_id, kpi_id) WHERE pending;

        CREATE TABLE kpi_days (
            day date PRIMARY KEY,
            pending boolean NOT NULL DEFAULT true,
            changed integer NOT NULL DEFAULT 0
        );

        CREATE TABLE kpi_daily_summary (
            tenant_id integer NOT NULL,
            kpi_id text NOT NULL,
            day date NOT NULL,
            points integer NOT NULL,
            minimum double precision NOT NULL,
            maximum double precision NOT NULL,
            mean double precision NOT NULL,
            last double precision NOT NULL,
            change double precision,
            CONSTRAINT kpi_daily_summary_pkey PRIMARY KEY (tenant_id, kpi_id, day)
        );
        CREATE INDEX kpi_daily_summary_day_idx ON kpi_daily_summary (day);

        CREATE TABLE kpi_jobs (
            tenant_id integer NOT NULL,
            trace_id text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            announced_at timestamptz,
            timeout_at timestamptz NOT NULL,
            expired_at timestamptz,
            updated_at timestamptz NOT NULL DEFAULT now(),
            pending boolean NOT NULL DEFAULT true,
            changed integer NOT NULL DEFAULT 0,
            CONSTRAINT kpi_jobs_pkey PRIMARY KEY (tenant_id, trace_id)
        );
        CREATE INDEX kpi_jobs_pending_idx ON kpi_jobs (tenant_id, trace_id) WHERE pending;
        CREATE INDEX kpi_jobs_timeout_at_idx ON kpi_jobs (timeout_at) WHERE expired_at IS NULL;

        CREATE TABLE kpi_job_kpis (
            tenant_id integer NOT NULL,
            trace_id text NOT NULL,
            kpi_id text NOT NULL,
            status text NOT NULL CONSTRAINT kpi_job_kpis_status_check
                CHECK (status IN ('pending', 'completed', 'failed', 'timeout')),
            completed_at timestamptz,
            error text,
            retry_count integer NOT NULL DEFAULT 0,
            updated_at timestamptz NOT NULL DEFAULT now(),
            pending boolean NOT NULL DEFAULT true,
            changed integer NOT NULL DEFAULT 0,
            CONSTRAINT kpi_job_kpis_pkey PRIMARY KEY (tenant_id, trace_id, kpi_id)
        );
        CREATE INDEX kpi_job_kpis_pending_idx ON kpi_job_kpis (tenant_id, trace_id) WHERE pending;
        CREATE INDEX kpi_job_kpis_awaited_idx ON kpi_job_kpis (tenant_id, trace_id)
            WHERE status = 'pending';

        CREATE TABLE kpi_errors (
            error_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer NOT NULL,
            sha256 text NOT NULL,
            trace_id text NOT NULL,
            kpi_ids text[] NOT NULL,
            message text NOT NULL,
            code text,
            type text,
            retry_count integer,
            observed_at timestamptz NOT NULL,
            n integer NOT NULL,
            body jsonb NOT NULL,
            request_id text,
            received_at timestamptz NOT NULL DEFAULT now(),
            pending boolean NOT NULL DEFAULT true,
            CONSTRAINT kpi_errors_tenant_id_sha256_key UNIQUE (tenant_id, sha256),
            CONSTRAINT kpi_errors_tenant_id_trace_id_observed_at_n_key
                UNIQUE (tenant_id, trace_id, observed_at, n)
        );
        CREATE INDEX kpi_errors_pending_idx ON kpi_errors (error_id) WHERE pending;

        CREATE TABLE kpi_analyses (
            tenant_id integer NOT NULL,
            trace_id text NOT NULL,
            kpi_id text NOT NULL,
            analysis jsonb NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT kpi_analyses_pkey PRIMARY KEY (tenant_id, trace_id, kpi_id)
        );
    """)
