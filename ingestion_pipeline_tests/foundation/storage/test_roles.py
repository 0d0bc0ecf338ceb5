"""Roles: a tenant's login sees its tenant's rows and no others; services may do their work only."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.ledger import readers, tenants
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.storage import locks, roles, schema
from ingestion_pipeline.foundation.storage.privileges import (
    COLUMNS,
    GATEWAY,
    GROUPS,
    RUNS,
    TABLES,
    TENANT,
)

_numbers = itertools.count(1)
TENANTS = ("acme", "bolt")
_VALUES = {
    "integer": "1", "bigint": "1", "smallint": "1", "numeric": "1", "double precision": "1",
    "text": "'x'", "boolean": "true", "date": "'2026-01-01'", "jsonb": "'{}'", "bytea": "'x'",
    "timestamp with time zone": "'2026-01-01T00:00Z'", "ARRAY": "'{}'", "uuid": "gen_random_uuid()",
}  # fmt: skip


@contextmanager
def session(engine: sa.Engine, role: str, password: str) -> Iterator[sa.Connection]:
    url = sa.make_url(roles.url_of(engine, role, password)).set(drivername="postgresql+psycopg")
    own = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with own.connect() as connection:
            yield connection
    finally:
        own.dispose()


@contextmanager
def logged_in(engine: sa.Engine, group: str) -> Iterator[sa.Connection]:
    """A session of a new login of a group."""
    name = f"login_{next(_numbers)}"
    roles.ensure(engine)
    with engine.begin() as connection:
        password = roles.make_login(connection, name, group=group, acts_as_group=True)
    with session(engine, name, password) as connection:
        yield connection


@contextmanager
def reading_as(engine: sa.Engine, tenant: str) -> Iterator[sa.Connection]:
    """A session of a tenant's own login."""
    roles.ensure(engine)
    with engine.begin() as connection:
        # Another test's database on the same server has had a role of that name.
        number = tenants.ensure(connection, tenant)
        connection.exec_driver_sql(f"DROP ROLE IF EXISTS ingestion_tenant_{number}")
        made = readers.issue_reader(connection, tenant)
    with session(engine, made.role, made.password) as connection:
        yield connection


def refused(connection: sa.Connection, statement: str) -> bool:
    try:
        connection.exec_driver_sql(statement)
    except sa.exc.ProgrammingError as error:
        return "permission denied" in str(error)
    return False


def writable(connection: sa.Connection) -> list[str]:
    """The tables and views that a session may change in any way."""
    query = "SELECT has_table_privilege(:table, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')"
    return [table for table in TABLES if connection.scalar(sa.text(query), {"table": table})]


