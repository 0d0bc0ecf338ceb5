"""The tables of commerce, derived from the rule book; made by migration 0002."""

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

_TYPES: dict[Kind, Any] = {
    "uuid": sa.Uuid,
    "text": sa.Text,
    "money": sa.Numeric(MONEY_DIGITS, MONEY_DECIMALS),
    "integer": sa.Integer,
    "boolean": sa.Boolean,
    "object": JSONB,
    "instant": sa.DateTime(timezone=True),
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
        sa.Column("waiting_since", sa.DateTime(timezone=True)),
    )


FINAL = {name: _final(entity) for name, entity in ENTITIES.items()}
STAGING = {name: _staging(entity) for name, entity in ENTITIES.items()}
ARRIVED = {name: _staging(entity, "_arrived") for name, entity in ENTITIES.items()}
WAITING = {name: _staging(entity, "_waiting") for name, entity in ENTITIES.items()}
for _name, _table in WAITING.items():
    sa.Index(f"{_table.name}_key_idx", _table.c.tenant_id, _table.c[ENTITIES[_name].key])
