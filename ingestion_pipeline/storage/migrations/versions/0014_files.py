"""Of a tenant: how much it may keep. Of an upload: when its landed file was removed. Of
a refused row: which upload took it, corrected.
"""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE tenants ADD COLUMN landed_bytes_limit bigint;
        ALTER TABLE rejected_rows ADD COLUMN replayed_by bigint;
        ALTER TABLE uploads ADD COLUMN removed_at timestamptz;
        CREATE INDEX uploads_landed_idx ON uploads (tenant_id) INCLUDE (bytes)
            WHERE source IN ('http', 'drop') AND removed_at IS NULL;
    """)