def tables_with_a_tenant(engine: sa.Engine) -> list[str]:
    """Every table that says whose its rows are; partitions are reached through their parents."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("""
            SELECT DISTINCT relname FROM information_schema.columns
            JOIN pg_class ON relname = table_name AND relnamespace = 'public'::regnamespace
            WHERE table_schema = 'public' AND column_name IN ('tenant_id', 'namespace')
              AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
        """)
        return list(found.scalars())


@pytest.fixture
def filled(engine: sa.Engine) -> sa.Engine:
    """A database in which both tenants have a row in every table that they may read."""
    with engine.begin() as connection:
        ids = [tenants.ensure(connection, name) for name in TENANTS]
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for table, column in connection.exec_driver_sql(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND coninhcount = 0"
        ).all():
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {column}")
        for table in [*tables_with_a_tenant(engine), "job_attempts"]:
            if table not in ("tenants", "tenant_readers"):
                for tenant_id, name in zip(ids, TENANTS, strict=True):
                    _insert(connection, table, tenant_id, name)
    return engine


def _insert(connection: sa.Connection, table: str, tenant_id: int, name: str) -> None:
    columns = connection.exec_driver_sql(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_name = '{table}' AND is_generated = 'NEVER' AND (column_name = 'tenant_id' "
        "OR is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO')"
    ).all()
    values = {column: _VALUES[type_] for column, type_ in columns}
    own = {"tenant_id": str(tenant_id), "namespace": f"'{name}'", "job_id": str(tenant_id)}
    own |= {"sha256": f"'{name}'", "token": f"'{name}'", "upload_id": str(tenant_id)}
    values |= {column: value for column, value in own.items() if column in values}
    if table == "jobs":  # `ingestion_jobs` shows imports of book sales only
        values["kind"] = "'book_sales.import.gumroad'"
    if table == "key_value":
        _insert_values(connection, table, values | {"namespace": f"'markets:{tenant_id}'"})
    _insert_values(connection, table, values)


def _insert_values(connection: sa.Connection, table: str, values: dict[str, str]) -> None:
    names, texts = ", ".join(values), ", ".join(values.values())
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({texts})")


def test_every_table_with_a_tenant_has_a_policy(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        protected = connection.exec_driver_sql("""
            SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid
            WHERE relrowsecurity AND polname = 'own_rows'
        """).scalars()
        assert set(tables_with_a_tenant(engine)) <= set(protected)


def test_no_view_reads_with_its_owners_eyes(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        views = connection.exec_driver_sql("""
            SELECT relname FROM pg_class WHERE relkind IN ('v', 'm')
            AND relnamespace = 'public'::regnamespace
            AND NOT COALESCE('security_invoker=true' = ANY (reloptions), false)
        """).scalars()
        assert list(views) == []


def test_every_table_says_who_may_what(engine: sa.Engine) -> None:
    inspected = sa.inspect(engine)
    assert {*inspected.get_table_names(), *inspected.get_view_names()} == TABLES.keys()


def test_a_tenant_sees_its_own_rows_in_every_table_and_no_others(filled: sa.Engine) -> None:
    own = [table for table, (*_, tenant) in TABLES.items() if tenant]
    everywhere = set(tables_with_a_tenant(filled))
    with reading_as(filled, "acme") as connection:
        for table in own:
            columns = ", ".join(COLUMNS.get((TENANT, table), "*"))
            if table == "changed_parts":  # -infinity is no day of Python's
                columns = "tenant_id"
            rows = connection.exec_driver_sql(f"SELECT {columns} FROM {table}").mappings().all()
            if table in everywhere or table.endswith(("jobs", "attempts")):
                # `changed_parts`: beside its own row those of the rows that are put in others
                number = {"key_value": 2, "changed_parts": len(rows) or 1}.get(table, 1)
                assert len(rows) == number, table
            assert {row["tenant_id"] for row in rows if "tenant_id" in row} <= {1}, table
        names = connection.exec_driver_sql("SELECT namespace FROM key_value ORDER BY 1")
        assert names.scalars().all() == ["acme", "markets:1"]
        assert connection.exec_driver_sql("SELECT api_retry_count('20 years')").scalar() == 0


def test_a_tenant_writes_nothing_and_reads_no_secret(filled: sa.Engine) -> None:
    with reading_as(filled, "acme") as connection:
        assert writable(connection) == []
        for statement in (
            "DELETE FROM customers",
            "SELECT payload FROM jobs",
            "SELECT sha256 FROM api_keys",
            "SELECT token FROM upload_sessions",
            "SELECT body FROM idempotency_keys",
            "SELECT sha256 FROM gumroad_ping_tokens",
            "SELECT rolpassword FROM pg_authid",
            "SELECT * FROM customers_staging_arrived",
            "SELECT * FROM building_alert_rules",
            "INSERT INTO tenant_readers VALUES ('ingestion_tenant_1', 2)",
            "UPDATE tenant_readers SET tenant_id = 2",
            "CREATE TABLE mine (n int)",
            f"SET ROLE {RUNS}",
            "SET session_replication_role = replica",
            "SELECT make_timeseries_month('2026-01-01')",
            "SELECT pg_read_file('/etc/passwd')",
            "COPY customers TO PROGRAM 'true'",
        ):
            assert refused(connection, statement), statement
        with pytest.raises(sa.exc.ProgrammingError, match="would be affected"):
            connection.exec_driver_sql("SET row_security = off; SELECT * FROM customers")


@pytest.mark.parametrize("group", [TENANT, "ingestion_reader"])
def test_who_only_reads_holds_no_lock_and_writes_no_large_object(
    engine: sa.Engine, group: str
) -> None:
    """A tenant's login held the locks of imports for as long as it stayed."""
    with logged_in(engine, group) as connection:
        for statement in (
            f"SELECT pg_advisory_lock({locks.PUBLISHING_KPIS.number})",
            "SELECT pg_advisory_xact_lock(1, 2)",
            "SELECT pg_try_advisory_lock(1)",
            "SELECT pg_try_advisory_xact_lock_shared(1)",
            "SELECT pg_advisory_lock_shared(1)",
            "SELECT lo_create(0)",
            "SELECT lo_from_bytea(0, 'x')",
            "SELECT lo_creat(-1)",
            "SELECT lowrite(1, 'x')",
        ):
            assert refused(connection, statement), statement


