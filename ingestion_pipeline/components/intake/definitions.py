"""All that Dagster has of the sources of files."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from ingestion_pipeline.components.intake.assets import mapped_asset
from ingestion_pipeline.components.intake.automation import automation, checking
from ingestion_pipeline.components.kit import sound_of
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.registry import DescribedMapping, DescribedSeries
from ingestion_pipeline.orchestration.resources import RESOURCES


def of_mapping(found: DescribedMapping) -> dg.Definitions:
    """The asset of a mapping."""
    return dg.Definitions(assets=[mapped_asset(found.source, found.known)])


def of_file(file: Path) -> dg.Definitions:
    """The asset of the mapping that a file describes, with what it stands on.

    Raises:
        ConfigurationError: the file is at fault.
    """
    found = sound_of(file, "files", registry.known_mappings)
    return dg.Definitions.merge(of_mapping(found), dg.Definitions(resources=RESOURCES))


def together(
    files: Sequence[DescribedMapping], series: Sequence[DescribedSeries]
) -> list[dg.Definitions]:
    """What all mappings share: jobs and their sensors; nothing, where there is none."""
    of_files = [each.known for each in files]
    all_of_them = [*of_files, *(each.known for each in series)]
    return [
        *([automation(of_files)] if of_files else ()),
        *([checking(all_of_them)] if all_of_them else ()),
    ]
