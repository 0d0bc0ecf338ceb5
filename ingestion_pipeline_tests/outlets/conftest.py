"""One gateway with pages for the tests of a module, with a database and landed files of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion_pipeline_tests.outlets.dashboards.serving import (
    PagesServer,
    Visiting,
    serving_pages,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def pages(shared_database_url: str, home: Path) -> Iterator[PagesServer]:
    with serving_pages(shared_database_url, INGESTION_HOME=home) as running:
        yield running


@pytest.fixture
def visitor(pages: PagesServer) -> Iterator[Visiting]:
    """A tenant of this test's own, signed in."""
    with pages.visiting() as made:
        yield made
