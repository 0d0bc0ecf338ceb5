"""One database for the tests of a module: they need no more than two empty tables."""

import pytest
import sqlalchemy as sa


@pytest.fixture
def database_url(shared_database_url: str) -> str:
    """URL of a migrated database in which nothing is known of any upstream."""
    cleaner = sa.create_engine(shared_database_url)
    with cleaner.begin() as connection:
        connection.exec_driver_sql("DELETE FROM upstream_limits")
        connection.exec_driver_sql("DELETE FROM circuit_breakers")
    cleaner.dispose()
    return shared_database_url
