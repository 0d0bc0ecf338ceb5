"""The tables of commerce: its rows, derived from the rule book, and resumable uploads."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ingestion_pipeline.domains.commerce.contract.entities import (
    ENTITIES,
    MONEY_DECIMALS,
    MONEY_DIGITS,
    Entity,
    Kind,
)
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.storage.columns import (
    TIMESTAMP,
    bigint,
    boolean,
    identity,
    integer,
    json,
    now,
    text,
    timestamp,
)
from ingestion_pipeline.foundation.storage.metadata import PERSONAL, metadata
from ingestion_pipeline.foundation.storage.wording import CREATED_AT, SHA256, TENANT, UPLOAD

_TYPES: dict[Kind, Any] = {
    "uuid": sa.Uuid,
    "text": sa.Text,
    "money": sa.Numeric(MONEY_DIGITS, MONEY_DECIMALS),
    "integer": sa.Integer,
    "boolean": sa.Boolean,
    "object": JSONB,
    "instant": TIMESTAMP,
    "currency": sa.Text,
}


_WAITING = "Whether it waits for a parent that has not come"
_WAITING_SINCE = "Since when it waits, UTC; NULL: it does not"
_LINE = "Number of its line in the file, from 1"
_PARTS = {"": "", "_arrived": ": those that are next", "_waiting": ": those that wait"}
_LAST_UPLOAD = "The file that told the row last (uploads.upload_id)"
_EXTRA = "Fields that the contract does not know, as they came; NULL: none"


def _content(entity: Entity) -> list[sa.Column[Any]]:
    columns: list[sa.Column[Any]] = [
        sa.Column(
            rule.name,
            _TYPES[rule.kind],
            nullable=rule.nullable or rule.untold,
            comment=rule.comment,
            info=PERSONAL if rule.personal else {},
        )
        for rule in entity.fields
    ]
    return [*columns, json("extra", nullable=True, comment=_EXTRA)]


def _final(entity: Entity) -> sa.Table:
    return sa.Table(
        entity.name,
        metadata,
        integer("tenant_id", comment=TENANT),
        *_content(entity),
        bigint("upload_id", comment=_LAST_UPLOAD),
        sa.PrimaryKeyConstraint("tenant_id", entity.key),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", field], [f"{parent}.tenant_id", f"{parent}.{ENTITIES[parent].key}"]
            )
            for field, parent in entity.parents.items()
        ),
        comment=f"Rows of {entity.name}_* files, merged: one a tenant and {entity.key}",
    )


def _staging(entity: Entity, suffix: str = "") -> sa.Table:
    return sa.Table(
        f"{entity.name}_staging{suffix}",
        metadata,
        boolean("waiting", default=sa.false(), comment=_WAITING),
        integer("tenant_id", comment=TENANT),
        bigint("upload_id", comment=UPLOAD),
        bigint("line_number", comment=_LINE),
        *_content(entity),
        timestamp("waiting_since", nullable=True, comment=_WAITING_SINCE),
        comment=f"Rows of {entity.name}_* files, not merged yet{_PARTS[suffix]}",
    )


FINAL = {name: _final(entity) for name, entity in ENTITIES.items()}
sa.Index("orders_order_date_idx", FINAL["orders"].c.tenant_id, FINAL["orders"].c.order_date)
STAGING = {name: _staging(entity) for name, entity in ENTITIES.items()}
ARRIVED = {name: _staging(entity, "_arrived") for name, entity in ENTITIES.items()}
WAITING = {name: _staging(entity, "_waiting") for name, entity in ENTITIES.items()}
for _name, _table in WAITING.items():
    sa.Index(f"{_table.name}_key_idx", _table.c.tenant_id, _table.c[ENTITIES[_name].key])

order_item_sets = sa.Table(
    "order_item_sets",
    metadata,
    integer("tenant_id", primary_key=True, comment=TENANT),
    text("source", primary_key=True, comment="Source of the mapping that says so"),
    sa.Column("order_id", sa.Uuid, primary_key=True, comment="The order; it may still be to come"),
    bigint(
        "told_by",
        comment="The mapped file whose items they are and no others (uploads.upload_id); 0: none "
        "said so",
    ),
    sa.Column(
        "items",
        ARRAY(sa.Uuid),
        nullable=False,
        comment="Its items (order_items.order_item_id)",
    ),
    sa.Column(
        "gone",
        ARRAY(sa.Uuid),
        nullable=False,
        comment="Items that it had before, and that are still to be removed",
    ),
    comment="Which items a mapped source told of an order: a row a source and order",
)
sa.Index("order_item_sets_told_by_idx", order_item_sets.c.told_by)

# Resumable uploads; made by the migration named so.
upload_sessions = sa.Table(
    "upload_sessions",
    metadata,
    identity("session_id", comment="Number of the session"),
    sa.Column(
        "token",
        sa.Text,
        nullable=False,
        unique=True,
        comment="Name of the session: the Upload-Token of its requests",
    ),
    sa.Column("tenant_id", sa.ForeignKey(tenants.c.tenant_id), nullable=False, comment=TENANT),
    now("created_at", comment=CREATED_AT),
    sa.Column(
        "expires_at", TIMESTAMP, nullable=False, index=True, comment="When it is given up, UTC"
    ),
    comment="Resumable uploads: a row a session",
)

upload_session_files = sa.Table(
    "upload_session_files",
    metadata,
    identity("session_file_id", comment="Number of the file"),
    sa.Column(
        "session_id",
        sa.ForeignKey(upload_sessions.c.session_id, ondelete="CASCADE"),
        nullable=False,
        comment="The session (upload_sessions.session_id)",
    ),
    text("file_name", comment="Name of the file, unique in its session"),
    text("type", comment="Type of its rows: customers, products, orders or order_items"),
    bigint("bytes", comment="Size that was announced, bytes"),
    text("sha256", comment=SHA256),
    sa.Column(
        "upload_id",
        sa.ForeignKey(uploads.c.upload_id),
        comment="The upload that it became (uploads.upload_id); NULL: not complete",
    ),
    sa.UniqueConstraint("session_id", "file_name"),
    comment="Files of resumable uploads",
)

upload_chunks = sa.Table(
    "upload_chunks",
    metadata,
    sa.Column(
        "session_file_id",
        sa.ForeignKey(upload_session_files.c.session_file_id, ondelete="CASCADE"),
        primary_key=True,
        comment="The file (upload_session_files.session_file_id)",
    ),
    bigint(
        "first_byte", primary_key=True, comment="Position of its first byte in the file, from 0"
    ),
    bigint("last_byte", comment="Position of its last byte, inclusive"),
    text("sha256", comment=SHA256),
    text("location", comment="Where the bytes are in the landing store"),
    comment="Parts of files that have arrived: a row a file and first byte",
)
