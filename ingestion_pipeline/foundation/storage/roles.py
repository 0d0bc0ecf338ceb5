"""Roles of the database: groups with the least that the gateway, runs and readers need, and logins.

A group is made once for a cluster (`ingestion-pipeline db roles`); a login is a member of one
group. What the groups may do (`privileges.py`) is granted anew with every migration. The owner of
the tables, who migrates, is above all of it (docs/decisions/0016-roles.md).
"""

import re
import secrets
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa
from psycopg import sql

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.storage import database, locks
from ingestion_pipeline.foundation.storage.privileges import (
    CLOSED_FUNCTIONS,
    COLUMNS,
    DASHBOARDS,
    GATEWAY,
    GROUPS,
    LAKE,
    LOCK_FUNCTIONS,
    READER,
    RUNS,
    SEE_ALL,
    STAGING,
    TABLES,
)

LOGINS = {"gateway": GATEWAY, "runs": RUNS, "reader": READER, "dashboards": DASHBOARDS}
_VERBS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "D": "TRUNCATE"}
_OPEN = "has_function_privilege('public', oid, 'EXECUTE')"
_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_MONTHS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'timeseries_raw'::regclass"
)


@dataclass(frozen=True)
class Roles:
    """What `db roles` found and did.

    Attributes:
        made: groups that were not there.
        granted: whether the schema is there, and not of before roles.
        fast_merges: whether runs may set `session_replication_role`.
        closed: whether only our own roles may hold advisory locks and write large objects.
    """

    made: tuple[str, ...]
    granted: bool
    fast_merges: bool
    closed: bool


def ensure(engine: sa.Engine) -> Roles:
    """Make the groups that are missing, and grant all of them what they need, no more.

    Raises:
        ConfigurationError: our own role may not make roles.
        TransientError: the tables were in use all the time.
    """
    return locks.under_lock(engine, _ensure)


def _ensure(connection: sa.Connection) -> Roles:
    made = tuple(group for group in GROUPS if not is_there(connection, group))
    for group in made:
        change_role(connection, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group)))
    if not is_there(connection, DASHBOARDS):
        change_role(connection, sql.SQL(f"CREATE ROLE {DASHBOARDS} NOLOGIN NOINHERIT"))
        made += (DASHBOARDS,)
    fast_merges = _let_runs_check_in_bulk(connection)
    granted = sa.inspect(connection).has_table("tenant_readers")  # else `db upgrade` will grant
    if granted:
        grant(connection)
    return Roles(made, granted, fast_merges, are_closed(connection))


def are_there(connection: sa.Connection) -> bool:
    """Whether all groups are in this cluster."""
    return all(is_there(connection, group) for group in GROUPS)


def grant(connection: sa.Connection) -> None:
    """Give the groups what `privileges.py` says, and take what it does not; as the tables' owner.

    Others see the change when it is committed, never anything in between.
    """
    schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
    there = set(sa.inspect(connection).get_table_names())
    there |= set(sa.inspect(connection).get_view_names())
    known = [table for table in TABLES if table in there]  # an older schema has fewer
    _run(connection, f"REVOKE ALL ON {', '.join(known)} FROM {', '.join(GROUPS)}")
    _run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {', '.join(GROUPS)}")
    for number, group in enumerate(GROUPS):
        for letter, verb in _VERBS.items():
            granted = [
                table for table in known
                if letter in TABLES[table][number]
                and not (letter == "r" and (group, table) in COLUMNS)
            ]  # fmt: skip
            if granted:
                _run(connection, f"GRANT {verb} ON {', '.join(granted)} TO {group}")
    for (group, table), columns in COLUMNS.items():
        if table in known:  # a schema that is still to be upgraded may lack some columns
            found = {column["name"] for column in sa.inspect(connection).get_columns(table)}
            shown = ", ".join(name for name in columns if name in found)
            _run(connection, f"GRANT SELECT ({shown}) ON {table} TO {group}")
    _run(connection, f"GRANT USAGE ON SEQUENCE key_value_versions TO {GATEWAY}, {RUNS}")
    _grant_to_runs(connection, schema)
    _let_see_all(connection)
    _close(connection)


