"""Tenants and their API keys: who may send, and under which number it is stored.

A key is 256 random bits behind the prefix `ik_`; the database holds its SHA-256 and nothing else
(a slow password hash protects guessable secrets, which these are not).
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from ingestion_pipeline.foundation.errors import ContractError, UnknownTenantError
from ingestion_pipeline.foundation.ledger.tables.tenants import api_keys, tenants

_HASHES = ARRAY(sa.LargeBinary)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# A tenant's name is its namespace in the key-value store, and these have documents of our own.
_RESERVED = frozenset({"buildings", "markets"})


@dataclass(frozen=True)
class KeyHolder:
    """The tenant that a key belongs to."""

    tenant_id: int
    tenant: str


@dataclass(frozen=True)
class Tenant:
    """A tenant as `tenants list` shows it."""

    tenant_id: int
    name: str
    created_at: datetime
    active_keys: int

    def as_dict(self) -> dict[str, str | int]:
        """The tenant's entry in `tenants list --json`."""
        return {
            "tenant": self.name,
            "tenant_id": self.tenant_id,
            "created_at": self.created_at.isoformat(),
            "active_keys": self.active_keys,
        }


def key_hash(api_key: str) -> bytes:
    """What the database stores of an API key (32 bytes)."""
    return hashlib.sha256(api_key.encode()).digest()


def ensure(connection: sa.Connection, name: str) -> int:
    """The number of the tenant of that name, made if there is none.

    Raises:
        ContractError: the name is not 1–63 of `a-z 0-9 _ -`, beginning with a letter or digit, or
            it is one of ours.
    """
    if name in _RESERVED:
        raise ContractError(f"tenant: must not be {name!r}, which is a name of our own")
    if not _NAME.fullmatch(name):
        raise ContractError(
            "tenant: must be 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit, "
            f"got {name!r}"
        )
    connection.execute(insert(tenants).values(name=name).on_conflict_do_nothing())
    return find(connection, name)


def find(connection: sa.Connection, name: str) -> int:
    """The number of the tenant of that name.

    Raises:
        UnknownTenantError: there is none.
    """
    found = connection.scalar(sa.select(tenants.c.tenant_id).where(tenants.c.name == name))
    if found is None:
        raise UnknownTenantError(
            f"no tenant named {name!r}: `ingestion-pipeline tenants create {name}` makes one"
        )
    return int(found)


def issue_key(connection: sa.Connection, tenant_id: int) -> str:
    """Make a new API key of the tenant; this is the only time that it is seen."""
    api_key = "ik_" + secrets.token_urlsafe(32)
    connection.execute(
        sa.insert(api_keys).values(
            tenant_id=tenant_id, sha256=key_hash(api_key), hint=api_key[:7] + "…"
        )
    )
    return api_key


def revoke_keys(connection: sa.Connection, tenant_id: int, *, except_key: str | None = None) -> int:
    """Revoke the tenant's keys (but one, while rotating); returns how many were in force."""
    statement = (
        sa.update(api_keys)
        .where(api_keys.c.tenant_id == tenant_id, api_keys.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
    )
    if except_key is not None:
        statement = statement.where(api_keys.c.sha256 != key_hash(except_key))
    return connection.execute(statement).rowcount


def holders_of_keys(
    connection: sa.Connection, key_hashes: Sequence[bytes]
) -> list[KeyHolder | None]:
    """Whose keys these are, by their `key_hash`; None for a key that is not in force."""
    statement = (
        sa.select(api_keys.c.sha256, tenants.c.tenant_id, tenants.c.name)
        .join_from(api_keys, tenants)
        .where(
            api_keys.c.sha256 == sa.func.any(sa.bindparam("hashes", type_=_HASHES)),
            api_keys.c.revoked_at.is_(None),
        )
    )
    rows = connection.execute(statement, {"hashes": list(set(key_hashes))})
    holders = {bytes(row[0]): KeyHolder(row[1], row[2]) for row in rows}
    return [holders.get(key_hash) for key_hash in key_hashes]


def everyone(connection: sa.Connection) -> list[Tenant]:
    """All tenants by name."""
    keys = (
        sa.select(sa.func.count())
        .where(api_keys.c.tenant_id == tenants.c.tenant_id, api_keys.c.revoked_at.is_(None))
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(tenants.c.tenant_id, tenants.c.name, tenants.c.created_at, keys).order_by(
            tenants.c.name
        )
    )
    return [Tenant(*row) for row in rows]
