"""One database for the tests of a module: they need no more than two empty tables."""

from ingestion_pipeline_tests.foundation.upstreams.conftest import database_url

__all__ = ["database_url"]