def _grant_to_runs(connection: sa.Connection, schema: str | None) -> None:
    # Collections stage into tables of their own, in a schema that is in nobody's search path: what
    # one may create beside the owner's tables, the owner may come to call.
    _run(connection, f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {', '.join(GROUPS)}")
    if connection.scalar(sa.text("SELECT to_regnamespace(:name)"), {"name": STAGING}):
        _run(connection, f"GRANT USAGE, CREATE ON SCHEMA {STAGING} TO {RUNS}")
    if connection.scalar(sa.text("SELECT to_regnamespace(:name)"), {"name": LAKE}):
        everybody = f"PUBLIC, {', '.join(GROUPS)}, {DASHBOARDS}"
        _run(connection, f"REVOKE ALL ON SCHEMA {LAKE} FROM {everybody}")
        _run(connection, f"REVOKE ALL ON ALL TABLES IN SCHEMA {LAKE} FROM {everybody}")
        _run(connection, f"GRANT USAGE ON SCHEMA {LAKE} TO {RUNS}")
        verbs = "SELECT, INSERT, UPDATE, DELETE"
        _run(connection, f"GRANT {verbs} ON ALL TABLES IN SCHEMA {LAKE} TO {RUNS}")
    _run(
        connection,
        "GRANT EXECUTE ON FUNCTION make_timeseries_month(date), drop_timeseries_month(date), "
        f"collect_statistics(regclass, text[]) TO {RUNS}",
    )
    if months := connection.scalars(sa.text(_MONTHS)).all():
        _run(connection, f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(months)} TO {RUNS}")


def are_closed(connection: sa.Connection) -> bool:
    """Whether nobody but our roles may hold advisory locks in this database."""
    return not _named(connection, f"{CLOSED_FUNCTIONS} AND {_OPEN}")


def _close(connection: sa.Connection) -> None:
    """Take PostgreSQL's own locks and large objects from everybody else, where we may.

    Who is no superuser, and was not given them with grant option, is told so by a warning of
    PostgreSQL's: then `are_closed` says no.
    """
    owner = connection.scalar(
        sa.text("SELECT relowner::regrole::text FROM pg_class WHERE oid = to_regclass('tenants')")
    )
    locks = _named(connection, LOCK_FUNCTIONS)
    _run(connection, f"GRANT EXECUTE ON FUNCTION {locks} TO {GATEWAY}, {RUNS}, {owner}")
    # Some are a superuser's alone by default (`lo_import`): whoever has nothing to give or take of
    # a function is told so by an error.
    if still_open := _named(connection, f"{CLOSED_FUNCTIONS} AND {_OPEN}"):
        _run(connection, f"REVOKE EXECUTE ON FUNCTION {still_open} FROM PUBLIC")


def _named(connection: sa.Connection, which: str) -> str:
    found = "SELECT string_agg(oid::regprocedure::text, ', ') FROM pg_proc"
    return connection.scalar(sa.text(f"{found} WHERE {which}")) or ""


def _let_see_all(connection: sa.Connection) -> None:
    """The policy `every_row`, where it is missing: a constant, which costs a query nothing."""
    missing = connection.scalars(
        sa.text("""
            SELECT relname FROM pg_class
            WHERE relrowsecurity AND relnamespace = current_schema()::regnamespace
              AND relname <> 'tenant_readers'
              AND NOT EXISTS (SELECT FROM pg_policy
                              WHERE polrelid = pg_class.oid AND polname = 'every_row')
            ORDER BY relname
        """)
    ).all()
    if missing:
        _run(connection, f"LOCK TABLE {', '.join(missing)} IN ACCESS EXCLUSIVE MODE")
    for table in missing:
        _run(
            connection,
            f"CREATE POLICY every_row ON {table} TO {', '.join(SEE_ALL)} "
            "USING (true) WITH CHECK (true)",
        )
    # Of whom a viewer is, runs alone know, which read the lake's rows as each.
    known = "SELECT FROM pg_policy WHERE polrelid = 'tenant_readers'::regclass AND polname = "
    if not connection.scalar(sa.text(f"SELECT EXISTS ({known}'of_runs')")):
        _run(
            connection,
            f"CREATE POLICY of_runs ON tenant_readers FOR SELECT TO {RUNS} USING (true)",
        )


def make_login(connection: sa.Connection, name: str, *, group: str, acts_as_group: bool) -> str:
    """Make a login, a member of one group; one that is there gets a new password. Returns it.

    Only what the password is checked against goes to the server, so no log can show it.

    Args:
        name: of the role: 1 to 63 of a-z, 0-9, _, not beginning with a digit or `pg_`.
        acts_as_group: what it makes belongs to the group, so that other logins may drop it.

    Raises:
        ConfigurationError: no such name, another's role, or our own role may not make roles.
    """
    if not _NAME.fullmatch(name) or name in (*GROUPS, DASHBOARDS):
        raise ConfigurationError(f"{name!r} is no name for a login: a-z, 0-9 and _, at most 63")
    if not is_there(connection, group):
        raise ConfigurationError("the roles are not made yet: run `ingestion-pipeline db roles`")
    if is_there(connection, name) and not _is_member(connection, name, group):
        raise ConfigurationError(f"there is a role {name!r} already that is none of {group}")
    password = secrets.token_urlsafe(24)
    role = sql.Identifier(name)
    if not is_there(connection, name):
        change_role(connection, sql.SQL("CREATE ROLE {} LOGIN").format(role))
        change_role(connection, sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), role))
    if acts_as_group:
        setting = sql.SQL("ALTER ROLE {} SET role = {}")
        change_role(connection, setting.format(role, sql.Literal(group)))
    driver = database.driver(connection)
    verifier = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    change_role(
        connection,
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier.decode())),
    )
    return password


