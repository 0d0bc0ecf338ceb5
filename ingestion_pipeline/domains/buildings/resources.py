"""The upstream of buildings as a Dagster resource."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.sources.ace_iot.api import AceIot, open_source
from ingestion_pipeline.orchestration.resources import CONFIGURATION, FromSettings


class AceIotApi(FromSettings):
    """The ACE IoT API under `ACE_IOT_API_BASE_URL`: samples and weather of the sites. It is asked
    `ACE_REQUESTS_PER_MINUTE` times a minute at most, by all runs together, and left alone for a
    while after failures."""

    @contextmanager
    def open(self, engine: sa.Engine) -> Iterator[AceIot]:
        """The API, as long as the context lasts.

        Args:
            engine: of the database by which all processes share its limit.

        Raises:
            ConfigurationError: the settings name none.
        """
        with open_source(engine, CONFIGURATION.read()) as source:
            yield source
