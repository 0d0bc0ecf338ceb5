"""One gateway with pages for the tests of a module."""

from collections.abc import Iterator

import pytest

from ingestion_pipeline_tests.outlets.dashboards.serving import (
    PagesServer,
    Visiting,
    serving_pages,
)


@pytest.fixture(scope="module")
def pages(shared_database_url: str) -> Iterator[PagesServer]:
    """The pages of a gateway in a thread, with a database of the module's own."""
    with serving_pages(shared_database_url) as running:
        yield running


@pytest.fixture
def visitor(pages: PagesServer) -> Iterator[Visiting]:
    """A tenant of this test's own, signed in."""
    with pages.visiting() as made:
        yield made
