"""Tenants' viewers: the roles under which the pages read, one a tenant, that nobody logs in with.

    login of the pages       may read nothing
      ├─ may become ▶ ingestion_viewer_N      a member of `ingestion_tenant`, with a row in
      │                                       `tenant_readers`: the policies show it tenant N's rows
      └─ may become ▶ ingestion_reader        for the operator's pages
    ingestion_runs
      └─ may become ▶ ingestion_viewer_N      to write what tenant N may see into its own lake

A role is named after the tenant's number, as the tenant's own login is (`readers.py`). Databases
of one cluster share it: each says in its own `tenant_readers` whose rows it sees there.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger.tables.tenants import tenant_readers
from ingestion_pipeline.foundation.storage import locks, roles
from ingestion_pipeline.foundation.storage.privileges import DASHBOARDS, READER, RUNS, TENANT

_PREFIX = "ingestion_viewer_"
# Of a backup that was restored in another cluster the rows are there, and the roles are not. Runs
# are shown the rows by a policy that `db roles` makes; where it is still missing they ask as the
# viewer that they become (IS_OF).
_LACKING = sa.text("""
    SELECT tenants.tenant_id FROM tenants
    LEFT JOIN tenant_readers AS r ON r.role_name = :prefix || tenants.tenant_id
    LEFT JOIN pg_roles ON rolname = :prefix || tenants.tenant_id
    WHERE (r.role_name IS NULL AND NOT row_security_active('tenant_readers')) OR rolname IS NULL
       OR NOT pg_has_role(:dashboards, pg_roles.oid, 'MEMBER')
       OR NOT pg_has_role(:runs, pg_roles.oid, 'MEMBER')
       OR NOT pg_has_role(pg_roles.oid, :tenant, 'MEMBER')
    ORDER BY tenants.tenant_id
""")
_UNREADABLE = sa.text("""
    SELECT tenants.tenant_id FROM tenants
    LEFT JOIN tenant_readers AS r
        ON r.role_name = :prefix || tenants.tenant_id AND r.tenant_id = tenants.tenant_id
    LEFT JOIN pg_roles ON rolname = r.role_name
    WHERE rolname IS NULL OR NOT pg_has_role(session_user, pg_roles.oid, 'MEMBER')
       OR NOT pg_has_role(pg_roles.oid, :tenant, 'MEMBER')
""")


@dataclass(frozen=True)
class Viewers:
    """What became of the viewers that were missing.

    Attributes:
        made: how many were made.
        lacking: why the others could not be; None: all are there.
    """

    made: int = 0
    lacking: str | None = None


def role_of(tenant_id: int) -> str:
    """The role under which pages, and the lake, read a tenant's rows."""
    return f"{_PREFIX}{int(tenant_id)}"


IS_OF = "SELECT tenant_id FROM tenant_readers WHERE role_name = current_user"


def ensure(engine: sa.Engine) -> Viewers:
    """Make the viewers of all tenants that have none; nothing where we may make no roles."""
    with engine.connect() as connection:
        for group in (TENANT, RUNS, DASHBOARDS):
            if not roles.is_there(connection, group):
                return Viewers(lacking="the groups of roles are not made")
        if not sa.inspect(connection).has_table(tenant_readers.name):
            return Viewers(lacking="the schema is of before roles: `db upgrade` makes them")
        if _may_see_all(connection) and not _lacking(connection):
            return Viewers()
    try:
        return Viewers(made=locks.under_lock(engine, _make))
    except ConfigurationError as error:
        return Viewers(lacking=str(error))


def unreadable(connection: sa.Connection) -> frozenset[int]:
    """The tenants that the connection's login can't read as.

    Raises:
        ConfigurationError: the groups of roles are not made.
    """
    if not roles.is_there(connection, TENANT):
        raise ConfigurationError("the groups of roles are not made: `ingestion-pipeline db roles`")
    return frozenset(connection.scalars(_UNREADABLE, {"prefix": _PREFIX, "tenant": TENANT}))


def _may_see_all(connection: sa.Connection) -> bool:
    """Whether the operator's pages can be read."""
    may = sa.text("SELECT pg_has_role(:dashboards, :reader, 'MEMBER')")
    return bool(connection.scalar(may, {"dashboards": DASHBOARDS, "reader": READER}))


def _lacking(connection: sa.Connection) -> list[int]:
    names = {"prefix": _PREFIX, "dashboards": DASHBOARDS, "runs": RUNS, "tenant": TENANT}
    return list(connection.scalars(_LACKING, names))


def _make(connection: sa.Connection) -> int:
    roles.let_become(connection, READER, who=DASHBOARDS)
    lacking = _lacking(connection)
    for tenant_id in lacking:
        role = role_of(tenant_id)
        named = sql.Identifier(role)
        if not roles.is_there(connection, role):
            roles.change_role(connection, sql.SQL("CREATE ROLE {} NOLOGIN").format(named))
        group = sql.SQL("GRANT {} TO {}").format(sql.Identifier(TENANT), named)
        roles.change_role(connection, group)
        for who in (DASHBOARDS, RUNS):
            roles.let_become(connection, role, who=who)
        row = insert(tenant_readers).values(role_name=role, tenant_id=tenant_id)
        connection.execute(row.on_conflict_do_nothing())
    return len(lacking)
