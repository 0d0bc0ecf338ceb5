"""Tenants' own secrets that sign webhooks: made by command, stored encrypted, read by gateways.

    made ──rotated──▶ goes on for the overlap ──▶ expired
      └────────────────────┴──revoked──▶ of no use from then on

To check a signature one needs the secret itself, so no hash would do as for API keys; what is
stored is encrypted under `CREDENTIAL_KEYS`.
"""

import base64
import logging
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.ledger.tables.tenants import signing_secrets, tenants
from ingestion_pipeline.foundation.sealing import sealed, unsealed
from ingestion_pipeline.foundation.settings import Settings

logger = logging.getLogger(__name__)

OVERLAP = timedelta(hours=24)
_BYTES = 32
_c = signing_secrets.c
_IN_FORCE = sa.and_(
    _c.revoked_at.is_(None), sa.or_(_c.expires_at.is_(None), _c.expires_at > sa.func.now())
)


@dataclass(frozen=True)
class SigningSecrets:
    """The secrets of this moment.

    Attributes:
        by_tenant: the secrets in force of each tenant that has some, by its name.
        used: whether anybody has ever had one, in force or not.
    """

    by_tenant: dict[str, tuple[str, ...]] = field(repr=False)
    used: bool


def issue(
    connection: sa.Connection,
    configuration: Settings,
    tenant_id: int,
    *,
    rotate: bool = False,
    overlap: timedelta = OVERLAP,
) -> str:
    """Make a new secret of the tenant; this is the only time that it is seen.

    It is as Standard Webhooks has it: `whsec_` and 256 random bits in base64.

    Args:
        connection: to write with.
        configuration: has the keys to encrypt it.
        tenant_id: whose.
        rotate: it follows the one that is there, which goes on for `overlap`.
        overlap: not longer than an earlier rotation has left it.

    Raises:
        ContractError: the tenant has one, and it is not to be followed.
        ConfigurationError: there is no key to encrypt it.
    """
    _lock(connection, tenant_id)
    mine = sa.and_(_c.tenant_id == tenant_id, _IN_FORCE)
    has_one = connection.scalar(sa.select(sa.exists().where(mine, _c.expires_at.is_(None))))
    if has_one and not rotate:
        raise ContractError(
            "the tenant has a signing secret already; --rotate makes another, --revoke ends it"
        )
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
    text = sealed(configuration, secret)
    until = sa.func.least(_c.expires_at, sa.func.now() + overlap)  # which passes over NULL
    connection.execute(sa.update(signing_secrets).where(mine).values(expires_at=until))
    connection.execute(sa.insert(signing_secrets).values(tenant_id=tenant_id, sealed=text))
    return secret


def revoke(connection: sa.Connection, tenant_id: int) -> int:
    """Take all secrets of the tenant back; how many were in force."""
    _lock(connection, tenant_id)
    mine = sa.and_(_c.tenant_id == tenant_id, _IN_FORCE)
    statement = sa.update(signing_secrets).where(mine).values(revoked_at=sa.func.now())
    return connection.execute(statement).rowcount


def in_force(connection: sa.Connection, configuration: Settings) -> SigningSecrets:
    """The secrets by which a signature is valid now.

    One that can't be read, because its key was taken away, is of no use, and no trouble to others.
    """
    rows = connection.execute(
        sa.select(tenants.c.name, _c.sealed)
        .join_from(signing_secrets, tenants)
        .where(_IN_FORCE)
        .order_by(_c.signing_secret_id)
    ).all()
    found: dict[str, tuple[str, ...]] = {}
    for tenant, text in rows:
        try:
            secret = unsealed(configuration, text)
        except ConfigurationError as error:
            logger.warning("the signing secret of %s can't be read: %s", tenant, error)
            continue
        found[tenant] = (*found.get(tenant, ()), secret)
    used = bool(rows) or bool(
        connection.scalar(sa.select(sa.exists().select_from(signing_secrets)))
    )
    return SigningSecrets(found, used)


def reseal(connection: sa.Connection, configuration: Settings) -> int:
    """Encrypt those in force anew, under the first key of `CREDENTIAL_KEYS`; how many there are.

    Raises:
        ConfigurationError: one was encrypted under a key that is gone; nothing was written.
    """
    rows = connection.execute(
        sa.select(_c.signing_secret_id, _c.sealed).where(_IN_FORCE).with_for_update()
    ).all()
    for number, text in rows:
        anew = sealed(configuration, unsealed(configuration, text))
        mine = _c.signing_secret_id == number
        connection.execute(sa.update(signing_secrets).where(mine).values(sealed=anew))
    return len(rows)


def _lock(connection: sa.Connection, tenant_id: int) -> None:
    """So that of two commands at once the later one sees what the earlier one has made."""
    connection.execute(
        sa.select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id).with_for_update()
    )
