"""What each group of roles may do with each table; what is not here, it may not do.

The letters are PostgreSQL's own (as psql's `\\dp` shows them): r SELECT, a INSERT, w UPDATE,
d DELETE, D TRUNCATE. `roles.py` grants it. A test fails when a table is missing here.
"""

GATEWAY = "ingestion_gateway"
RUNS = "ingestion_runs"
READER = "ingestion_reader"
TENANT = "ingestion_tenant"
GROUPS = (GATEWAY, RUNS, READER, TENANT)
# The pages' login: it may read nothing, and become each tenant's viewer (ledger/viewers.py).
DASHBOARDS = "ingestion_dashboards"

# The schema in which runs make tables, and nobody looks up anything.
STAGING = "ingestion_staging"
# The schema of the lake's catalogue, which runs alone may use (migration 0041).
LAKE = "ingestion_lake"

# Table: what the gateway may do, what runs, operators' dashboards, a tenant's own role.
TABLES: dict[str, tuple[str, str, str, str]] = {
    "alembic_version": ("r", "r", "r", ""),
    # Who may send. Keys are made and revoked by the owner of the database only.
    "tenants": ("ra", "ra", "r", "r"),
    "tenant_readers": ("r", "r", "", "r"),
    "holidays": ("", "r", "r", "r"),
    "api_keys": ("r", "", "", ""),
    "gumroad_ping_tokens": ("r", "", "", ""),
    "signing_secrets": ("r", "", "", ""),
    # What runs say to tenants' own APIs.
    "tenant_credentials": ("", "r", "", ""),
    # Work.
    "jobs": ("raw", "rawd", "r", "r"),
    "job_attempts": ("raw", "rawd", "r", "r"),
    "uploads": ("raw", "raw", "r", "r"),
    "rejected_rows": ("rawd", "rad", "r", "r"),
    "intake_deliveries": ("r", "rawd", "r", "r"),
    "intake_keys": ("", "raw", "r", "r"),
    "series_windows": ("r", "rawd", "r", "r"),
    "ingestion_jobs": ("", "", "r", "r"),
    "ingestion_attempts": ("", "", "r", "r"),
    "market_jobs": ("", "", "r", "r"),
    # What the gateway remembers of requests.
    "rate_buckets": ("raw", "", "", ""),
    "idempotency_keys": ("rawd", "rd", "", ""),
    "upload_sessions": ("raw", "rd", "", ""),
    "upload_session_files": ("raw", "rwd", "", ""),
    "upload_chunks": ("rawd", "rd", "", ""),
    "api_requests": ("ra", "rad", "r", "r"),
    # What happened.
    "ingestion_events": ("raw", "rawd", "r", "r"),
    "cron_logs": ("raw", "rawd", "r", ""),
    "outside_names": ("ra", "r", "r", "r"),
    "cache_metrics": ("ra", "rad", "r", "r"),
    "alerts": ("", "rawd", "r", ""),
    "circuit_breakers": ("raw", "raw", "r", ""),
    "upstream_limits": ("raw", "raw", "r", ""),
    "key_value": ("rawd", "rawd", "r", "r"),
    # Commerce: the gateway records files, runs load them.
    "customers": ("", "rawd", "r", "r"),
    "products": ("", "rawd", "r", "r"),
    "orders": ("", "rawd", "r", "r"),
    "order_items": ("", "rawd", "r", "r"),
    "order_item_sets": ("", "rawd", "r", "r"),
    "customers_staging": ("", "rawd", "r", "r"),
    "products_staging": ("", "rawd", "r", "r"),
    "orders_staging": ("", "rawd", "r", "r"),
    "order_items_staging": ("", "rawd", "r", "r"),
    "customers_staging_arrived": ("", "rawdD", "", ""),
    "products_staging_arrived": ("", "rawdD", "", ""),
    "orders_staging_arrived": ("", "rawdD", "", ""),
    "order_items_staging_arrived": ("", "rawdD", "", ""),
    "customers_staging_waiting": ("", "rawd", "", ""),
    "products_staging_waiting": ("", "rawd", "", ""),
    "orders_staging_waiting": ("", "rawd", "", ""),
    "order_items_staging_waiting": ("", "rawd", "", ""),
    # Buildings: a site's rows are its tenants' to read.
    "tenant_sites": ("", "r", "r", "r"),
    "timeseries_raw": ("", "rawd", "r", "r"),
    "weather_raw": ("", "rawd", "r", "r"),
    "rejected_records": ("", "rawd", "r", "r"),
    "collected_windows": ("", "rawd", "r", "r"),
    "collected_days": ("r", "rawd", "r", "r"),
    "mapped_days": ("", "raw", "r", "r"),
    "timeseries_hourly": ("", "rawd", "r", "r"),
    "timeseries_daily": ("", "rawd", "r", "r"),
    "timeseries_gaps": ("", "rawd", "r", "r"),
    "building_alert_rules": ("", "r", "r", ""),
    "building_alerts": ("", "rawd", "r", "r"),
    "archived_months": ("", "ra", "r", ""),
    # KPIs: what is accepted is true at once, so the gateway writes points, and grades.
    "kpi_updates": ("raw", "raw", "r", "r"),
    "kpi_points": ("raw", "raw", "r", "r"),
    "kpi_conflicts": ("ra", "ra", "r", "r"),
    "kpi_corrections": ("ra", "r", "r", "r"),
    "kpi_receipts": ("ra", "rad", "r", "r"),
    "kpi_series": ("raw", "raw", "r", "r"),
    "kpi_days": ("raw", "raw", "r", ""),
    "kpi_daily_summary": ("r", "rad", "r", "r"),
    "kpi_jobs": ("raw", "raw", "r", "r"),
    "kpi_job_kpis": ("raw", "raw", "r", "r"),
    "kpi_errors": ("raw", "raw", "r", "r"),
    "kpi_analyses": ("raw", "raw", "r", "r"),
    "analysis_tokens": ("", "raw", "r", ""),
    # Markets: what FRED publishes is everybody's.
    "market_fundamentals": ("r", "raw", "r", "r"),
    "market_comps": ("r", "raw", "r", "r"),
    "macro_series": ("raw", "raw", "r", "r"),
    "macro_observations": ("rawd", "rawd", "r", "r"),
    # Book sales: the cron endpoint imports within the gateway.
    "sales_events": ("rawd", "rawd", "r", "r"),
    "daily_sales": ("rad", "rad", "r", "r"),
    "gumroad_pings": ("raw", "raw", "", "r"),
    "gumroad_sales": ("raw", "raw", "", "r"),
    "gumroad_syncs": ("raw", "raw", "r", "r"),
    # Marts: runs make them of the tables above, readers read them. Triggers of those write what
    # has changed, as whoever changes it. Pages tell what is due.
    "changed_parts": ("a", "rawd", "r", "r"),
    "kpi_hourly": ("", "rawd", "r", "r"),
    "kpi_daily": ("", "rawd", "r", "r"),
    "building_hours": ("", "rawd", "r", "r"),
    "orders_daily": ("", "rawd", "r", "r"),
    "customer_days": ("", "rawd", "r", "r"),
    "book_income_daily": ("", "rawd", "r", "r"),
    "macro_latest": ("", "rawd", "r", "r"),
    # Findings: runs find them; whoever reads them may call one expected, through the gateway.
    "findings": ("rw", "rawd", "r", "r"),
    "watched_subjects": ("", "rawd", "r", "r"),
}