def url_of(engine: sa.Engine, login: str, password: str) -> str:
    """The URL under which a login reaches this database, password and all."""
    url = engine.url.set(drivername="postgresql", username=login, password=password)
    return url.render_as_string(hide_password=False)


def drop_login(connection: sa.Connection, name: str) -> None:
    """Remove a login; what its open sessions ask for from then on is refused."""
    change_role(connection, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def let_become(connection: sa.Connection, role: str, *, who: str) -> None:
    """Let the pages' login, or runs, become a role, of which they have nothing before.

    Raises:
        ConfigurationError: our own role may not.
    """
    # Before PostgreSQL 16 that nothing is inherited is a matter of the role (NOINHERIT): runs
    # inherit there. A tenant's viewer has nothing that they lack.
    version = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    how = " WITH INHERIT FALSE, SET TRUE" if int(version) >= 160_000 else ""
    may = sa.text("SELECT pg_has_role(:who, :role, 'MEMBER')")
    if not connection.scalar(may, {"who": who, "role": role}):
        grant = sql.SQL("GRANT {} TO {}" + how)
        change_role(connection, grant.format(sql.Identifier(role), sql.Identifier(who)))


def is_there(connection: sa.Connection, role: str) -> bool:
    """Whether the cluster has a role."""
    found = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")
    return bool(connection.scalar(found, {"role": role}))


def _is_member(connection: sa.Connection, role: str, group: str) -> bool:
    """Whether a role is a login of a group; whoever makes roles may be a member, and is none."""
    found = sa.text(
        "SELECT EXISTS (SELECT FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.member "
        "WHERE m.roleid = CAST(:group AS regrole) AND r.rolname = :role AND NOT r.rolsuper "
        "AND NOT r.rolcreaterole)"
    )
    return bool(connection.scalar(found, {"role": role, "group": group}))


def _let_runs_check_in_bulk(connection: sa.Connection) -> bool:
    """Let runs check foreign keys in bulk, where we may (docs/decisions/0004-bulk-path.md).

    Returns whether they can: somebody else may have let them.
    """
    try:
        with connection.begin_nested():
            _run(connection, f"GRANT SET ON PARAMETER session_replication_role TO {RUNS}")
    except sa.exc.ProgrammingError:  # only a superuser may
        found = f"SELECT has_parameter_privilege('{RUNS}', 'session_replication_role', 'SET')"
        return bool(connection.scalar(sa.text(found)))
    return True


def change_role(connection: sa.Connection, statement: sql.Composable) -> None:
    """Make, alter or drop a role; say it plainly where we may not."""
    try:
        database.driver(connection).execute(statement)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ConfigurationError(
            f"{connection.engine.url.username} may not make roles: {error.diag.message_primary}; "
            "use a role that has CREATEROLE (docs/operations.md)"
        ) from None


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
