"""All that Dagster has of an API that a file describes."""

from pathlib import Path

import dagster as dg

from ingestion_pipeline.components.kit import sound_of
from ingestion_pipeline.components.series.assets import series_asset
from ingestion_pipeline.components.series.automation import automation
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.registry import DescribedSeries
from ingestion_pipeline.orchestration.resources import RESOURCES


def of_series(found: DescribedSeries) -> dg.Definitions:
    """The asset of an API, its job and its schedule."""
    return dg.Definitions.merge(dg.Definitions(assets=[series_asset(found)]), automation(found))


def of_file(file: Path) -> dg.Definitions:
    """Of the API that a file describes, with what it stands on.

    Raises:
        ConfigurationError: the file is at fault.
    """
    found = sound_of(file, "API", registry.known_series)
    return dg.Definitions.merge(of_series(found), dg.Definitions(resources=RESOURCES))
