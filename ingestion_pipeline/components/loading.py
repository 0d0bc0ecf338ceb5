"""The definitions of all files that describe sources. One at fault is an asset that says so, and
leaves everything else alone; under `dg check defs` it is an error.
"""

import logging
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import dagster as dg

from ingestion_pipeline.components import AceIotSite, FredSeries, HttpSeries, MappedFiles
from ingestion_pipeline.components.intake.assets import key_of
from ingestion_pipeline.components.intake.definitions import of_mapping, together
from ingestion_pipeline.components.series.definitions import of_series
from ingestion_pipeline.domains import registry
from ingestion_pipeline.domains.registry import DescribedMapping, DescribedSeries
from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.folder import Described, Source
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.orchestration.resources import CONFIGURATION

logger = logging.getLogger(__name__)

GROUP = "broken_sources"
TYPES = {each.__name__: each for each in (AceIotSite, FredSeries, MappedFiles, HttpSeries)}
Names = set[tuple[str, str]]


def with_described(ours: dg.Definitions, configuration: Settings) -> dg.Definitions:
    """What there is, and the sources of files with it.

    Raises:
        ConfigurationError: under `dg check defs`: files are at fault, each named with line and
            field.
    """
    described = configuration.described
    known = _known(described)
    parts, faults = _load(described, known, beside=ours)
    if configuration.dagster_is_defs_validation_cli:
        if faults:
            raise ConfigurationError("\n".join(map(str, faults)))
        for told in _unset(known.series):
            logger.warning(told)
    for fault in faults:
        logger.error("%s (this source is not loaded)", fault)
    fed = _fed(ours, described, known)
    return dg.Definitions.merge(fed, *parts, *_placeholders(described.root, faults))


def load(
    described: Described, *, beside: dg.Definitions
) -> tuple[list[dg.Definitions], list[Fault]]:
    """The definitions of the files that are sound, and the faults of all others.

    Args:
        described: the files.
        beside: what there is besides; nothing may be called as something of it.
    """
    return _load(described, _known(described), beside=beside)


def _unset(series: Sequence[DescribedSeries]) -> Iterator[str]:
    """Variables that APIs name for their secrets and that are not set here.

    No fault: runs need them, and not whoever checks definitions.
    """
    for each in series:
        auth = each.source.api.auth
        names = [] if auth is None else [one.name for one in auth.secrets if not one.is_stored]
        for name in sorted(set(names) - CONFIGURATION.secrets(names).keys()):
            yield (
                f"{each.source.mapped.file}: the variable {name}, the secret of {each.known.name}, "
                "is not set here; its runs fail where it is not"
            )


@dataclass(frozen=True)
class _Known:
    """The mappings and APIs of files, and what is at fault of others; to read them takes time."""

    mappings: Sequence[DescribedMapping]
    series: Sequence[DescribedSeries]
    faults: Sequence[Fault]


def _known(described: Described) -> _Known:
    mappings, wrong = registry.known_mappings(described)
    series, at_fault = registry.known_series(described)
    return _Known(mappings, series, [*wrong, *at_fault])


def _load(
    described: Described, known: _Known, *, beside: dg.Definitions
) -> tuple[list[dg.Definitions], list[Fault]]:
    if not described.files:
        return [], list(described.faults)
    faults, taken = [*described.faults, *known.faults], _names(beside)
    ours = {each.file: each for each in described.sources}
    mapped = {each.source.file: each for each in known.mappings}
    asked = {each.source.mapped.file: each for each in known.series}
    files, apis = list[DescribedMapping](), list[DescribedSeries]()
    parts: list[dg.Definitions] = []
    for file in [each for each in described.files if each not in {at.file for at in faults}]:
        try:
            if file in mapped:
                made = of_mapping(mapped[file])
            elif file in asked:
                made = of_series(asked[file])
            elif file in ours:
                made = _of_ours(described, ours[file])
            else:
                made = _of_others(file, dg.Definitions(resources=beside.resources))
            names = _names(made)
            _require_new(names, taken)
        except Exception as error:  # noqa: BLE001  (whatever it is, the others go on)
            faults.append(Fault(file, 1, "", _innermost(error)))
        else:
            taken |= names
            parts.append(made)
            files += [mapped[file]] if file in mapped else []
            apis += [asked[file]] if file in asked else []
    return [*parts, *together(files, apis)], faults


