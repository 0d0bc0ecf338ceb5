"""Who may do what in the embedded server: its superuser is kept aside, and works for nobody.

Here belongs the SQL that only a superuser may run. It runs before the server starts, by PostgreSQL
in single-user mode, in the clusters of releases before 0013 as in new ones: there the role
`ingestion` was the superuser itself. Every statement may run again.

    ingestion_superuser    made by initdb, has no password: nobody logs in with it
    ingestion              owns the databases and all that is in them, and is what the product is

<https://www.postgresql.org/docs/current/app-postgres.html>, "Single-User Mode".
"""

from ingestion_pipeline.foundation.storage.privileges import CLOSED_FUNCTIONS

SUPERUSER = "ingestion_superuser"
OWNER = "ingestion"
VERSION = "1"  # of what is done here; a cluster of another is brought over when it starts

_OURS = "NOT IN ('pg_catalog', 'pg_toast', 'information_schema')"

# In PostgreSQL the first superuser (its number is 10) stays one. So it gets another name, and the
# old name is a new role's. Renaming oneself is refused, so the catalog is told.
_ROLES = f"""
DO $$
DECLARE each text;
BEGIN
    UPDATE pg_authid SET rolname = '{SUPERUSER}' WHERE oid = 10 AND rolname = '{OWNER}';
    UPDATE pg_authid SET rolpassword = NULL WHERE oid = 10;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER}') THEN
        CREATE ROLE {OWNER};
    END IF;
    GRANT pg_read_all_stats, pg_signal_backend, pg_checkpoint TO {OWNER};
    GRANT SET ON PARAMETER session_replication_role TO {OWNER} WITH GRANT OPTION;
    FOR each IN SELECT rolname FROM pg_roles
        WHERE rolname !~ '^pg_' AND NOT rolsuper AND rolname <> '{OWNER}'
    LOOP
        EXECUTE format('GRANT %I TO {OWNER} WITH ADMIN TRUE, INHERIT FALSE, SET TRUE', each);
    END LOOP;
    FOR each IN SELECT datname FROM pg_database
        WHERE datdba = 10 AND datname NOT IN ('postgres', 'template0', 'template1')
    LOOP
        EXECUTE format('ALTER DATABASE %I OWNER TO {OWNER}', each);
    END LOOP;
    -- Locks and connections in there would count against everybody.
    REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
    GRANT CONNECT ON DATABASE postgres TO {OWNER};
END $$;
"""  # noqa: S608

_LOGIN = f"""
ALTER ROLE {OWNER} LOGIN NOSUPERUSER CREATEROLE CREATEDB NOREPLICATION NOBYPASSRLS
    PASSWORD '{{password}}';
ALTER ROLE {OWNER} SET createrole_self_grant = 'set';
"""

_DATABASES = "SELECT datname FROM pg_database WHERE datallowconn;"

# Sequences of columns go with their tables.
_OWNERSHIP = f"""
DO $$
DECLARE each record;
BEGIN
    FOR each IN SELECT nspname AS name FROM pg_namespace
        WHERE nspowner = 10 AND nspname !~ '^pg_' AND nspname {_OURS}
    LOOP
        EXECUTE format('ALTER SCHEMA %I OWNER TO {OWNER}', each.name);
    END LOOP;
    FOR each IN SELECT c.oid::regclass AS name FROM pg_class AS c
        JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND nspname {_OURS}
          AND nspname !~ '^pg_t' AND NOT EXISTS (
              SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                                      AND deptype IN ('a', 'i') AND refobjsubid <> 0)
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {OWNER}', each.name);
    END LOOP;
    FOR each IN SELECT p.oid::regprocedure AS name FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE proowner = 10 AND nspname {_OURS} AND nspname !~ '^pg_t'
    LOOP
        EXECUTE format('ALTER ROUTINE %s OWNER TO {OWNER}', each.name);
    END LOOP;
END $$;
"""  # noqa: S608

_CLOSE = f"""
DO $$
DECLARE each regprocedure;
BEGIN
    FOR each IN SELECT oid FROM pg_proc WHERE {CLOSED_FUNCTIONS} LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {OWNER} WITH GRANT OPTION', each);
    END LOOP;
END $$;
"""  # noqa: S608


def of_cluster(password: str) -> str:
    """Roles, what new databases are copied from, and a list of the databases; for `template1`.

    Args:
        password: the owner's; of letters, digits, `-` and `_`.
    """
    return _entries(_ROLES, _LOGIN.format(password=password), _CLOSE, _DATABASES)


def of_database(*, makes: str | None = None) -> str:
    """What is done in each database that is there; `makes` a database besides."""
    made = [] if makes is None else [f"CREATE DATABASE {makes} OWNER {OWNER};"]
    return _entries(_OWNERSHIP, _CLOSE, *made)


def _entries(*statements: str) -> str:
    """As single-user mode reads them with `-j`: each ends with a semicolon and an empty line."""
    return "".join(f"{statement.strip()}\n\n" for statement in statements)
