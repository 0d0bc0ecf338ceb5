"""Commerce by mappings: whose records an upload has, and what they may do to what is there.

All columns are constants to older rows, so no table is written anew.
"""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE uploads
            ADD COLUMN mapped_from bigint,
            ADD COLUMN mapped_source text,
            ADD COLUMN only_new boolean NOT NULL DEFAULT false,
            ADD COLUMN whole boolean NOT NULL DEFAULT false;
        COMMENT ON COLUMN uploads.mapped_from IS
            'The file that a mapping made its rows of (uploads.upload_id), by whose place they win or lose; NULL: it is a file itself';
        COMMENT ON COLUMN uploads.mapped_source IS
            'Source whose ids its rows have, as the mapping says; NULL: no mapping made them';
        COMMENT ON COLUMN uploads.only_new IS
            'Whether its rows never change one that is there';
        COMMENT ON COLUMN uploads.whole IS
            'Whether its rows take the place of all that their source told of the same order before';
        CREATE INDEX uploads_mapped_idx ON uploads (mapped_from) WHERE mapped_from IS NOT NULL;
        CREATE INDEX uploads_only_new_idx ON uploads (tenant_id, type) WHERE only_new;

        CREATE TABLE order_item_sets (
            tenant_id integer NOT NULL,
            source text NOT NULL,
            order_id uuid NOT NULL,
            told_by bigint NOT NULL,
            CONSTRAINT order_item_sets_pkey PRIMARY KEY (tenant_id, source, order_id)
        );
        ALTER TABLE order_item_sets ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own_rows ON order_item_sets FOR SELECT USING (tenant_id =
            (SELECT tenant_id FROM tenant_readers WHERE role_name = current_user::text));
        COMMENT ON TABLE order_item_sets IS
            'Orders whose items are exactly those of one file: a row a source and order';
        COMMENT ON COLUMN order_item_sets.tenant_id IS 'Whose row it is (tenants.tenant_id)';
        COMMENT ON COLUMN order_item_sets.source IS 'Source of the mapping that says so';
        COMMENT ON COLUMN order_item_sets.order_id IS 'The order; it may still be to come';
        COMMENT ON COLUMN order_item_sets.told_by IS
            'The mapped file that told its items last (uploads.upload_id)';
    """)  # noqa: E501