def _fed(ours: dg.Definitions, described: Described, known: _Known) -> dg.Definitions:
    """Ours, in which an asset that collects a source follows from it."""
    sources: dict[dg.AssetKey, list[dg.AssetDep]] = defaultdict(list)
    for each in described.sources:
        if not TYPES[each.kind].feeds:
            continue
        key = dg.AssetKey(each.attributes.key(described.folder_of(each.file)))
        for asset in TYPES[each.kind].feeds:
            sources[dg.AssetKey.from_user_string(asset)].append(dg.AssetDep(key))
    for made in [*(m.known for m in known.mappings), *(s.known for s in known.series)]:
        # A day's files may be of any day, so what follows from them follows from all.
        dep = dg.AssetDep(key_of(made), partition_mapping=dg.AllPartitionMapping())
        for target in made.targets:
            sources[dg.AssetKey.from_user_string(registry.asset_of(target))].append(dep)
    if not sources:
        return ours
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return ours.map_asset_specs(
            func=lambda spec: spec.merge_attributes(deps=sources[spec.key])
            if spec.key in sources else spec
        )  # fmt: skip


def _of_ours(described: Described, source: Source) -> dg.Definitions:
    """Without Dagster's tree, which makes the schemas of all types anew: 0.2 s a file."""
    key = source.attributes.key(described.folder_of(source.file))
    component = TYPES[source.kind](source.attributes)
    return dg.Definitions(assets=[component.asset(key, source.file)])


def _of_others(file: Path, resources: dg.Definitions) -> dg.Definitions:
    """The definitions of one file, from a tree of its own: a fault breaks the tree that it is in.

    Not `dg.load_from_defs_folder`: it looks for pyproject.toml, which an installed package lacks.
    """
    module = ModuleType(f"ingestion_pipeline.defs.{file.parent.name}")
    module.__file__, module.__path__ = None, [str(file.parent)]
    with warnings.catch_warnings():  # Dagster's own way to load them silences these, too
        for category in (dg.BetaWarning, dg.PreviewWarning, DeprecationWarning):
            warnings.simplefilter("ignore", category)
        tree = dg.ComponentTree.from_module(defs_module=module, project_root=file.parent)
        made = tree.build_defs()
    # It is seen to hold together before it is let in.
    dg.Definitions.validate_loadable(dg.Definitions.merge(made, resources))
    # Without its tree, of which the merged definitions could have one only.
    return dg.Definitions(
        assets=made.assets,
        asset_checks=made.asset_checks,
        jobs=made.jobs,
        schedules=made.schedules,
        sensors=made.sensors,
        resources=made.resources,
    )


def _require_new(names: Names, taken: Names) -> None:
    if twice := sorted(taken & names):
        raise ConfigurationError(f"the {' '.join(twice[0])} is there already")


def _names(made: dg.Definitions) -> Names:
    """What is named in definitions, which may be named once only."""
    named = [
        *(("job", each.name) for each in made.jobs or ()),
        *(("schedule", each.name) for each in made.schedules or ()),
        *(("sensor", each.name) for each in made.sensors or ()),
        *(("resource", name) for name in made.resources or {}),
        *(("asset", key.to_user_string()) for key in _keys(made)),
    ]
    return set(named)


def _keys(made: dg.Definitions) -> Iterator[dg.AssetKey]:
    for each in made.assets or ():
        if isinstance(each, dg.AssetsDefinition):
            yield from each.keys
        elif isinstance(each, dg.AssetSpec | dg.SourceAsset):
            yield each.key


def _placeholders(root: Path, faults: Sequence[Fault]) -> list[dg.Definitions]:
    """An asset for every file at fault."""
    by_file: Mapping[Path, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_file[fault.file].append(fault)
    return [
        dg.Definitions(assets=[_placeholder(root, file, found)]) for file, found in by_file.items()
    ]


def _placeholder(root: Path, file: Path, faults: Sequence[Fault]) -> dg.AssetSpec:
    # Dagster can't store every name that a file system has.
    inside = [printable(part) for part in (file.relative_to(root).parts or (root.name,))]
    said = "\n".join(map(str, faults))
    return dg.AssetSpec(
        dg.AssetKey([GROUP, *inside]),
        group_name=GROUP,
        kinds={"yaml"},
        description=f"**This source is not loaded.**\n\n```\n{said}\n```",
    )


def _innermost(error: BaseException) -> str:
    """What the first cause said, in a line: the outer ones only draw the tree."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()) or type(error).__name__