@pytest.mark.parametrize("group", [None, GATEWAY, RUNS])
def test_who_works_holds_its_locks(engine: sa.Engine, group: str | None) -> None:
    roles.ensure(engine)
    with engine.begin() as connection:
        if group:
            connection.exec_driver_sql(f"SET ROLE {group}")
        assert locks.try_hold(connection, locks.PUBLISHING_KPIS)


def test_a_tenants_sessions_begin_with_limits(engine: sa.Engine, tenant_id: int) -> None:
    with reading_as(engine, "acme") as connection:
        found = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("statement_timeout", "idle_session_timeout", "lock_timeout")
        }
        assert found == {
            "statement_timeout": "5min", "idle_session_timeout": "1h", "lock_timeout": "10s",
        }  # fmt: skip
        limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user"
        assert connection.exec_driver_sql(limit).scalar() == 10


def test_no_tenant_is_given_a_login_where_anybody_may_hold_locks(
    engine: sa.Engine, tenant_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a managed server, whose owner may not take them from PUBLIC."""
    roles.ensure(engine)
    with engine.begin() as connection:
        monkeypatch.setattr(roles, "CLOSED_FUNCTIONS", "proname = 'now'")
        assert not roles.are_closed(connection)
        with pytest.raises(ConfigurationError, match="hold advisory locks"):
            readers.issue_reader(connection, "acme")


def test_roles_of_a_database_whose_owner_is_no_superuser_were_refused(
    bare_database_url: str,
) -> None:
    """`lo_import` is a superuser's alone: nothing is to be taken, and asking is an error."""
    made = sa.create_engine(bare_database_url)
    schema.upgrade(made)
    told = roles.ensure(made)
    assert (told.granted, told.closed) == (True, False)
    made.dispose()


def test_a_tenant_that_is_called_like_a_shared_namespace_does_not_see_it(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenants, "_RESERVED", frozenset())  # an older release let it be made
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO key_value (namespace, key, value, version) VALUES "
            "('buildings', 'k', '1', 1), ('markets', 'k', '1', 1)"
        )
    with reading_as(engine, "buildings") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM key_value").scalar() == 0


def test_who_is_revoked_sees_nothing_at_once(filled: sa.Engine) -> None:
    with reading_as(filled, "acme") as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM customers").scalar() == 1
        with filled.begin() as owner:
            assert readers.revoke_reader(owner, "acme")
            assert not readers.revoke_reader(owner, "acme")
        with pytest.raises(sa.exc.DBAPIError):
            connection.exec_driver_sql("SELECT count(*) FROM customers")


def test_a_new_password_replaces_the_old_one(engine: sa.Engine, tenant_id: int) -> None:
    with reading_as(engine, "acme"), engine.begin() as connection:
        old = readers.issue_reader(connection, "acme")
        new = readers.issue_reader(connection, "acme")
    with session(engine, new.role, new.password) as connection:
        assert connection.exec_driver_sql("SELECT name FROM tenants").scalars().all() == ["acme"]
    with (
        pytest.raises(sa.exc.OperationalError, match="password authentication failed"),
        session(engine, old.role, old.password),
    ):
        pass


def test_another_databases_tenant_is_not_given_a_new_password(
    engine: sa.Engine, tenant_id: int
) -> None:
    with reading_as(engine, "acme"), engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tenant_readers")
        with pytest.raises(ConfigurationError, match="another database"):
            readers.issue_reader(connection, "acme")


def test_the_gateway_cannot_read_or_do_what_is_not_its_business(filled: sa.Engine) -> None:
    with logged_in(filled, GATEWAY) as connection:
        for statement in (
            "SELECT hint FROM api_keys",
            "INSERT INTO api_keys (tenant_id, sha256, hint) VALUES (1, 'mine', 'mine')",
            "UPDATE api_keys SET revoked_at = NULL",
            "INSERT INTO gumroad_ping_tokens (sha256, tenant_id) VALUES ('mine', 1)",
            "SELECT rolpassword FROM pg_authid",
            "SELECT * FROM customers",
            "SELECT * FROM building_alert_rules",
            "DELETE FROM jobs",
            "DELETE FROM kpi_points",
            "UPDATE tenants SET name = 'other'",
            "INSERT INTO tenant_readers VALUES ('me', 1)",
            "CREATE TABLE mine (n int)",
            "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
            "UPDATE alembic_version SET version_num = '0001'",
            "SELECT drop_timeseries_month('2026-01-01')",
            f"SET ROLE {RUNS}",
            "SET session_replication_role = replica",
            "SELECT pg_read_file('/etc/passwd')",
        ):
            assert refused(connection, statement) or "must be owner" in said(connection, statement)


