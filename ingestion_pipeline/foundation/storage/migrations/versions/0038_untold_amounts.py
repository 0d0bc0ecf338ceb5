"""Amounts that a source does not tell; days of orders count such orders, and leave them out."""

from alembic import op

revision = "0038"
down_revision = "0037"

_AMOUNTS = {
    "orders.total_amount": "Sum of the order, in currency; NULL: its source does not tell it",
    "products.price": "Price of one, in the shop''s own currency, which the row does not tell; NULL: its source does not tell it",  # noqa: E501
}


def upgrade() -> None:
    for amount, comment in _AMOUNTS.items():
        table, column = amount.split(".")
        for each in (table, f"{table}_staging"):  # and its partitions
            op.execute(f"ALTER TABLE {each} ALTER COLUMN {column} DROP NOT NULL")
        for suffix in ("", "_staging", "_staging_arrived", "_staging_waiting"):
            op.execute(f"COMMENT ON COLUMN {table}{suffix}.{column} IS '{comment}'")
    op.execute("""
        ALTER TABLE orders_daily
            ALTER COLUMN gross DROP NOT NULL,
            ALTER COLUMN net DROP NOT NULL,
            ADD COLUMN untold integer NOT NULL DEFAULT 0;
        COMMENT ON COLUMN orders_daily.gross IS
            'net + discounts + refunds: what was ordered, in currency; NULL: no order tells its total';
        COMMENT ON COLUMN orders_daily.net IS
            'Sum of total_amount, which is after discounts and refunds, without cancelled orders, in currency; NULL: no order tells its total';
        COMMENT ON COLUMN orders_daily.average IS
            '(gross - discounts) / orders whose total is told, in currency; NULL: none is';
        COMMENT ON COLUMN orders_daily.untold IS
            'Those of orders whose total their source does not tell: they are in no amount';
    """)  # noqa: E501
