"""Commerce: what stands between the items of an order and its total."""

from alembic import op

revision = "0029"
down_revision = "0028"

_COLUMNS = {
    "shipping_amount": (
        "numeric(14,2)",
        "Sum for shipping, within total_amount, in currency; NULL: not told",
    ),
    "tax_amount": (
        "numeric(14,2)",
        "Sum of the taxes, in currency; NULL: not told",
    ),
    "tax_included": (
        "boolean",
        "Whether the prices hold the taxes already; NULL: not told",
    ),
    "discount_amount": (
        "numeric(14,2)",
        "Sum that is off the items, where their line_total is before it, in currency; NULL: not told",  # noqa: E501
    ),
    "tip_amount": (
        "numeric(14,2)",
        "Sum given on top, within total_amount, where it is no item, in currency; NULL: not told",
    ),
    "refunded_amount": (
        "numeric(14,2)",
        "Sum that was paid back, where total_amount is after it, in currency; NULL: not told",
    ),
}
_TABLES = ("orders", "orders_staging", "orders_staging_arrived", "orders_staging_waiting")


def upgrade() -> None:
    added = ", ".join(f"ADD COLUMN {name} {type_}" for name, (type_, _) in _COLUMNS.items())
    op.execute(f"ALTER TABLE orders {added}")
    op.execute(f"ALTER TABLE orders_staging {added}")  # and its partitions
    for table in _TABLES:
        for name, (_, comment) in _COLUMNS.items():
            op.execute(f"COMMENT ON COLUMN {table}.{name} IS '{comment}'")
