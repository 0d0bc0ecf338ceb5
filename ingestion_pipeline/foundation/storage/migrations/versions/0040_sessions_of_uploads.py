"""Receipts: uploads say in which session they came, and a tenant sees what is still coming.

A session itself goes when it expires. `coming_files` is read with its owner's rights, as a tenant
may read no session (its token, where chunks are); it shows whoever asks the files of its tenant.
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
    op.execute("""
        CREATE VIEW coming_files WITH (security_barrier = true) AS
        SELECT s.tenant_id, s.session_id, f.session_file_id, f.file_name, f.type, f.bytes,
               (SELECT coalesce(sum(c.last_byte - c.first_byte + 1), 0)::bigint
                FROM upload_chunks AS c WHERE c.session_file_id = f.session_file_id) AS received,
               s.created_at AS announced_at, s.expires_at
        FROM upload_sessions AS s JOIN upload_session_files AS f USING (session_id)
        WHERE f.upload_id IS NULL AND s.expires_at > now()
          AND s.tenant_id = (
              SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text);
        COMMENT ON VIEW coming_files IS
            'Files that were announced and have not come whole, of the tenant that asks';
    """)
