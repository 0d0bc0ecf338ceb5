"""Migrations: whoever calls, as often and as many as they like, the schema comes out once."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database, schema
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline_tests.public_names import load_all_tables

_UPGRADE = """
import sys
from ingestion_pipeline.foundation.storage import database, schema
print(schema.upgrade(database.engine(sys.argv[1])))
"""


@pytest.fixture
def empty_database(server_url: sa.URL) -> Iterator[sa.URL]:
    """A database without a schema."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE without_schema")
        yield server_url.set(database="without_schema")
        connection.exec_driver_sql("DROP DATABASE without_schema WITH (FORCE)")
    administrator.dispose()


def test_twelve_threads_that_upgrade_at_once_make_one_schema(empty_database: sa.URL) -> None:
    engine = sa.create_engine(empty_database, pool_size=12)
    with ThreadPoolExecutor(12) as pool:
        revisions = set(pool.map(lambda _: schema.upgrade(engine), range(12)))
    assert revisions == {schema.head_revision()}
    assert sa.inspect(engine).has_table("order_items")
    engine.dispose()


def test_processes_that_upgrade_at_once_make_one_schema(empty_database: sa.URL) -> None:
    url = empty_database.render_as_string(hide_password=False)
    upgrades = [
        subprocess.Popen([sys.executable, "-c", _UPGRADE, url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = {process.communicate(timeout=300)[0].strip() for process in upgrades}
    assert said == {schema.head_revision()}
    assert [process.returncode for process in upgrades] == [0, 0, 0]


def test_upgrading_again_changes_nothing(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT xmin FROM alembic_version").scalar()
    assert schema.upgrade(engine) == schema.head_revision()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT xmin FROM alembic_version").scalar() == before


def test_migrations_and_tables_agree(engine: sa.Engine) -> None:
    load_all_tables()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        known = metadata.tables.keys()
        differences = [
            difference
            for difference in compare_metadata(context, metadata)
            # A table that is made by migration and not modelled belongs to somebody else's wing.
            if not (difference[0] == "remove_table" and difference[1].name not in known)
        ]
    assert differences == []


def test_every_table_and_column_says_what_it_holds() -> None:
    load_all_tables()
    tables = metadata.tables.values()
    columns = [column for table in tables for column in table.columns]
    assert [str(each) for each in (*tables, *columns) if not each.comment] == []


def test_comments_of_the_database_are_those_of_the_tables(engine: sa.Engine) -> None:
    load_all_tables()
    tables = metadata.tables.values()
    said: dict[tuple[str, str | None], str | None] = {(t.name, None): t.comment for t in tables}
    said |= {(t.name, column.name): column.comment for t in tables for column in t.columns}
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("""
            SELECT relname, attname, col_description(c.oid, attnum)
            FROM pg_class AS c JOIN pg_attribute ON attrelid = c.oid AND attnum > 0
            WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
            UNION ALL SELECT relname, NULL, obj_description(oid, 'pg_class')
            FROM pg_class WHERE relnamespace = 'public'::regnamespace
        """)
        there = {(table, column): comment for table, column, comment in rows}
    assert {key: there[key] for key in said} == said


def test_an_empty_database_has_no_revision(empty_database: sa.URL) -> None:
    engine = sa.create_engine(empty_database)
    with engine.connect() as connection:
        assert schema.current_revision(connection) is None
    engine.dispose()


def test_an_interrupted_migration_leaves_the_schema_as_it_was(
    empty_database: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sa.create_engine(empty_database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW order_items AS SELECT 1 AS in_the_way")
    with pytest.raises(sa.exc.ProgrammingError, match="order_items"):
        schema.upgrade(engine)
    assert sa.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW order_items")
    assert schema.upgrade(engine) == schema.head_revision()
    engine.dispose()


@pytest.mark.parametrize(
    "url", ["mysql://somebody@somewhere/x", "sqlite:///x", "not a url", "redis://localhost"]
)
def test_a_database_url_of_another_kind_is_refused_without_repeating_it(url: str) -> None:
    configuration = Settings(database_url=SecretStr(url))
    with pytest.raises(ConfigurationError) as refused:
        database.database_url(configuration)
    assert "somebody" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_any_spelling_of_postgresql_gets_our_driver(scheme: str) -> None:
    configuration = Settings(database_url=SecretStr(f"{scheme}://me:s%40crt@there:5433/books"))
    assert (
        database.database_url(configuration) == "postgresql+psycopg://me:s%40crt@there:5433/books"
    )


def test_sessions_read_naive_times_as_utc(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_a_large_table_is_not_counted_but_estimated(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = sa.Table("numbers", sa.MetaData(), sa.Column("n", sa.Integer))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers AS SELECT generate_series(1, 5000) AS n")
        assert database.row_count(connection, table) == 5000
        connection.exec_driver_sql("ANALYZE numbers")
        connection.exec_driver_sql("DELETE FROM numbers WHERE n > 4000")
        assert database.row_count(connection, table) == 4000
        monkeypatch.setattr(database, "_COUNTED_ROWS", 4500)
        assert database.row_count(connection, table) == 5000
