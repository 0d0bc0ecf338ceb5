"""A lake in a folder, of a database of the test's own."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import roles
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at


@pytest.fixture
def lake(engine: sa.Engine, database_url: str, tmp_path: Path) -> Lake:
    roles.ensure(engine)
    return lake_at(database_url, str(tmp_path / "lake"))