def said(connection: sa.Connection, statement: str) -> str:
    with pytest.raises(sa.exc.ProgrammingError) as error:
        connection.exec_driver_sql(statement)
    return str(error.value)


def test_runs_cannot_reach_keys_and_may_check_foreign_keys_in_bulk(filled: sa.Engine) -> None:
    with logged_in(filled, RUNS) as connection:
        for table in ("api_keys", "gumroad_ping_tokens"):
            assert refused(connection, f"SELECT * FROM {table}")
        assert refused(connection, "SELECT rolpassword FROM pg_authid")
        connection.exec_driver_sql("SET session_replication_role = replica")


def test_no_login_may_create_where_a_function_of_the_owner_looks_anything_up(
    engine: sa.Engine,
) -> None:
    """A planted `public.to_char(date, text)` was run as the owner."""
    roles.ensure(engine)
    with engine.connect() as connection:
        definers = connection.exec_driver_sql("""
            SELECT proname, proowner, COALESCE((
                SELECT regexp_replace(setting, '^search_path=', '') FROM unnest(proconfig)
                    AS setting
                WHERE setting LIKE 'search_path=%%'), '') AS path
            FROM pg_proc WHERE prosecdef AND pronamespace <> 'pg_catalog'::regnamespace
        """).all()
        assert len(definers) >= 3
        for name, owner, path in definers:
            *schemas, last = path.replace('"', "").split(", ")
            assert (bool(schemas), last) == (True, "pg_temp"), name
            may_create = sa.text("""
                SELECT schema, rolname FROM unnest(CAST(:schemas AS text[])) AS schema, pg_roles
                WHERE pg_roles.oid <> :owner AND NOT rolsuper AND rolname <> 'pg_database_owner'
                  AND has_schema_privilege(pg_roles.oid, schema, 'CREATE')
            """)
            found = connection.execute(may_create, {"schemas": schemas, "owner": owner}).all()
            assert found == [], name


def test_nobody_but_the_owner_creates_beside_the_tables(engine: sa.Engine) -> None:
    roles.ensure(engine)
    with engine.connect() as connection:
        query = sa.text("SELECT has_schema_privilege(:role, 'public', 'CREATE')")
        assert [connection.scalar(query, {"role": group}) for group in GROUPS] == [False] * 4


def test_a_run_that_is_taken_over_does_not_become_the_owner(engine: sa.Engine) -> None:
    """The attack as it was done: the planted function ran as the owner, a superuser."""
    with logged_in(engine, RUNS) as connection:
        plant = """
            CREATE FUNCTION {}.to_char(date, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
                RAISE EXCEPTION 'now I am %%', current_user;
            END $$
        """
        assert refused(connection, plant.format("public"))
        connection.exec_driver_sql(plant.format("ingestion_staging"))
        connection.exec_driver_sql(plant.format("pg_temp"))
        connection.exec_driver_sql("SET search_path = ingestion_staging, pg_temp, public")
        connection.exec_driver_sql("SELECT public.make_timeseries_month('2031-05-01')")
        with engine.connect() as owner:
            assert owner.scalar(sa.text("SELECT to_regclass('timeseries_raw_2031_05')"))
        connection.exec_driver_sql("SELECT public.drop_timeseries_month('2031-05-01')")


def test_statistics_are_collected_of_our_own_tables_only(engine: sa.Engine) -> None:
    with logged_in(engine, RUNS) as connection:
        connection.exec_driver_sql("CREATE TABLE ingestion_staging.mine (n int)")
        statement = "SELECT collect_statistics('{}', '{{n}}')"
        assert "no table of ours" in said(connection, statement.format("ingestion_staging.mine"))
        assert "no table of ours" in said(connection, statement.format("pg_authid"))
        connection.exec_driver_sql("SELECT collect_statistics('customers', '{tenant_id}')")


def test_dashboards_see_all_tenants_and_no_payload(filled: sa.Engine) -> None:
    with logged_in(filled, "ingestion_reader") as connection:
        count = "SELECT count(*) FROM ingestion_jobs"
        assert connection.exec_driver_sql(count).scalar() == 2
        for statement in ("SELECT payload FROM jobs", "SELECT * FROM gumroad_pings"):
            assert refused(connection, statement)
        assert writable(connection) == []


