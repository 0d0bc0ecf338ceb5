"""The mappings of described sources: what a `defs.yaml` holds, names beside it, or has of ours.

A mapping that is at fault is told with line and column, wherever it stands. What records a mapping
may make, the domains say; so whoever asks hands it in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.folder import Described, Source
from ingestion_pipeline.foundation.described.kinds import MappedFiles, named_plainly
from ingestion_pipeline.foundation.mapping.documents import Node, read_node
from ingestion_pipeline.foundation.mapping.faults import Fault as MappingFault
from ingestion_pipeline.foundation.mapping.faults import MappingError, meant
from ingestion_pipeline.foundation.mapping.parsing import read_mapping_node
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.mapping.words import Mapped

SHIPPED = Path(__file__).parents[2] / "mappings"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class MappedSource:
    """A described source of files.

    Attributes:
        file: the `defs.yaml` that describes it.
        mapped: its mapping; `mapped.file` is where that stands.
        tenants: who may send; None: all.
    """

    file: Path
    mapped: Mapped
    tenants: tuple[str, ...] | None = None
    description: str | None = None


def shipped() -> dict[str, Path]:
    """The mappings that come with the project, by name."""
    return {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}


def mapped_sources(
    described: Described, targets: Mapping[str, Target]
) -> tuple[list[MappedSource], list[Fault]]:
    """The sources of files whose mappings are sound, and the faults of the others.

    Two of one name would be told apart by nobody; who came first has it.
    """
    sound: dict[tuple[str, str], MappedSource] = {}
    faults: list[Fault] = []
    for source in described.sources:
        if not isinstance(source.attributes, MappedFiles):
            continue
        read = mapped_source(source, source.attributes, targets)
        if not isinstance(read, MappedSource):
            faults += read
            continue
        mine = (read.mapped.source, read.mapped.name)
        if mine in sound:
            rule = f"{'/'.join(mine)} is in {sound[mine].file}, too; give one another `source`"
            faults.append(_fault(source, rule))
        else:
            sound[mine] = read
    return list(sound.values()), faults


def folders_of(described: Described) -> frozenset[str]:
    """The names of the sources of files, after which folders of the drop folder are called."""
    names: set[str] = set()
    for source in described.sources:
        if isinstance(source.attributes, MappedFiles):
            root = _root(source, source.attributes)
            inside = root[1].value if isinstance(root, tuple) else None
            own = inside.get("source") if isinstance(inside, dict) else None
            said = own.value if own is not None and isinstance(own.value, str) else ""
            names.add(source.attributes.source or said)
    return frozenset(names - {""})


def mapped_source(
    source: Source, attributes: MappedFiles, targets: Mapping[str, Target]
) -> MappedSource | list[Fault]:
    """A source with its mapping, or the mapping's faults."""
    root = _root(source, attributes)
    if not isinstance(root, tuple):
        return root
    file, said = root
    name = file.parent.name if file == source.file else file.stem
    try:
        mapped = read_mapping_node(file, _with_own(said, attributes), targets, name=name)
    except MappingError as error:
        return [_told(source, each) for each in error.faults]
    for word, text in (("source", mapped.source), ("mapping", mapped.name)):
        try:
            named_plainly(text)
        except ValueError as error:
            return [_fault(source, f"{word} is {text!r}, and {error}")]
    tenants = None if attributes.tenants is None else tuple(attributes.tenants)
    return MappedSource(source.file, mapped, tenants, attributes.description)


def _root(source: Source, attributes: MappedFiles) -> tuple[Path, Node] | list[Fault]:
    """The mapping of a source, and the file that it stands in."""
    said: Node = attributes.mapping
    if isinstance(said.value, dict):
        return source.file, said
    file = _file_of(source, str(said.value))
    if isinstance(file, Fault):
        return [file]
    try:
        read = read_node(file, file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        return [_fault(source, f"{file.name} can't be read: {error}")]
    return (file, read) if isinstance(read, Node) else [_told(source, each) for each in read]


def _file_of(source: Source, name: str) -> Path | Fault:
    if name.endswith(_YAML):
        if "/" in name or "\\" in name:
            return _fault(source, f"is {name!r}, and must be the name of a file beside this one")
        beside = source.file.parent / name
        return beside if beside.is_file() else _fault(source, f"there is no file {name} beside it")
    known = shipped()
    if name not in known:
        files = [f"{name}{ending}" for ending in _YAML]
        there = next((each for each in files if (source.file.parent / each).is_file()), None)
        if there is not None:
            return _fault(
                source, f"there is no shipped mapping {name!r}, did you mean the file {there!r}?"
            )
        return _fault(
            source,
            f"there is no shipped mapping {name!r}{meant(name, known).removesuffix('?')}, "
            f"or a file beside this one, as {files[0]!r}",
        )
    return known[name]


def _with_own(root: Node, attributes: MappedFiles) -> Node:
    """A mapping, with what its source says otherwise."""
    if not isinstance(root.value, dict):
        return root
    own: dict[str, Node] = {}
    if attributes.source is not None:
        own["source"] = Node(root.place, "source", attributes.source)
    if isinstance(attributes.settings, Node) and isinstance(attributes.settings.value, dict):
        before = root.value.get("settings")
        inside = before.value if before is not None and isinstance(before.value, dict) else {}
        changed = {**inside, **attributes.settings.value}
        own["settings"] = Node(attributes.settings.place, "settings", changed)
    return Node(root.place, root.path, {**root.value, **own})


def _fault(source: Source, rule: str) -> Fault:
    way = ("attributes", "mapping")
    return Fault(source.file, source.document.line(way), ".".join(way), rule, source.kind)


def _told(source: Source, fault: MappingFault) -> Fault:
    """A fault of a mapping as one of the file that describes the source."""
    if fault.file != source.file:
        return _fault(source, str(fault))
    place = fault.place
    return Fault(source.file, place.line, fault.path, fault.rule, source.kind, place.column)
