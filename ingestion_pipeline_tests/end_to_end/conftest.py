"""One `up` for all tests of this folder: starting it takes half a minute."""

from collections.abc import Iterator

import pytest

from ingestion_pipeline_tests.end_to_end.running_up import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """What `make run` starts, with the sample loaded; the last test of test_up.py stops it."""
    running = Up(tmp_path_factory.mktemp("up"))
    try:
        running.wait_for_text("Ctrl-C stops everything")
        yield running
    finally:
        running.stop()
