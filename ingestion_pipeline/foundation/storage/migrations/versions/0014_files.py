"""Of a tenant: how much it may keep. Of an upload: lines that are part of no row, how many refused
lines are kept and of what size, and when its landed file was removed. Of a refused row: which
upload took it, corrected.

Until now every refused line was kept, and a CSV file's header was no line.
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE tenants
            ADD COLUMN landed_bytes_limit bigint, ADD COLUMN rejected_bytes_limit bigint;
        ALTER TABLE rejected_rows ADD COLUMN replayed_by bigint;
        ALTER TABLE uploads ADD COLUMN removed_at timestamptz;
        CREATE INDEX uploads_landed_idx ON uploads (tenant_id) INCLUDE (bytes)
            WHERE source IN ('http', 'drop') AND removed_at IS NULL;
        ALTER TABLE uploads
            ADD COLUMN preamble bigint NOT NULL DEFAULT 0,
            ADD COLUMN rejected_kept bigint NOT NULL DEFAULT 0,
            ADD COLUMN rejected_bytes bigint NOT NULL DEFAULT 0;
        UPDATE uploads SET rejected_kept = rejected WHERE rejected > 0;
        CREATE INDEX uploads_rejected_idx ON uploads (tenant_id) INCLUDE (rejected_bytes)
            WHERE rejected_bytes > 0;
    """)
