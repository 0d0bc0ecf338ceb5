"""A schema of their own for what runs stage; functions in whose path nobody else may create.

The three functions of 0012 run with the owner's rights and had the tables' schema in their path, in
which runs could create: whoever had a run's login made a `to_char(date, text)` there that fits
better than PostgreSQL's, and the owner called it. Now their path is PostgreSQL's own schema, and
every table says its schema. What runs stage is made in `ingestion_staging`, which is in nobody's
path; nothing of it has to be kept, so nothing is moved: a collection that is under way begins its
window again.
"""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
    op.execute("CREATE SCHEMA IF NOT EXISTS ingestion_staging")
    op.execute(_FUNCTIONS.replace("THE_SCHEMA", schema))
    # `db roles` and every `db upgrade` grant anew; who migrates without may create no more.
    op.execute("""
        DO $$ BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'ingestion_runs') THEN
                GRANT USAGE, CREATE ON SCHEMA ingestion_staging TO ingestion_runs;
            END IF;
        END $$
    """)


_FUNCTIONS = """
    CREATE OR REPLACE FUNCTION THE_SCHEMA.make_timeseries_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
    AS $$
    DECLARE
        first date := date_trunc('month', month);
        name text := 'timeseries_raw_' || to_char(month, 'YYYY_MM');
    BEGIN
        -- ATTACH, because CREATE … PARTITION OF would wait for every reader of the table.
        EXECUTE format(
            'CREATE TABLE THE_SCHEMA.%I (LIKE THE_SCHEMA.timeseries_raw INCLUDING ALL)', name);
        EXECUTE format(
            'ALTER TABLE THE_SCHEMA.timeseries_raw ATTACH PARTITION THE_SCHEMA.%I '
            'FOR VALUES FROM (%L) TO (%L)',
            name, first::timestamptz, (first + interval '1 month')::timestamptz);
        IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'ingestion_runs') THEN
            EXECUTE format(
                'GRANT SELECT, INSERT, UPDATE, DELETE ON THE_SCHEMA.%I TO ingestion_runs', name);
        END IF;
    END $$;

    CREATE OR REPLACE FUNCTION THE_SCHEMA.drop_timeseries_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
        EXECUTE format(
            'DROP TABLE THE_SCHEMA.%I', 'timeseries_raw_' || to_char(month, 'YYYY_MM'));
    END $$;

    CREATE OR REPLACE FUNCTION THE_SCHEMA.collect_statistics(of_table regclass, of_columns text[])
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN
        -- Of our own tables only: others' may have indexes over others' functions.
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = of_table
                       AND relnamespace = 'THE_SCHEMA'::regnamespace) THEN
            RAISE EXCEPTION '% is no table of ours', of_table
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        EXECUTE format('ANALYZE %s (%s)', of_table,
            (SELECT string_agg(quote_ident(name), ', ') FROM unnest(of_columns) AS name));
    END $$;
"""
