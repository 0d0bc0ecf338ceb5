"""The settings of this process, out of its environment; the edges ask, and hand them on.

An edge is where a process is entered: the shell, the servers that it starts, and the resource
`configuration` of Dagster. What stands below takes settings, or the values it needs, as arguments.
"""

import os
from collections.abc import Iterable
from functools import lru_cache

from ingestion_pipeline.foundation.settings import Settings


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process."""
    return Settings()


def environment_of(configuration: Settings) -> dict[str, str]:
    """The environment that gives a child process the same settings, wherever it runs."""
    child = {**os.environ, "INGESTION_HOME": str(configuration.home)}
    if configuration.database_url is None:
        child.pop("DATABASE_URL", None)
    if configuration.defs_folder is not None:
        child["DEFS_FOLDER"] = str(configuration.described_in)
    return child


def secrets_of(names: Iterable[str]) -> dict[str, str]:
    """The values of environment variables that hold secrets, by their names; none of those unset.

    A line feed at the end is not part of one: files that secrets are kept in end so.
    """
    return {name: os.environ[name].strip() for name in names if name in os.environ}
