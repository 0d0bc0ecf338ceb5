"""Buildings: missing halves of days, units and quality of aggregates, tenants' sites, alerts.

What is there already is of no unit, and nothing was left out of it: days that matter are aggregated
again (docs/operations.md). Alerts of before are not told now.

A site belongs to tenants, whose readers see its rows. The policy asks once a statement which sites
these are, so that the keys of the tables serve it. Partitions of `timeseries_raw` have none: nobody
but runs and the owner may use them directly, and samples are copied into them at once.
"""

from alembic import op

revision = "0018"
down_revision = "0017"

_OF_SITES = (
    "timeseries_raw", "weather_raw", "rejected_records", "collected_windows", "collected_days",
    "timeseries_hourly", "timeseries_daily", "timeseries_gaps", "building_alerts",
)  # fmt: skip
_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"


def upgrade() -> None:
    op.execute(f"LOCK TABLE {', '.join(_OF_SITES)}, tenants IN ACCESS EXCLUSIVE MODE")
    op.execute("""
        ALTER TABLE collected_days
            ADD COLUMN missing text[] NOT NULL DEFAULT '{}',
            ADD COLUMN watched_at timestamptz;
        UPDATE collected_days SET watched_at = now();

        ALTER TABLE building_alerts
            ADD COLUMN incident bigint,
            ADD COLUMN open_ended boolean NOT NULL DEFAULT false;
        UPDATE building_alerts SET incident = 0;
        CREATE INDEX building_alerts_incident_idx ON building_alerts (incident);
    """)
    for table, moment in (("timeseries_hourly", "hour"), ("timeseries_daily", "day")):
        op.execute(f"""
            ALTER TABLE {table}
                ADD COLUMN unit text COLLATE "C" NOT NULL DEFAULT '',
                ADD COLUMN left_out integer NOT NULL DEFAULT 0,
                DROP CONSTRAINT {table}_pkey,
                ADD CONSTRAINT {table}_pkey PRIMARY KEY (site_name, point_name, {moment}, unit);
        """)
    op.execute(f"""
        CREATE TABLE tenant_sites (
            tenant_id integer NOT NULL
                CONSTRAINT tenant_sites_tenant_id_fkey REFERENCES tenants,
            site_name text COLLATE "C" NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT tenant_sites_pkey PRIMARY KEY (tenant_id, site_name)
        );
        ALTER TABLE tenant_sites ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON tenant_sites FOR SELECT USING (tenant_id = {_MINE});
    """)
    for table in _OF_SITES:
        op.execute(f"""
            ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own_rows ON {table} FOR SELECT USING (site_name = ANY (ARRAY(
                SELECT tenant_sites.site_name FROM tenant_sites
                WHERE tenant_sites.tenant_id = {_MINE})));
        """)  # noqa: S608
