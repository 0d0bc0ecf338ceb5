-- Run once by psql, as the superuser, when the volume is new: databases, and who connects to them.
-- What the groups may do is granted by `ingestion-pipeline db upgrade` (docs/operations.md).
\set ON_ERROR_STOP on
\getenv owner_password POSTGRES_PASSWORD_OWNER
\getenv gateway_password POSTGRES_PASSWORD_GATEWAY
\getenv runs_password POSTGRES_PASSWORD_RUNS
\getenv pages_password POSTGRES_PASSWORD_PAGES
\getenv dagster_password POSTGRES_PASSWORD_DAGSTER

CREATE ROLE ingestion LOGIN CREATEROLE PASSWORD :'owner_password';
ALTER ROLE ingestion SET createrole_self_grant = 'set';
GRANT pg_read_all_stats, pg_signal_backend TO ingestion;
GRANT SET ON PARAMETER session_replication_role TO ingestion WITH GRANT OPTION;

CREATE ROLE ingestion_gateway NOLOGIN;
CREATE ROLE ingestion_runs NOLOGIN;
CREATE ROLE ingestion_reader NOLOGIN;
CREATE ROLE ingestion_tenant NOLOGIN;
CREATE ROLE ingestion_dashboards NOLOGIN NOINHERIT;
GRANT ingestion_gateway, ingestion_runs, ingestion_reader, ingestion_tenant, ingestion_dashboards
    TO ingestion WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;
CREATE ROLE gateway LOGIN PASSWORD :'gateway_password' IN ROLE ingestion_gateway;
ALTER ROLE gateway SET role = 'ingestion_gateway';
CREATE ROLE runs LOGIN PASSWORD :'runs_password' IN ROLE ingestion_runs;
ALTER ROLE runs SET role = 'ingestion_runs';
-- The pages: it may read nothing, and becomes a tenant's viewer in each transaction.
CREATE ROLE pages LOGIN PASSWORD :'pages_password' IN ROLE ingestion_dashboards;

CREATE DATABASE ingestion OWNER ingestion;
-- The database of Dagster's history, beside ours.
CREATE ROLE dagster LOGIN PASSWORD :'dagster_password';
CREATE DATABASE dagster OWNER dagster;
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1, dagster FROM PUBLIC;

-- Who holds advisory locks stops others, and large objects are files that nobody counts.
\connect ingestion
DO $$
DECLARE each regprocedure;
BEGIN
    FOR each IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$)'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', each);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO ingestion WITH GRANT OPTION', each);
    END LOOP;
END $$;
