"""Tenants' credentials to APIs that files describe: stored encrypted, read by runs alone.

A file names one (`{stored: NAME}`); which tenant's it is follows from the file's `tenant`, so no
file reads another tenant's. Stored under `CREDENTIAL_KEYS`; written by command, shown by none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger.tables.tenants import tenant_credentials
from ingestion_pipeline.foundation.sealing import sealed, unsealed
from ingestion_pipeline.foundation.secret_names import is_credential_name
from ingestion_pipeline.foundation.settings import Settings

_LONGEST = 8192
_c = tenant_credentials.c


@dataclass(frozen=True)
class Stored:
    """What may be told of a credential."""

    name: str
    created_at: datetime
    changed_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """As a document."""
        return {
            "name": self.name,
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
        }


def keep(
    connection: sa.Connection, configuration: Settings, tenant_id: int, name: str, value: str
) -> None:
    """Store a credential, in the place of one that has the name.

    Raises:
        ContractError: name or value is none; the value is not repeated.
        ConfigurationError: there is no key to encrypt it.
    """
    if not is_credential_name(name):
        raise ContractError(
            "the name of a credential is a-z, 0-9 and single _ between them, up to 63 letters, "
            "such as plant_token"
        )
    value = value.strip()
    if not (value and value.isprintable() and len(value) <= _LONGEST):
        raise ContractError(
            f"a credential is one line of 1 to {_LONGEST:,} printable letters; this one is not"
        )
    text = sealed(configuration, value)
    statement = insert(tenant_credentials).values(tenant_id=tenant_id, name=name, sealed=text)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(tenant_credentials.primary_key),
            set_={"sealed": text, "changed_at": sa.func.now()},
        )
    )


def remove(connection: sa.Connection, tenant_id: int, name: str) -> bool:
    """Forget a credential; whether there was one."""
    mine = (_c.tenant_id == tenant_id, _c.name == name)
    return connection.execute(sa.delete(tenant_credentials).where(*mine)).rowcount == 1


def stored(connection: sa.Connection, tenant_id: int) -> list[Stored]:
    """Those of a tenant, by name; never what they are."""
    query = sa.select(_c.name, _c.created_at, _c.changed_at).order_by(_c.name)
    return [Stored(*row) for row in connection.execute(query.where(_c.tenant_id == tenant_id))]


def read(
    connection: sa.Connection, configuration: Settings, tenant_id: int, names: Iterable[str]
) -> dict[str, str]:
    """Credentials of a tenant by name; none of those that are not there.

    Raises:
        ConfigurationError: one was encrypted under a key that is gone, or there is no key.
    """
    query = sa.select(_c.name, _c.sealed).where(_c.tenant_id == tenant_id, _c.name.in_(names))
    return {name: unsealed(configuration, text) for name, text in connection.execute(query)}


def reseal(connection: sa.Connection, configuration: Settings) -> int:
    """Encrypt all anew, under the first key of `CREDENTIAL_KEYS`; how many there are.

    Raises:
        ConfigurationError: one was encrypted under a key that is gone; nothing was written.
    """
    query = sa.select(_c.tenant_id, _c.name, _c.sealed).with_for_update()
    rows = connection.execute(query).all()
    for tenant_id, name, text in rows:
        mine = (_c.tenant_id == tenant_id, _c.name == name)
        anew = sealed(configuration, unsealed(configuration, text))
        connection.execute(sa.update(tenant_credentials).where(*mine).values(sealed=anew))
    return len(rows)
