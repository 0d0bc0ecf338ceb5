"""The lake as a Dagster resource."""

from typing import ClassVar

from ingestion_pipeline.orchestration.resources import CONFIGURATION, FromSettings
from ingestion_pipeline.outlets.lake.catalogue import Lake, lake_at, opened


class LakeStore(FromSettings):
    """The lake's tables, below `LAKE_URL`: a folder or a bucket. Their catalogue is in the
    database."""

    address: ClassVar[tuple[str, str] | None] = None

    def is_on(self) -> bool:
        """Whether there is one."""
        return self.address is not None or CONFIGURATION.read().lake is not None

    def lake(self) -> Lake:
        """The lake.

        Raises:
            ConfigurationError: it is off.
        """
        return lake_at(*self.address) if self.address else opened(CONFIGURATION.read())


def lake_in(database_url: str, url: str) -> LakeStore:
    """The lake in a folder, for tests: by code, never by configuration."""

    class Elsewhere(LakeStore):
        address: ClassVar[tuple[str, str] | None] = (database_url, url)

    return Elsewhere()
