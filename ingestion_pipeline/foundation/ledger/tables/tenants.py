"""Whose data it is, and what they come in with: keys, secrets, rates, roles that read."""

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage.columns import (
    bigint,
    date,
    double,
    integer,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, EXPIRES_AT, REVOKED_AT, TENANT

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column(
        "tenant_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the tenant",
    ),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="Name of the tenant, unique"),
    now("created_at", comment=CREATED_AT),
    bigint(
        "landed_bytes_limit",
        nullable=True,
        comment="Most bytes of landed files; NULL: as the settings say",
    ),
    bigint(
        "rejected_bytes_limit",
        nullable=True,
        comment="Most bytes of kept refused rows; NULL: as the settings say",
    ),
    text(
        "time_zone",
        default="UTC",
        comment="By whose clock its days are told: a name of the IANA database",
    ),
    comment="Tenants: whose data it is",
)

holidays = sa.Table(
    "holidays",
    metadata,
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        primary_key=True,
        autoincrement=False,
        comment=TENANT,
    ),
    date("day", primary_key=True, comment="The day, by the tenant's clock"),
    text("name", comment="What is celebrated; empty: not said"),
    comment="Days on which a tenant does not work: they are compared with Sundays",
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column(
        "api_key_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the key",
    ),
    sa.Column(
        "tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, index=True, comment=TENANT
    ),
    sa.Column(
        "sha256",
        sa.LargeBinary,
        nullable=False,
        unique=True,
        comment="SHA-256 of the key, 32 bytes",
    ),
    text("hint", comment="Beginning of the key, to know it by"),
    now("created_at", comment=CREATED_AT),
    timestamp("revoked_at", nullable=True, comment=REVOKED_AT),
    comment="Keys of tenants to the gateway",
)

signing_secrets = sa.Table(
    "signing_secrets",
    metadata,
    sa.Column(
        "signing_secret_id",
        sa.Integer,
        sa.Identity(always=True),
        primary_key=True,
        comment="Number of the secret",
    ),
    sa.Column(
        "tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, index=True, comment=TENANT
    ),
    text("sealed", comment="The secret, encrypted"),
    now("created_at", comment=CREATED_AT),
    timestamp("expires_at", nullable=True, comment=EXPIRES_AT),
    timestamp("revoked_at", nullable=True, comment=REVOKED_AT),
    comment="Secrets of tenants that sign their webhooks",
)

tenant_credentials = sa.Table(
    "tenant_credentials",
    metadata,
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        primary_key=True,
        autoincrement=False,
        comment=TENANT,
    ),
    text("name", primary_key=True, comment="By which files of APIs name it"),
    text("sealed", comment="The credential, encrypted"),
    now("created_at", comment=CREATED_AT),
    now("changed_at", comment="When it got the value that it has, UTC"),
    comment="Credentials of tenants to APIs that are asked for them",
)

rate_buckets = sa.Table(
    "rate_buckets",
    metadata,
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), primary_key=True, comment=TENANT),
    double("tokens", comment="Requests that are left"),
    integer("granted", comment="Requests that were taken out last"),
    timestamp("filled_at", comment="When it was filled up last, UTC"),
    comment="What tenants may still send, through all gateways: a bucket a tenant",
    prefixes=["UNLOGGED"],
)

# Which tenant's rows a login role sees: what the policies `own_rows` of migration 0012 go by.
tenant_readers = sa.Table(
    "tenant_readers",
    metadata,
    text("role_name", primary_key=True, comment="The role in the database"),
    sa.Column(
        "tenant_id",
        sa.ForeignKey(tenants.c.tenant_id),
        nullable=False,
        comment="The tenant whose rows it sees (tenants.tenant_id)",
    ),
    now("created_at", comment=CREATED_AT),
    comment="Which tenant's rows a login role sees (policies `own_rows`)",
)
