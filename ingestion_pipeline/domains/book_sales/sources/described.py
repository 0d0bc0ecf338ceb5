"""The platforms that there are: those that code reads, and those of described mappings.

A mapping that makes `sales_events` is a platform by the name that its settings say, else its
source's. Where none is described there is nothing but the registry.
"""

from collections.abc import Mapping

from ingestion_pipeline.domains.book_sales.contract.mapped import TARGETS
from ingestion_pipeline.domains.book_sales.sources.mapped import MappedReports
from ingestion_pipeline.domains.book_sales.sources.registry import (
    PLATFORMS,
    Platform,
    platform_for,
)
from ingestion_pipeline.foundation.described.folder import Described
from ingestion_pipeline.foundation.described.mappings import MappedSource, mapped_sources
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.file_kinds import Limits

# Of the folder that was read last: settings are read once a process, and so is what they describe.
_known: dict[int, tuple[Described, Mapping[str, Platform]]] = {}


def platforms(configuration: Settings) -> Mapping[str, Platform]:
    """Every platform by its name: those of the registry first, then the described ones."""
    described = configuration.described
    found = _known.get(id(described))
    if found is None:
        limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)
        _known.clear()
        found = _known[id(described)] = (described, _platforms(described, limits))
    return found[1]


def platforms_of(configuration: Settings, tenant: str) -> Mapping[str, Platform]:
    """The platforms that a tenant may send reports of; of the others it is told nothing."""
    return {
        name: each
        for name, each in platforms(configuration).items()
        if not isinstance(each.parse, MappedReports) or each.parse.are_for(tenant)
    }


def _platforms(described: Described, limits: Limits) -> Mapping[str, Platform]:
    by_name: dict[str, list[MappedSource]] = {}
    sound, _ = mapped_sources(described, TARGETS)  # faults are told where files are loaded
    for source in sound:
        try:
            name = platform_for(source.mapped.settings, source.mapped.source)
        except ContractError:
            continue  # told by each of its files
        by_name.setdefault(name, []).append(source)
    return {
        **PLATFORMS,
        **{
            name: Platform(name, _title(name, sources), parse=_reports(sources, limits))
            for name, sources in by_name.items()
            if name not in PLATFORMS  # what code reads, code reads
        },
    }


def _title(name: str, sources: list[MappedSource]) -> str:
    said = (each.mapped.settings.get("title") for each in sources)
    return next((title for title in said if title), name)


def _reports(sources: list[MappedSource], limits: Limits) -> MappedReports:
    return MappedReports(tuple((each.mapped, each.tenants) for each in sources), limits)
