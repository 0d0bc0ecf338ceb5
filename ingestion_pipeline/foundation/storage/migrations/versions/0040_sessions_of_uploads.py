"""Receipts: uploads say in which session they came, which itself goes when it expires.

The days of imports and of collections had no index.
"""

from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE uploads ADD COLUMN session_id bigint;
        COMMENT ON COLUMN uploads.session_id IS
            'The upload session that it came in (upload_sessions.session_id, which goes when it '
            'expires); NULL: in none';
        UPDATE uploads SET session_id = f.session_id
        FROM upload_session_files AS f WHERE f.upload_id = uploads.upload_id;
        CREATE INDEX uploads_session_idx ON uploads (session_id) WHERE session_id IS NOT NULL;
    """)
    op.execute(r"""
        CREATE INDEX jobs_imports_idx ON jobs (tenant_id, created_at)
            WHERE kind LIKE 'book\_sales.import.%'
    """)
    op.execute(
        "CREATE INDEX collected_days_collected_idx ON collected_days (site_name, collected_at)"
    )
