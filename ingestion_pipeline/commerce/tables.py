"""The tables of commerce: its rows, derived from the rule book, and resumable uploads."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from ingestion_pipeline.commerce.contract import (
    ENTITIES,
    MONEY_DECIMALS,
    MONEY_DIGITS,
    Entity,
    Kind,
)
from ingestion_pipeline.storage.database import metadata

_timestamp = sa.DateTime(timezone=True)
_TYPES: dict[Kind, Any] = {
    "uuid": sa.Uuid,
    "text": sa.Text,
    "money": sa.Numeric(MONEY_DIGITS, MONEY_DECIMALS),
    "integer": sa.Integer,
    "boolean": sa.Boolean,
    "object": JSONB,
    "instant": _timestamp,
    "currency": sa.Text,
}


def _content(entity: Entity) -> list[sa.Column[Any]]:
    columns: list[sa.Column[Any]] = [
        sa.Column(rule.name, _TYPES[rule.kind], nullable=rule.nullable) for rule in entity.fields
    ]
    return [*columns, sa.Column("extra", JSONB)]


def _final(entity: Entity) -> sa.Table:
    return sa.Table(
        entity.name,
        metadata,
        sa.Column("tenant_id", sa.Integer, nullable=False),
        *_content(entity),
        sa.Column("upload_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", entity.key),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", field], [f"{parent}.tenant_id", f"{parent}.{ENTITIES[parent].key}"]
            )
            for field, parent in entity.parents.items()
        ),
    )


def _staging(entity: Entity, suffix: str = "") -> sa.Table:
    return sa.Table(
        f"{entity.name}_staging{suffix}",
        metadata,
        sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("tenant_id", sa.Integer, nullable=False),
        sa.Column("upload_id", sa.BigInteger, nullable=False),
        sa.Column("line_number", sa.BigInteger, nullable=False),
        *_content(entity),
        sa.Column("waiting_since", _timestamp),
    )


FINAL = {name: _final(entity) for name, entity in ENTITIES.items()}
STAGING = {name: _staging(entity) for name, entity in ENTITIES.items()}
ARRIVED = {name: _staging(entity, "_arrived") for name, entity in ENTITIES.items()}
WAITING = {name: _staging(entity, "_waiting") for name, entity in ENTITIES.items()}
for _name, _table in WAITING.items():
    sa.Index(f"{_table.name}_key_idx", _table.c.tenant_id, _table.c[ENTITIES[_name].key])

# Resumable uploads; made by the migration named so.
upload_sessions = sa.Table(
    "upload_sessions",
    metadata,
    sa.Column("session_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("tenant_id", sa.ForeignKey("tenants.tenant_id"), nullable=False),
    sa.Column("created_at", _timestamp, nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", _timestamp, nullable=False, index=True),
)

upload_session_files = sa.Table(
    "upload_session_files",
    metadata,
    sa.Column("session_file_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column(
        "session_id",
        sa.ForeignKey("upload_sessions.session_id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("upload_id", sa.ForeignKey("uploads.upload_id")),
    sa.UniqueConstraint("session_id", "file_name"),
)

upload_chunks = sa.Table(
    "upload_chunks",
    metadata,
    sa.Column(
        "session_file_id",
        sa.ForeignKey("upload_session_files.session_file_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("first_byte", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last_byte", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
)
