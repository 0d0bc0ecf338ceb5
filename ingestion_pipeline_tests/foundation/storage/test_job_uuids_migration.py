"""Migration 0021 on a database that holds imports of before."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.publish.now import tick_now
from ingestion_pipeline.foundation.ledger import tenants
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import schema
from ingestion_pipeline_tests.domains.book_sales.builders import EBOOK, ebook, text


@pytest.fixture
def older(server_url: sa.URL) -> Iterator[sa.Engine]:
    """A database of the schema before."""
    administrator = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE before_0021")
        made = sa.create_engine(server_url.set(database="before_0021"))
        schema.upgrade(made, "0019")
        yield made
        made.dispose()
        connection.exec_driver_sql("DROP DATABASE before_0021 WITH (FORCE)")
    administrator.dispose()


def test_imports_that_were_queued_before_finish_and_have_a_uuid(
    older: sa.Engine, tmp_path: Path
) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "a.csv").write_bytes(text(EBOOK, [ebook("2.00")]))
    with older.begin() as connection:
        tenants.ensure(connection, "acme")
        connection.exec_driver_sql("""
            INSERT INTO jobs (tenant_id, kind, max_attempts, status, attempt, payload) VALUES
                (1, 'book_sales.import.amazon_kdp', 3, 'retrying', 1,
                 '{"platform": "amazon_kdp", "storagePath": "a.csv"}'),
                (1, 'book_sales.import.amazon_kdp', 3, 'pending', 0, '{"platform": "amazon_kdp"}');
            INSERT INTO job_attempts (job_id, attempt, worker, finished_at, outcome)
            VALUES (1, 1, 'w', now(), 'failed')
        """)
    assert schema.upgrade(older) == schema.head_revision()
    url = older.url.render_as_string(hide_password=False)
    configuration = Settings(DATABASE_URL=url, LANDING_URL=tmp_path.as_uri())  # type: ignore
    tick_now(older, configuration, limit=10)
    with older.connect() as connection:
        states = connection.exec_driver_sql("SELECT id, status FROM ingestion_jobs ORDER BY job_id")
        assert states.all() == [(uuid_of(1), "completed"), (uuid_of(2), "failed")]
        attempts = connection.exec_driver_sql(
            "SELECT attempt_number, status FROM ingestion_attempts "
            f"WHERE job_id = '{uuid_of(1)}' ORDER BY attempt_number"
        )
        assert attempts.all() == [(1, "failed"), (2, "completed")]
