"""Corrections of KPIs, and customers and products whose date of creation nobody knows.

A correction replaces the value of a point; what it was before is a row of `kpi_corrections`.
Shops' exports of customers and products often have no `created_at`: it may be null.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"


def upgrade() -> None:
    op.execute(f"""
        CREATE TABLE kpi_corrections (
            correction_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant_id integer NOT NULL,
            kpi_id text NOT NULL,
            observed_at timestamptz NOT NULL,
            old_value double precision NOT NULL,
            new_value double precision NOT NULL,
            old_data jsonb,
            trace_id text NOT NULL,
            request_id text,
            corrected_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX kpi_corrections_point_idx
            ON kpi_corrections (tenant_id, kpi_id, observed_at);
        ALTER TABLE kpi_corrections ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON kpi_corrections FOR SELECT USING (tenant_id = {_MINE});
    """)
    for table in ("customers", "products", "customers_staging", "products_staging"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN created_at DROP NOT NULL")
