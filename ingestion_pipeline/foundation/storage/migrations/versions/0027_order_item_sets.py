"""Commerce: which items a source told of an order, so that those which an edit took away go."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE order_item_sets
            ADD COLUMN items uuid[] NOT NULL DEFAULT '{}',
            ADD COLUMN gone uuid[] NOT NULL DEFAULT '{}';
        ALTER TABLE order_item_sets
            ALTER COLUMN items DROP DEFAULT,
            ALTER COLUMN gone DROP DEFAULT;
        CREATE INDEX order_item_sets_told_by_idx ON order_item_sets (told_by);
        COMMENT ON TABLE order_item_sets IS
            'Which items a mapped source told of an order: a row a source and order';
        COMMENT ON COLUMN order_item_sets.told_by IS
            'The mapped file whose items they are and no others (uploads.upload_id); 0: none said so';
        COMMENT ON COLUMN order_item_sets.items IS 'Its items (order_items.order_item_id)';
        COMMENT ON COLUMN order_item_sets.gone IS
            'Items that it had before, and that are still to be removed';
    """)  # noqa: E501
