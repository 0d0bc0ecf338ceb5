"""Receipts: what became of posted readings, and what a sender's days are found by.

Readings leave rows only where they are news: one that was sent twice, or refused, was answered and
forgotten. `kpi_receipts` counts what came, in the transaction that records it.
"""

from alembic import op

revision = "0031"
down_revision = "0030"

_MINE = "(SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text)"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLE)
    for statement in _INDEXES:
        op.get_bind().exec_driver_sql(statement)


_TABLE = f"""
    CREATE TABLE kpi_receipts (
        receipt_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tenant_id integer NOT NULL,
        channel text NOT NULL,
        file_name text,
        received_at timestamptz NOT NULL DEFAULT now(),
        sent integer NOT NULL,
        stored integer NOT NULL,
        known integer NOT NULL,
        corrected integer NOT NULL,
        conflicts integer NOT NULL,
        refused integer NOT NULL,
        refusals jsonb NOT NULL DEFAULT '[]',
        CONSTRAINT kpi_receipts_adds_up
            CHECK (sent = stored + known + corrected + conflicts + refused)
    );
    CREATE INDEX kpi_receipts_tenant_idx ON kpi_receipts (tenant_id, received_at);
    ALTER TABLE kpi_receipts ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON kpi_receipts FOR SELECT USING (tenant_id = {_MINE});
    COMMENT ON TABLE kpi_receipts IS
        'What became of readings that were sent: a row a transaction, tenant and channel';
    COMMENT ON COLUMN kpi_receipts.receipt_id IS 'Number of the row, in order of arrival';
    COMMENT ON COLUMN kpi_receipts.tenant_id IS 'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN kpi_receipts.channel IS 'How they came: post or import';
    COMMENT ON COLUMN kpi_receipts.file_name IS
        'Name of the file of an import; NULL: they were posted';
    COMMENT ON COLUMN kpi_receipts.received_at IS 'When it was received, UTC';
    COMMENT ON COLUMN kpi_receipts.sent IS
        'Readings that came: stored + known + corrected + conflicts + refused';
    COMMENT ON COLUMN kpi_receipts.stored IS 'Those that were new';
    COMMENT ON COLUMN kpi_receipts.known IS 'Those that were there already, with the same value';
    COMMENT ON COLUMN kpi_receipts.corrected IS 'Those that replaced a value';
    COMMENT ON COLUMN kpi_receipts.conflicts IS
        'Those of an instant that has another value, which was kept (kpi_conflicts)';
    COMMENT ON COLUMN kpi_receipts.refused IS 'Those that break the contract';
    COMMENT ON COLUMN kpi_receipts.refusals IS
        'Of the first that were refused: [{{at, field, rule}}], with their place in what was sent';
"""

_INDEXES = (
    "CREATE INDEX uploads_received_idx ON uploads (tenant_id, recorded_at)",
    "CREATE INDEX ingestion_events_tenant_idx ON ingestion_events (tenant_id, received_at)",
    "CREATE INDEX kpi_errors_tenant_idx ON kpi_errors (tenant_id, received_at)",
    "CREATE INDEX gumroad_pings_tenant_idx ON gumroad_pings (tenant_id, received_at)",
)
