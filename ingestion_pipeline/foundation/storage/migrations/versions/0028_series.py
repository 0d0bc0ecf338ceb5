"""Windows of APIs that YAML files describe: when each was read to its end."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLE)


_TABLE = """
    CREATE TABLE series_windows (
        tenant_id integer NOT NULL,
        source text NOT NULL,
        mapping text NOT NULL,
        period text NOT NULL,
        pages bigint NOT NULL DEFAULT 0,
        records bigint NOT NULL DEFAULT 0,
        most_records bigint NOT NULL DEFAULT 0,
        content_sha256 text,
        upload_id bigint,
        collected_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT series_windows_pkey PRIMARY KEY (tenant_id, source, mapping, period),
        CONSTRAINT series_windows_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants,
        CONSTRAINT series_windows_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads
    );
    CREATE INDEX series_windows_upload_id_idx ON series_windows (upload_id);
    ALTER TABLE series_windows ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON series_windows FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
    COMMENT ON TABLE series_windows IS
        'Windows of APIs that YAML files describe, read to their ends: a row a window';
    COMMENT ON COLUMN series_windows.tenant_id IS
        'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN series_windows.source IS
        'Whose ids the records have, as the mapping says';
    COMMENT ON COLUMN series_windows.mapping IS
        'Name of the mapping';
    COMMENT ON COLUMN series_windows.period IS
        'The day, YYYY-MM-DD; all: the API has no windows';
    COMMENT ON COLUMN series_windows.pages IS
        'Pages of the list when it was read last';
    COMMENT ON COLUMN series_windows.records IS
        'Records of the list then';
    COMMENT ON COLUMN series_windows.most_records IS
        'Records of the list when it had most';
    COMMENT ON COLUMN series_windows.content_sha256 IS
        'SHA-256 of the records, hexadecimal; NULL: there never were any';
    COMMENT ON COLUMN series_windows.upload_id IS
        'The file of the records (uploads.upload_id); NULL: there never were any';
    COMMENT ON COLUMN series_windows.collected_at IS
        'When the list was read to its end, UTC';
"""
