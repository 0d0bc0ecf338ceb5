"""Files that mappings read: what came of each, and of what the ids of their records are made."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_TABLES)


_TABLES = """
    CREATE TABLE intake_deliveries (
        upload_id bigint NOT NULL,
        tenant_id integer NOT NULL,
        source text NOT NULL,
        mapping text NOT NULL,
        mapping_sha256 text NOT NULL,
        footer bigint NOT NULL DEFAULT 0,
        skipped jsonb NOT NULL,
        made jsonb NOT NULL,
        became jsonb NOT NULL,
        refused bigint NOT NULL DEFAULT 0,
        not_read jsonb NOT NULL,
        new_columns jsonb NOT NULL,
        sums jsonb NOT NULL,
        file_says jsonb NOT NULL,
        warned bigint NOT NULL DEFAULT 0,
        warnings jsonb NOT NULL,
        read_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT intake_deliveries_pkey PRIMARY KEY (upload_id),
        CONSTRAINT intake_deliveries_upload_id_fkey FOREIGN KEY (upload_id)
                REFERENCES uploads ON DELETE CASCADE,
        CONSTRAINT intake_deliveries_tenant_id_fkey FOREIGN KEY (tenant_id)
                REFERENCES tenants
    );
    CREATE INDEX intake_deliveries_mapping_idx
        ON intake_deliveries (source, mapping, tenant_id, upload_id);
    ALTER TABLE intake_deliveries ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON intake_deliveries FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
    COMMENT ON TABLE intake_deliveries IS
        'Files that mappings read, and what came of them: a row an upload';
    COMMENT ON COLUMN intake_deliveries.upload_id IS
        'The file that it came in (uploads.upload_id)';
    COMMENT ON COLUMN intake_deliveries.tenant_id IS
        'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN intake_deliveries.source IS
        'Whose ids the records have, as the mapping says';
    COMMENT ON COLUMN intake_deliveries.mapping IS
        'Name of the mapping';
    COMMENT ON COLUMN intake_deliveries.mapping_sha256 IS
        'SHA-256 of what the mapping said when it read it, hexadecimal';
    COMMENT ON COLUMN intake_deliveries.footer IS
        'Lines below the rows; uploads.preamble counts them, too';
    COMMENT ON COLUMN intake_deliveries.skipped IS
        'Lines that were passed over, by the mapping''s name for why; likewise';
    COMMENT ON COLUMN intake_deliveries.made IS
        'Records that were made, by the mapping''s label';
    COMMENT ON COLUMN intake_deliveries.became IS
        'What became of them when they landed, by type of records';
    COMMENT ON COLUMN intake_deliveries.refused IS
        'Records that their domain refused; their lines are in rejected_rows';
    COMMENT ON COLUMN intake_deliveries.not_read IS
        'Columns of the file that the mapping does not read';
    COMMENT ON COLUMN intake_deliveries.new_columns IS
        'Those that the file before it, by the same mapping, had not';
    COMMENT ON COLUMN intake_deliveries.sums IS
        'Of the amounts: [{of: [label, currency, …], amount: text}]';
    COMMENT ON COLUMN intake_deliveries.file_says IS
        'What the file says of itself below its rows, by name';
    COMMENT ON COLUMN intake_deliveries.warned IS
        'Checks of the mapping that failed and reject nothing';
    COMMENT ON COLUMN intake_deliveries.warnings IS
        'The first of them: [{line, field, rule, value, of}]';
    COMMENT ON COLUMN intake_deliveries.read_at IS
        'When it was loaded, UTC';
    CREATE INDEX uploads_intake_idx ON uploads (tenant_id, type, file_name, upload_id)
        WHERE domain = 'intake';
    CREATE TABLE intake_keys (
        tenant_id integer NOT NULL,
        source text NOT NULL,
        mapping text NOT NULL,
        made_of jsonb NOT NULL,
        noted_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT intake_keys_pkey PRIMARY KEY (tenant_id, source, mapping),
        CONSTRAINT intake_keys_tenant_id_fkey FOREIGN KEY (tenant_id)
                REFERENCES tenants
    );
    ALTER TABLE intake_keys ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own_rows ON intake_keys FOR SELECT USING (tenant_id =
        (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
    COMMENT ON TABLE intake_keys IS
        'Of what the ids of a mapping''s records are made: another answer doubles them';
    COMMENT ON COLUMN intake_keys.tenant_id IS
        'Whose row it is (tenants.tenant_id)';
    COMMENT ON COLUMN intake_keys.source IS
        'Whose ids the records have, as the mapping says';
    COMMENT ON COLUMN intake_keys.mapping IS
        'Name of the mapping';
    COMMENT ON COLUMN intake_keys.made_of IS
        'By type of records, hashes of what their ids are made of';
    COMMENT ON COLUMN intake_keys.noted_at IS
        'When they were said to be these, UTC';
"""
