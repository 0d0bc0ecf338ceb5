"""The tables of this wing as SQLAlchemy sees them; made by migrations 0010, 0016, 0017."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)
_now = sa.func.now()

sales_events = sa.Table(
    "sales_events",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("provisional", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("as_of", _timestamp),
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("natural_key", sa.Text),
    sa.Column("occurred_at", _timestamp, nullable=False),
    sa.Column("date_precision", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("author", sa.Text),
    sa.Column("asin", sa.Text),
    sa.Column("isbn", sa.Text),
    sa.Column("marketplace", sa.Text),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("list_price", sa.Numeric(14, 4)),
    sa.Column("list_currency", sa.Text),
    sa.Column("refunded_units", sa.Integer, nullable=False, server_default="0"),
    sa.Column("amount", sa.Numeric(14, 4)),
    sa.Column("currency", sa.Text),
    sa.Column("raw", JSONB, nullable=False),
    sa.Column("source_file", sa.Text, nullable=False),
    sa.Column("source_row", sa.BigInteger, nullable=False),
    sa.Column("job_id", sa.BigInteger),
    sa.Column("received_at", _timestamp, nullable=False),
    sa.Column("recorded_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("updated_at", _timestamp),
)
sa.Index(
    "sales_events_natural_key_idx",
    sales_events.c.tenant_id,
    sales_events.c.platform,
    sales_events.c.natural_key,
    postgresql_where=sales_events.c.natural_key.is_not(None),
)
sa.Index("sales_events_occurred_at_idx", sales_events.c.platform, sales_events.c.occurred_at)

daily_sales = sa.Table(
    "daily_sales",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("platform", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, primary_key=True),
    sa.Column("marketplace", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("refunded_units", sa.BigInteger, nullable=False),
    sa.Column("free_units", sa.BigInteger, nullable=False),
    sa.Column("pages", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.Numeric(18, 4), nullable=False),
    sa.Column("pending_events", sa.BigInteger, nullable=False),
)
sa.Index("daily_sales_platform_idx", daily_sales.c.platform)

gumroad_pings = sa.Table(
    "gumroad_pings",
    metadata,
    sa.Column("ping_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("sale_id", sa.Text, nullable=False),
    sa.Column("resource_name", sa.Text, nullable=False),
    sa.Column("fields", JSONB, nullable=False),
    sa.Column("received_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("job_id", sa.BigInteger),
    sa.Column("gift_at", _timestamp),
)
sa.Index(
    "gumroad_pings_sale_idx",
    gumroad_pings.c.tenant_id, gumroad_pings.c.sale_id, gumroad_pings.c.ping_id,
)  # fmt: skip
sa.Index(
    "gumroad_pings_gift_at_idx", gumroad_pings.c.tenant_id, gumroad_pings.c.gift_at,
    postgresql_where=gumroad_pings.c.gift_at.is_not(None),
)  # fmt: skip

gumroad_sales = sa.Table(
    "gumroad_sales",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sale_id", sa.Text, primary_key=True),
    sa.Column("fields", JSONB, nullable=False),
    sa.Column("told_at", _timestamp, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("gift_at", _timestamp),
)
sa.Index(
    "gumroad_sales_gift_at_idx", gumroad_sales.c.tenant_id, gumroad_sales.c.gift_at,
    postgresql_where=gumroad_sales.c.gift_at.is_not(None),
)  # fmt: skip

gumroad_ping_tokens = sa.Table(
    "gumroad_ping_tokens",
    metadata,
    sa.Column("sha256", sa.LargeBinary, primary_key=True),
    sa.Column("tenant_id", sa.Integer, nullable=False),
    sa.Column("created_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("revoked_at", _timestamp),
)

gumroad_syncs = sa.Table(
    "gumroad_syncs",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("synced_until", sa.Date, nullable=False),
    sa.Column("synced_at", _timestamp, nullable=False, server_default=_now),
    sa.Column("looked_back_at", _timestamp),
)
