"""The tables of this wing as SQLAlchemy sees them; made by migrations 0010, 0016, 0017."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import count, identity, json, now, timestamp
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import (
    CREATED_AT,
    JOB,
    PLATFORM,
    RECEIVED_AT,
    REVOKED_AT,
    TENANT,
)

sales_events = sa.Table(
    "sales_events",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False, comment=TENANT),
    sa.Column("platform", sa.Text, primary_key=True, comment=PLATFORM),
    sa.Column(
        "external_id",
        sa.Text,
        primary_key=True,
        comment="The platform's id, else made of report, natural key and occurrence",
    ),
    sa.Column(
        "event_type", sa.Text, nullable=False, comment="sale, refund, borrow_pages, free or payment"
    ),
    sa.Column(
        "provisional",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="Whether something is known to be missing, for instance the amount of a refund",
    ),
    timestamp(
        "as_of",
        nullable=True,
        comment="What the report says of its own time, UTC; NULL: it says nothing",
    ),
    sa.Column("report", sa.Text, nullable=False, comment="The kind of report that it came in"),
    sa.Column(
        "natural_key",
        sa.Text,
        comment="What rows that may correct one another share; NULL: the platform gives ids",
    ),
    timestamp(
        "occurred_at",
        comment="When it happened, UTC; the first of the month where only that is known",
    ),
    sa.Column(
        "date_precision", sa.Text, nullable=False, comment="day or month: how exact occurred_at is"
    ),
    sa.Column("title", sa.Text, comment="Title of the book; NULL: not told"),
    sa.Column("author", sa.Text, comment="Author of the book; NULL: not told"),
    sa.Column("asin", sa.Text, comment="Amazon's number of the book; NULL: not told"),
    sa.Column("isbn", sa.Text, comment="ISBN of the book; NULL: not told"),
    sa.Column("marketplace", sa.Text, comment="Shop or country of the sale; NULL: not told"),
    sa.Column(
        "quantity",
        sa.Integer,
        nullable=False,
        comment="Units, or pages where borrow_pages; refunds are negative",
    ),
    sa.Column(
        "list_price",
        sa.Numeric(14, 4),
        comment="Price of one unit, in list_currency, or in currency where that is NULL; "
        "NULL: not told",
    ),
    sa.Column(
        "list_currency",
        sa.Text,
        comment="ISO 4217, of list_price where it is another than currency; NULL: the same",
    ),
    count(
        "refunded_units",
        sa.Integer,
        comment="Units that came back, also where more were sold in the same row",
    ),
    sa.Column(
        "amount",
        sa.Numeric(14, 4),
        comment="What the author earns, in currency; NULL: the platform does not say yet",
    ),
    sa.Column("currency", sa.Text, comment="ISO 4217, of amount; NULL: not told"),
    json("raw", comment="The row as it came, by header"),
    sa.Column(
        "source_file",
        sa.Text,
        nullable=False,
        comment="Name of the file, or of the API, that it came from",
    ),
    sa.Column(
        "source_row",
        sa.BigInteger,
        nullable=False,
        comment="Number of the row in its sheet or file, from 1",
    ),
    sa.Column("job_id", sa.BigInteger, comment=JOB),
    timestamp("received_at", comment=RECEIVED_AT),
    now("recorded_at", comment=CREATED_AT),
    timestamp(
        "updated_at", nullable=True, comment="When the row was last changed, UTC; NULL: never"
    ),
    comment="One row a sale, refund, free copy, borrowed pages or payment",
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
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False, comment=TENANT),
    sa.Column(
        "day",
        sa.Date,
        primary_key=True,
        comment="The UTC day; the first of the month where only that is known",
    ),
    sa.Column("platform", sa.Text, primary_key=True, comment=PLATFORM),
    sa.Column("title", sa.Text, primary_key=True, comment="Title of the book; empty: not told"),
    sa.Column("marketplace", sa.Text, primary_key=True, comment="Shop or country; empty: not told"),
    sa.Column(
        "currency", sa.Text, primary_key=True, comment="ISO 4217, of amount; empty: not told"
    ),
    sa.Column("events", sa.BigInteger, nullable=False, comment="Events that are summed up"),
    sa.Column("units", sa.BigInteger, nullable=False, comment="Units sold less those refunded"),
    sa.Column("refunded_units", sa.BigInteger, nullable=False, comment="Units that came back"),
    sa.Column("free_units", sa.BigInteger, nullable=False, comment="Units given away"),
    sa.Column("pages", sa.BigInteger, nullable=False, comment="Pages that were read"),
    sa.Column(
        "amount",
        sa.Numeric(18, 4),
        nullable=False,
        comment="What the author earns, in currency; an amount that is not known counts as 0",
    ),
    sa.Column(
        "pending_events",
        sa.BigInteger,
        nullable=False,
        comment="Events without an amount, pages aside",
    ),
    comment="Sales by UTC day, title, platform, marketplace and currency; without payments",
)
sa.Index("daily_sales_platform_idx", daily_sales.c.platform)

gumroad_pings = sa.Table(
    "gumroad_pings",
    metadata,
    identity("ping_id", comment="Number of the Ping, in order of arrival"),
    sa.Column("tenant_id", sa.Integer, nullable=False, comment=TENANT),
    sa.Column("sale_id", sa.Text, nullable=False, comment="Gumroad's id of the sale"),
    sa.Column(
        "resource_name",
        sa.Text,
        nullable=False,
        comment="What it tells: sale, refund, dispute, dispute_won and so on",
    ),
    json("fields", comment="The fields that are kept of it"),
    now("received_at", comment=RECEIVED_AT),
    sa.Column("job_id", sa.BigInteger, comment=JOB),
    timestamp(
        "gift_at",
        nullable=True,
        comment="When it was bought, UTC, where it is half of a gift; NULL: it is none, or older",
    ),
    comment="Gumroad's Pings, all that were news",
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
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False, comment=TENANT),
    sa.Column("sale_id", sa.Text, primary_key=True, comment="Gumroad's id of the sale"),
    json("fields", comment="The fields that are kept of it; amounts are US cents"),
    timestamp("told_at", comment="When the API was asked, UTC"),
    sa.Column(
        "complete",
        sa.Boolean,
        nullable=False,
        server_default=sa.true(),
        comment="Whether all fields are kept; false: made of what earlier versions had kept",
    ),
    timestamp(
        "gift_at",
        nullable=True,
        comment="When it was bought, UTC, where it is half of a gift; NULL: it is none",
    ),
    comment="What Gumroad's API said of sales: a row a tenant and sale",
)
sa.Index(
    "gumroad_sales_gift_at_idx", gumroad_sales.c.tenant_id, gumroad_sales.c.gift_at,
    postgresql_where=gumroad_sales.c.gift_at.is_not(None),
)  # fmt: skip

gumroad_ping_tokens = sa.Table(
    "gumroad_ping_tokens",
    metadata,
    sa.Column(
        "sha256", sa.LargeBinary, primary_key=True, comment="SHA-256 of the secret, 32 bytes"
    ),
    sa.Column("tenant_id", sa.Integer, nullable=False, comment=TENANT),
    now("created_at", comment=CREATED_AT),
    timestamp("revoked_at", nullable=True, comment=REVOKED_AT),
    comment="Secrets in the addresses that Gumroad sends Pings to",
)

gumroad_syncs = sa.Table(
    "gumroad_syncs",
    metadata,
    sa.Column("tenant_id", sa.Integer, primary_key=True, autoincrement=False, comment=TENANT),
    sa.Column(
        "account",
        sa.Text,
        primary_key=True,
        comment="Which account: the first 16 digits of the SHA-256 of its token",
    ),
    sa.Column(
        "synced_until", sa.Date, nullable=False, comment="Day up to which sales were fetched, UTC"
    ),
    now("synced_at", comment="When the last sync began, UTC"),
    timestamp(
        "looked_back_at",
        nullable=True,
        comment="When sales of long ago were last asked for, UTC; NULL: never",
    ),
    comment="How far sales were fetched: a row a tenant and account",
)
