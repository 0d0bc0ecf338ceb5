"""The upstream of markets as a Dagster resource."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ingestion_pipeline.domains.markets.merge.refresh import Source, source_of
from ingestion_pipeline.orchestration.resources import CONFIGURATION, FromSettings


class FredApi(FromSettings):
    """The API of FRED under `FRED_API_BASE_URL`: macro series with all their vintages. It is asked
    `FRED_REQUESTS_PER_MINUTE` times a minute at most, by all processes together, and left alone
    for a while after failures; without `FRED_API_KEY` nothing is fetched."""

    @contextmanager
    def open(self, engine: sa.Engine) -> Iterator[Source]:
        """Where vintages come from; without a key, what raises ConfigurationError when asked.

        Args:
            engine: of the database by which all processes share its limit.
        """
        with source_of(engine, CONFIGURATION.read()) as source:
            yield source
