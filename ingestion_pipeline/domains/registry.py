"""The domains that there are, found by their folders: a sixth is one more folder, and no line here.

A domain shows itself in faces, modules of fixed names: `routes` to the gateway, `freshness` to
health, `mapped` to files of any shape (whose records `contract/mapped` describes). Who serves or
asks is handed what is found here; kits know no domain.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline import domains
from ingestion_pipeline.foundation.collecting.fetching import as_landed
from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.folder import NAME, Described
from ingestion_pipeline.foundation.described.mappings import MappedSource, mapped_sources, shipped
from ingestion_pipeline.foundation.described.series import SeriesSource, series_sources
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.intake.sinks import Sink
from ingestion_pipeline.foundation.loading.choosing import Mappings
from ingestion_pipeline.foundation.loading.known import Known, known_of
from ingestion_pipeline.foundation.mapping.faults import meant
from ingestion_pipeline.foundation.mapping.parsing import read_mapping
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.watch import by_file
from ingestion_pipeline.foundation.watch.gathering import Questions
from ingestion_pipeline.foundation.watch.health import Service


@dataclass(frozen=True)
class DescribedMapping:
    """A mapping, the file that describes its source, and the domain that takes its records."""

    source: MappedSource
    known: Known


@dataclass(frozen=True)
class DescribedSeries:
    """An API that a file describes, and the domain that takes its records."""

    source: SeriesSource
    known: Known


def names() -> list[str]:
    """The names of all domains, in order of the alphabet."""
    return sorted(module.name for module in iter_modules(domains.__path__) if module.ispkg)


def routers() -> list[Any]:
    """What the gateway serves of the domains."""
    return [face.router for _, face in _faces("routes")]


def questions() -> dict[str, Questions]:
    """By domain, what it can be asked about its services; and so what files describe."""
    wings = {
        domain: Questions(face.services, getattr(face, "services_of", None))
        for domain, face in _faces("freshness")
    }
    return wings | {"mapped_files": Questions(by_file.files), "series": Questions(_series)}


def _series(connection: sa.Connection, configuration: Settings) -> Mapping[str, Service]:
    expected = [
        by_file.Expected(
            each.source.tenant, each.known.mapped.source, each.known.mapped.name,
            each.source.schedule,
        )
        for each in known_series(configuration.described)[0]
    ]  # fmt: skip
    return by_file.series(connection, expected)


def targets() -> dict[str, Target]:
    """The types of records that a mapping may make, by name."""
    return {
        name: target
        for _, contract in _faces("contract.mapped")
        for name, target in contract.TARGETS.items()
    }


def sinks() -> dict[str, Sink]:
    """By the type of records that a mapping may make, the domain that takes them."""
    return {name: face.SINK for _, face in _faces("mapped") for name in face.SINK.targets}


def asset_of(target: str) -> str:
    """The asset of a type of records; it is called as they are, but for a face's `ASSETS`."""
    for domain, face in _faces("mapped"):
        if target in face.SINK.targets:
            return f"{domain}/{getattr(face, 'ASSETS', {}).get(target, target)}"
    raise LookupError(target)


def known_mappings(described: Described) -> tuple[list[DescribedMapping], list[Fault]]:
    """The mappings of files that describe sources, and the faults of those that are at fault."""
    takers = sinks()
    targets = {name: sink.targets[name] for name, sink in takers.items()}
    sources, faults = mapped_sources(described, targets)
    sound: list[DescribedMapping] = []
    for source in sources:
        try:
            known = known_of(source.mapped, takers, source.tenants)
        except ConfigurationError as error:
            faults.append(Fault(source.file, 1, "attributes.mapping", str(error), "MappedFiles"))
        else:
            sound.append(DescribedMapping(source, known))
    return sound, faults


def known_series(described: Described) -> tuple[list[DescribedSeries], list[Fault]]:
    """The APIs that files describe, and the faults of those that are at fault."""
    takers = sinks()
    sources, faults = series_sources(
        described, {name: sink.targets[name] for name, sink in takers.items()}
    )
    sound: list[DescribedSeries] = []
    for source in sources:
        try:
            known = known_of(as_landed(source.mapped.mapped, source.api), takers, (source.tenant,))
        except ConfigurationError as error:
            file = source.mapped.file
            faults.append(Fault(file, 1, "attributes.mapping", str(error), "HttpSeries"))
        else:
            sound.append(DescribedSeries(source, known))
    return sound, faults


def described_knowns(described: Described) -> tuple[list[tuple[Path, Known]], list[Fault]]:
    """The mappings of all files that describe sources, of files and of APIs, and their faults."""
    files, wrong = known_mappings(described)
    series, at_fault = known_series(described)
    found = [(each.source.file, each.known) for each in files]
    found += [(each.source.mapped.file, each.known) for each in series]
    return found, wrong + at_fault


def mappings(configuration: Settings) -> Mappings:
    """The mappings that files may be sent to."""
    return Mappings(each.known for each in known_mappings(configuration.described)[0])


def mapping_of(configuration: Settings, named: str, *, source: str | None = None) -> Known:
    """A mapping that somebody names: described, shipped, or a file.

    Args:
        configuration: where sources are described.
        named: `source/mapping` or another address of a described one, the name of a shipped one,
            or a path.
        source: whose ids these are, where it is another than the mapping says.

    Raises:
        ConfigurationError: there is none, or several; with its faults, where it has some.
    """
    file = Path(named)
    if file.suffix in (".yaml", ".yml"):
        return _of_file(configuration, file, source)
    described = Mappings(each for _, each in described_knowns(configuration.described)[0])
    if found := described.named(named):
        if len(found) > 1:
            several = ", ".join(each.name for each in found)
            raise ConfigurationError(f"{named} is each of {several}: name one of them")
        return found[0] if source is None else _of_source(found[0], source)
    if (known := shipped()).get(named):
        return _of_file(configuration, known[named], source)
    all_names = [each.name for each in described] + list(known)
    raise ConfigurationError(f"there is no mapping {named!r}{meant(named, all_names)}")


def _of_file(configuration: Settings, file: Path, source: str | None) -> Known:
    if file.name == NAME:  # that describes a source
        for described, found in described_knowns(configuration.described)[0]:
            if described.resolve() == file.resolve():
                return found
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} can't be read: {error}") from None
    mapped = read_mapping(file, text, targets())
    known = known_of(mapped, sinks())
    return known if source is None else _of_source(known, source)


def _of_source(known: Known, source: str) -> Known:
    return replace(known, mapped=replace(known.mapped, source=source))


def ages(configuration: Settings) -> dict[str, Mapping[str, timedelta | str]]:
    """By domain and asset, how long ago it may have been made, or why that is no fault."""
    return {
        domain: face.ages(configuration)
        for domain, face in _faces("freshness")
        if hasattr(face, "ages")
    }


def _faces(name: str) -> Iterator[tuple[str, Any]]:
    """The modules of that name, where a domain has one."""
    for domain in names():
        face = f"{domains.__name__}.{domain}.{name}"
        if find_spec(face) is not None:
            yield domain, import_module(face)
