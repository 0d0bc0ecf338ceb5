"""A tenant's own login: it reads its tenant's rows in the database, and nobody else's."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.tables.tenants import tenant_readers
from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.foundation.storage.privileges import TENANT

_CONNECTIONS = 10
# What a session begins with. It may change all of them: they are for those who do not mean to.
_PATIENCE = {
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "1min",
    "idle_session_timeout": "1h",
    "lock_timeout": "10s",
}


@dataclass(frozen=True)
class Reader:
    """A tenant's login, and its password, which is seen this once."""

    role: str
    password: str


def issue_reader(connection: sa.Connection, tenant: str) -> Reader:
    """Make the login of a tenant, or give the one that is there a new password.

    The role is named after the tenant's number: names of roles are there for all to see.

    Raises:
        UnknownTenantError: there is no such tenant.
        ConfigurationError: our role may not make roles, the groups are not made, another
            installation in the cluster has a login of that name, or a session of the tenant could
            hold locks that stop everybody's work.
    """
    if not roles.are_closed(connection):
        raise ConfigurationError(
            "anybody may hold advisory locks in this database, and stop all imports with them: "
            "let a superuser run `ingestion-pipeline db roles` (docs/operations.md)"
        )
    tenant_id = tenants.find(connection, tenant)
    role = _role_of(tenant_id)
    is_new = connection.scalar(
        insert(tenant_readers)
        .values(role_name=role, tenant_id=tenant_id)
        .on_conflict_do_nothing()
        .returning(sa.true())
    )
    exists = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
    if is_new and connection.scalar(exists, {"role": role}):
        raise ConfigurationError(
            f"the role {role} is there already, of another database of this cluster"
        )
    password = roles.make_login(connection, role, group=TENANT, acts_as_group=False)
    connection.exec_driver_sql(f"ALTER ROLE {role} CONNECTION LIMIT {_CONNECTIONS}")
    for setting, value in _PATIENCE.items():
        connection.exec_driver_sql(f"ALTER ROLE {role} SET {setting} = '{value}'")
    return Reader(role, password)


def revoke_reader(connection: sa.Connection, tenant: str) -> bool:
    """Remove the login of a tenant; whether there was one. Its sessions see nothing from now on."""
    tenant_id = tenants.find(connection, tenant)
    mine = tenant_readers.c.role_name == _role_of(tenant_id)  # its pages go on
    removed = connection.execute(sa.delete(tenant_readers).where(mine)).rowcount
    if removed:
        roles.drop_login(connection, _role_of(tenant_id))
    return bool(removed)


def _role_of(tenant_id: int) -> str:
    return f"ingestion_tenant_{tenant_id}"
