"""Buildings: days whose samples came in files, of which hours and days follow."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLE)


_TABLE = """
    CREATE TABLE mapped_days (
        site_name text COLLATE "C" NOT NULL,
        day date NOT NULL,
        changed_at timestamptz NOT NULL DEFAULT now(),
        summed_at timestamptz,
        CONSTRAINT mapped_days_pkey PRIMARY KEY (site_name, day)
    );
    CREATE INDEX mapped_days_due_idx ON mapped_days (changed_at)
        WHERE summed_at IS NULL;
    ALTER TABLE mapped_days ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON mapped_days FOR SELECT USING (site_name = ANY (ARRAY(
        SELECT tenant_sites.site_name FROM tenant_sites
        WHERE tenant_sites.tenant_id =
            (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text))));
    COMMENT ON TABLE mapped_days IS
        'Days whose samples came in files: a row a site and UTC day';
    COMMENT ON COLUMN mapped_days.site_name IS
        'The building, as the source calls its site';
    COMMENT ON COLUMN mapped_days.day IS
        'The UTC day';
    COMMENT ON COLUMN mapped_days.changed_at IS
        'When a file last changed samples of the day, UTC';
    COMMENT ON COLUMN mapped_days.summed_at IS
        'When hours, days and alerts were made of them since, UTC; NULL: not yet';
"""
