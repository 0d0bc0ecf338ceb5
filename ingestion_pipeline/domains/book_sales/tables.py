"""The tables of this wing as SQLAlchemy sees them; made by migrations 0010, 0016, 0017, 0039."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import (
    bigint,
    boolean,
    count,
    date,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
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
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("platform", primary_key=True, comment=PLATFORM),
    text(
        "external_id",
        primary_key=True,
        comment="The platform's id, else made of report, natural key and occurrence",
    ),
    text("event_type", comment="sale, refund, borrow_pages, free or payment"),
    boolean(
        "provisional",
        default=sa.false(),
        comment="Whether something is known to be missing, for instance the amount of a refund",
    ),
    timestamp(
        "as_of",
        nullable=True,
        comment="What the report says of its own time, UTC; NULL: it says nothing",
    ),
    text("report", comment="The kind of report that it came in"),
    text(
        "natural_key",
        nullable=True,
        comment="What rows that may correct one another share; NULL: the platform gives ids",
    ),
    timestamp(
        "occurred_at",
        comment="When it happened, UTC; the first of the month where only that is known",
    ),
    text("date_precision", comment="day or month: how exact occurred_at is"),
    text("title", nullable=True, comment="Title of the book; NULL: not told"),
    text("author", nullable=True, comment="Author of the book; NULL: not told"),
    text("asin", nullable=True, comment="Amazon's number of the book; NULL: not told"),
    text("isbn", nullable=True, comment="ISBN of the book; NULL: not told"),
    text("marketplace", nullable=True, comment="Shop or country of the sale; NULL: not told"),
    integer("quantity", comment="Units, or pages where borrow_pages; refunds are negative"),
    sa.Column(
        "list_price",
        sa.Numeric(14, 4),
        comment="Price of one unit, in list_currency, or in currency where that is NULL; "
        "NULL: not told",
    ),
    text(
        "list_currency",
        nullable=True,
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
    text("currency", nullable=True, comment="ISO 4217, of amount; NULL: not told"),
    json("raw", comment="The row as it came, by header"),
    text("source_file", comment="Name of the file, or of the API, that it came from"),
    bigint("source_row", comment="Number of the row in its sheet or file, from 1"),
    bigint("job_id", nullable=True, comment=JOB),
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
sa.Index(
    "sales_events_payments_idx", sales_events.c.tenant_id, sales_events.c.platform,
    postgresql_where=sales_events.c.event_type == "payment",
)  # fmt: skip

daily_sales = sa.Table(
    "daily_sales",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    date(
        "day",
        primary_key=True,
        comment="The UTC day; the first of the month where only that is known",
    ),
    text("platform", primary_key=True, comment=PLATFORM),
    text("title", primary_key=True, comment="Title of the book; empty: not told"),
    text("marketplace", primary_key=True, comment="Shop or country; empty: not told"),
    text("currency", primary_key=True, comment="ISO 4217, of amount; empty: not told"),
    bigint("events", comment="Events that are summed up"),
    bigint("units", comment="Units sold less those refunded"),
    bigint("refunded_units", comment="Units that came back"),
    bigint("free_units", comment="Units given away"),
    bigint("pages", comment="Pages that were read"),
    sa.Column(
        "amount",
        sa.Numeric(18, 4),
        nullable=False,
        comment="What the author earns, in currency; an amount that is not known counts as 0",
    ),
    bigint("pending_events", comment="Events without an amount, pages aside"),
    comment="Sales by UTC day, title, platform, marketplace and currency; without payments",
)
sa.Index("daily_sales_platform_idx", daily_sales.c.platform)

gumroad_pings = sa.Table(
    "gumroad_pings",
    metadata,
    identity("ping_id", comment="Number of the Ping, in order of arrival"),
    integer("tenant_id", comment=TENANT),
    text("sale_id", comment="Gumroad's id of the sale"),
    text("resource_name", comment="What it tells: sale, refund, dispute, dispute_won and so on"),
    json("fields", comment="The fields that are kept of it"),
    now("received_at", comment=RECEIVED_AT),
    bigint("job_id", nullable=True, comment=JOB),
    timestamp(
        "gift_at",
        nullable=True,
        comment="When it was bought, UTC, where it is half of a gift; NULL: it is none, or older",
    ),
    comment="Gumroad's Pings, all that were news",
)
sa.Index("gumroad_pings_tenant_idx", gumroad_pings.c.tenant_id, gumroad_pings.c.received_at)
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
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("sale_id", primary_key=True, comment="Gumroad's id of the sale"),
    json("fields", comment="The fields that are kept of it; amounts are US cents"),
    timestamp("told_at", comment="When the API was asked, UTC"),
    boolean(
        "complete",
        default=sa.true(),
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
    integer("tenant_id", comment=TENANT),
    now("created_at", comment=CREATED_AT),
    timestamp("revoked_at", nullable=True, comment=REVOKED_AT),
    comment="Secrets in the addresses that Gumroad sends Pings to",
)

gumroad_syncs = sa.Table(
    "gumroad_syncs",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text(
        "account",
        primary_key=True,
        comment="Which account: the first 16 digits of the SHA-256 of its token",
    ),
    date("synced_until", comment="Day up to which sales were fetched, UTC"),
    now("synced_at", comment="When the last sync began, UTC"),
    timestamp(
        "looked_back_at",
        nullable=True,
        comment="When sales of long ago were last asked for, UTC; NULL: never",
    ),
    comment="How far sales were fetched: a row a tenant and account",
)