# PostgreSQL's own functions that are nobody's but ours, as a condition on `pg_proc`: with the one
# sort a session holds locks, and stops others, for as long as it stays; the other writes files
# (large objects) that nobody counts. `roles.py` says who may lock; nobody needs large objects.
LOCK_FUNCTIONS = "pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_'"
CLOSED_FUNCTIONS = (
    "pronamespace = 'pg_catalog'::regnamespace "
    "AND proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'"
)

_JOB_COLUMNS = (
    "job_id", "tenant_id", "kind", "platform", "shown_payload", "result", "status", "priority",
    "attempt", "max_attempts", "available_at", "lease_expires_at", "worker", "run_id", "error",
    "created_at", "updated_at", "senders_fault",
)  # fmt: skip
# Where a group may read some columns only: all but payloads, and of keys what tells their holder.
COLUMNS: dict[tuple[str, str], tuple[str, ...]] = {
    (GATEWAY, "api_keys"): ("tenant_id", "sha256", "revoked_at"),
    (GATEWAY, "gumroad_ping_tokens"): ("tenant_id", "sha256", "revoked_at"),
    (READER, "jobs"): _JOB_COLUMNS,
    (TENANT, "jobs"): _JOB_COLUMNS,
}

# Groups that see every tenant's rows, as far as their privileges go.
SEE_ALL = (GATEWAY, RUNS, READER)