@pytest.mark.parametrize("group", [None, GATEWAY, RUNS])
def test_row_security_adds_nothing_to_the_plans_of_owner_and_services(
    engine: sa.Engine, group: str | None
) -> None:
    hot = (
        "SELECT * FROM kpi_points WHERE tenant_id = 1 AND kpi_id = 'a'",
        "UPDATE kpi_updates SET pending = true WHERE tenant_id = 1",
        "INSERT INTO kpi_points (tenant_id, kpi_id, observed_at, value, timestamp_text, kpi_type, "
        "trace_id, in_order) VALUES (1, 'k', now(), 1, '', '', 't', true) ON CONFLICT DO NOTHING",
    )
    roles.ensure(engine)
    with engine.connect() as connection:
        if group:
            connection.exec_driver_sql(f"SET ROLE {group}")
        for statement in hot:
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}").scalars())
            assert "InitPlan" not in plan
            assert "readers" not in plan


def test_making_the_roles_again_changes_nothing(engine: sa.Engine) -> None:
    roles.ensure(engine)
    privileges = (
        "SELECT relname, relacl::text, (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid) "
        "FROM pg_class AS c WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    with engine.connect() as connection:
        before = connection.exec_driver_sql(privileges).all()
    again = roles.ensure(engine)
    assert (again.made, again.granted, again.fast_merges) == ((), True, True)
    with engine.connect() as connection:
        assert connection.exec_driver_sql(privileges).all() == before


def test_what_was_granted_beside_is_taken_back(engine: sa.Engine) -> None:
    roles.ensure(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"GRANT ALL ON api_keys TO {GATEWAY}")
    roles.ensure(engine)
    with engine.connect() as connection:
        query = sa.text("SELECT has_table_privilege(:role, 'api_keys', 'INSERT')")
        assert [connection.scalar(query, {"role": group}) for group in GROUPS] == [False] * 4


def test_who_may_not_make_roles_is_told_so(engine: sa.Engine) -> None:
    with (
        logged_in(engine, RUNS) as connection,
        pytest.raises(ConfigurationError, match="may not make roles"),
    ):
        roles.make_login(connection, "sneaky", group=GATEWAY, acts_as_group=True)


@pytest.mark.parametrize("name", ["pg_x", "x;y", "", "X", "a" * 64, GATEWAY])
def test_a_login_needs_a_name(engine: sa.Engine, name: str) -> None:
    with engine.begin() as connection, pytest.raises(ConfigurationError, match="no name"):
        roles.make_login(connection, name, group=GATEWAY, acts_as_group=True)


def test_a_role_of_somebody_else_is_not_taken_over(engine: sa.Engine) -> None:
    roles.ensure(engine)
    owner = engine.url.username
    assert owner
    with engine.begin() as connection, pytest.raises(ConfigurationError, match="already"):
        roles.make_login(connection, owner, group=GATEWAY, acts_as_group=True)


def test_who_may_not_migrate_is_told_who_may(engine: sa.Engine) -> None:
    with logged_in(engine, GATEWAY) as connection:
        assert schema.upgrade(connection.engine) == schema.head_revision()
        with engine.begin() as owner:
            owner.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
        with pytest.raises(ConfigurationError, match="run `ingestion-pipeline db upgrade` as"):
            schema.upgrade(connection.engine)


def test_a_schema_that_is_newer_than_the_program_is_left_alone(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert schema.upgrade(engine) == "9999"


def test_a_database_of_before_roles_keeps_its_jobs_and_is_protected(server_url: sa.URL) -> None:
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE before_roles")
    older = sa.create_engine(server_url.set(database="before_roles"))
    try:
        schema.upgrade(older, "0011")
        with older.begin() as connection:
            connection.exec_driver_sql("""
                INSERT INTO tenants (name) VALUES ('acme'), ('bolt');
                INSERT INTO jobs (tenant_id, kind, max_attempts, payload) VALUES
                    (1, 'book_sales.import.kdp', 3,
                     '{"platform": "kdp", "access_token": {"encrypted": "hunter2"}}'),
                    (2, 'book_sales.import.kdp', 3, '{}')
            """)
            connection.exec_driver_sql("GRANT SELECT ON ingestion_jobs TO pg_monitor")
        assert not roles.ensure(older).granted
        assert schema.upgrade(older) == schema.head_revision()
        with older.connect() as connection:
            kept = "SELECT has_table_privilege('pg_monitor', 'ingestion_jobs', 'SELECT')"
            assert connection.exec_driver_sql(kept).scalar_one()
        with reading_as(older, "acme") as connection:
            jobs = connection.exec_driver_sql("SELECT id, platform, payload FROM ingestion_jobs")
            assert jobs.all() == [(uuid_of(1), "amazon_kdp", {"platform": "amazon_kdp"})]
    finally:
        older.dispose()
        with administrator.connect() as connection:
            connection.exec_driver_sql("DROP DATABASE before_roles WITH (FORCE)")
        administrator.dispose()
