"""What tests of runs of buildings share: an instance of Dagster, and an API to collect from."""

from collections.abc import Iterator

import dagster as dg
import pytest
import sqlalchemy as sa

from ingestion_pipeline.foundation.environment import settings
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import database
from ingestion_pipeline_tests.foundation.sandbox.running import KEY, RunningSandbox


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def collecting(
    configured: Settings, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> sa.Engine:
    """Settings that collect from the sandbox, a day in one window."""
    known = {
        "ACE_IOT_API_BASE_URL": sandbox.live_url, "ACE_IOT_API_KEY": KEY, "COLLECT_WINDOW": "PT24H",
        "ACE_REQUESTS_PER_MINUTE": "99999", "HTTP_BACKOFF": "0.01", "BREAKER_FAILURES": "100",
    }  # fmt: skip
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    return database.engine(settings())
