"""Commerce: four staging tables and four finals.

A staging table has two partitions. `_arrived` holds the typed rows of files that are being
loaded; it is UNLOGGED, because the file itself is the durable copy and a server crash only means
staging it again. `_waiting` holds rows whose parent has not come; it is logged.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_SANE = "BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z'"  # what Python can read
_CUSTOMERS = f"""
    name text NOT NULL,
    email text NOT NULL,
    metadata jsonb NOT NULL,
    created_at timestamptz NOT NULL CHECK (created_at {_SANE}),
    extra jsonb,
"""
_PRODUCTS = f"""
    sku text NOT NULL,
    name text NOT NULL,
    price numeric(14,2) NOT NULL,
    category_id uuid,
    active boolean NOT NULL,
    created_at timestamptz NOT NULL CHECK (created_at {_SANE}),
    extra jsonb,
"""
_ORDERS = f"""
    external_order_id text NOT NULL,
    customer_id uuid NOT NULL,
    customer_name_snapshot text NOT NULL,
    customer_email_snapshot text NOT NULL,
    total_amount numeric(14,2) NOT NULL,
    currency text NOT NULL,
    order_status text NOT NULL,
    order_date timestamptz NOT NULL CHECK (order_date {_SANE}),
    raw_payload jsonb NOT NULL,
    created_at timestamptz NOT NULL CHECK (created_at {_SANE}),
    extra jsonb,
"""
_ORDER_ITEMS = """
    order_id uuid NOT NULL,
    product_id uuid NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(14,2) NOT NULL,
    line_total numeric(14,2) NOT NULL,
    extra jsonb,
"""
_ENTITIES: list[tuple[str, str, str, list[tuple[str, str]]]] = [
    ("customers", "customer_id", _CUSTOMERS, []),
    ("products", "product_id", _PRODUCTS, []),
    ("orders", "order_id", _ORDERS, [("customer_id", "customers")]),
    ("order_items", "order_item_id", _ORDER_ITEMS,
     [("order_id", "orders"), ("product_id", "products")]),
]  # fmt: skip


def upgrade() -> None:
    for table, key, columns, parents in _ENTITIES:
        foreign_keys = "".join(
            f", CONSTRAINT {table}_tenant_id_{column}_fkey"
            f" FOREIGN KEY (tenant_id, {column}) REFERENCES {parent}"
            for column, parent in parents
        )
        op.execute(f"""
            CREATE TABLE {table} (
                tenant_id integer NOT NULL,
                {key} uuid NOT NULL,
                {columns}
                upload_id bigint NOT NULL,
                CONSTRAINT {table}_pkey PRIMARY KEY (tenant_id, {key})
                {foreign_keys}
            );

            CREATE TABLE {table}_staging (
                waiting boolean NOT NULL DEFAULT false,
                tenant_id integer NOT NULL,
                upload_id bigint NOT NULL,
                line_number bigint NOT NULL,
                {key} uuid NOT NULL,
                {columns}
                waiting_since timestamptz
            ) PARTITION BY LIST (waiting);
            CREATE UNLOGGED TABLE {table}_staging_arrived
                PARTITION OF {table}_staging FOR VALUES IN (false);
            CREATE TABLE {table}_staging_waiting
                PARTITION OF {table}_staging FOR VALUES IN (true);
            CREATE INDEX {table}_staging_waiting_key_idx
                ON {table}_staging_waiting (tenant_id, {key});
        """)
