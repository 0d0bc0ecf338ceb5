"""All files of a folder that describe sources: what is sound, and what is at fault.

A source is a folder with a `defs.yaml`, as Dagster has it. Files of other types than ours are
Dagster's alone: they are listed, and not read any further.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from ingestion_pipeline.foundation.described.documents import (
    AS_WRITTEN,
    Document,
    read_document,
)
from ingestion_pipeline.foundation.described.faults import Fault, path_of, rule_of
from ingestion_pipeline.foundation.described.kinds import HOME, KINDS, Kind
from ingestion_pipeline.foundation.mapping.documents import Node, read_node

NAME = "defs.yaml"
_YAML = {".yaml", ".yml"}
# Of these, Dagster knows more for other types; ours have no use for them.
_KEYS = ("type", "attributes")
_TYPE = re.compile(rb"^type:\s*[\"']?([\w.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A source of ours that is sound, by its file."""

    document: Document
    kind: str
    attributes: Kind

    @property
    def file(self) -> Path:
        """The file that describes it."""
        return self.document.file


@dataclass(frozen=True)
class Described:
    """What a folder describes.

    Attributes:
        files: every `defs.yaml`, sound or not, ours or not, in order.
        sources: those of ours that are sound.
        faults: of the others, at least one each.
        kinds: those that any file names, be it sound or not.
        root: the folder.
    """

    root: Path

    files: tuple[Path, ...] = ()
    sources: tuple[Source, ...] = ()
    faults: tuple[Fault, ...] = ()
    kinds: frozenset[str] = frozenset()

    def names(self, kind: str) -> tuple[str, ...]:
        """What the sound sources of a kind add to what is collected."""
        return tuple(
            name for each in self.sources if each.kind == kind for name in each.attributes.names
        )

    def keys(self, kind: str) -> list[tuple[str, ...]]:
        """The keys of the assets that show the sound sources of a kind."""
        return [
            each.attributes.key(self.folder_of(each.file))
            for each in self.sources if each.kind == kind
        ]  # fmt: skip

    def folder_of(self, file: Path) -> tuple[str, ...]:
        """Where a file is, as seen from the folder."""
        return file.parent.relative_to(self.root).parts


def read_folder(root: Path, *, taken: Mapping[str, tuple[str, ...]]) -> Described:
    """Read every file of a folder.

    Args:
        root: the folder.
        taken: by kind, the names that the environment variable of the kind has already.
    """
    if not root.is_dir():
        return Described(root, faults=(Fault(root, 1, "", "is not a folder that can be read"),))
    files: list[Path] = []
    sources: list[Source] = []
    faults: list[Fault] = []
    owners = {(kind, name): KINDS[kind].variable for kind in taken for name in taken[kind]}
    kinds: set[str] = set()
    for file in _found(root):
        if file.name != NAME:
            rule = f"is never read: a source is a folder with a {NAME}"
            faults.append(Fault(file, 1, "", rule))
            continue
        files.append(file)
        read = _misplaced(file, root) or read_source(file)
        if isinstance(read, Source):
            twice = _twice(read, owners)
            if twice is None:
                sources.append(read)
            kinds.add(read.kind)
            faults += [twice] if twice else []
        else:
            faults += read
            kinds |= {each.kind for each in read if each.kind}
    return Described(root, tuple(files), tuple(sources), tuple(faults), frozenset(kinds))


def _found(
    folder: Path, above: frozenset[Path] = frozenset(), *, inside: bool = False
) -> Iterator[Path]:
    """Files that are read, or look as if they were, in order; hidden ones are nobody's.

    Links are followed (Kubernetes mounts files so), but in no circle. Beside a `defs.yaml`, other
    files are its own affair.
    """
    real = folder.resolve()
    if real in above:
        return
    entries = sorted(each for each in _listed(folder) if not each.name.startswith((".", "__")))
    inside = inside or (folder / NAME).exists()
    for entry in entries:
        if entry.is_dir() and entry.name != NAME:
            yield from _found(entry, above | {real}, inside=inside)
        elif entry.name == NAME or (entry.suffix.lower() in _YAML and not inside):
            yield entry


def _listed(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder)]  # noqa: PTH208 (names, once)
    except OSError:
        return []


def _misplaced(file: Path, root: Path) -> list[Fault]:
    """A file that Dagster takes for the whole of what is below it, or passes over."""
    if not "".join(file.relative_to(root).parts).isprintable():
        return [
            Fault(file, 1, "", "stands in a folder whose name has characters that are not seen")
        ]
    folders = [each for each in file.parents if each.is_relative_to(root)]
    if len(folders) == 1:
        return [Fault(file, 1, "", f"must be in a folder of its own: NAME/{NAME}")]
    for above in folders[1:]:
        if (above / NAME).exists() and above != root:
            return [Fault(file, 1, "", f"stands within another source, {above.name}")]
    return []


def read_source(file: Path) -> Source | list[Fault]:
    """The source of a file; an empty list: it is of a type of others."""
    document = read_document(file)
    if isinstance(document, Fault):
        return [_of_kind(document, _kind_by_text(file))]
    value = document.value
    if not isinstance(value, dict):
        return [Fault(file, 1, "", "must have the fields type and attributes")]
    name = value.get("type")
    if not isinstance(name, str) or "." not in name:
        rule = f"must be the full name of a type, such as {', '.join(_types())}"
        return [Fault(file, document.line(("type",)), "type", rule)]
    if not name.startswith(f"{HOME}."):
        return []
    kind = name.removeprefix(f"{HOME}.")
    if kind not in KINDS:
        rule = f"{name} is unknown; allowed are {', '.join(_types())}"
        return [Fault(file, document.line(("type",)), "type", rule)]
    faults = [
        Fault(file, document.line((key,)), str(key), f"is unknown; allowed are {', '.join(_KEYS)}")
        for key in value if key not in _KEYS
    ]  # fmt: skip
    if not isinstance(value.get("attributes"), dict):
        rule = f"must be there, and have {', '.join(KINDS[kind].model_fields)}"
        faults.append(Fault(file, document.line(("attributes",)), "attributes", rule))
    else:
        attributes = _attributes(document, KINDS[kind])
        if isinstance(attributes, Kind) and not faults:
            return Source(document, kind, attributes)
        faults += [] if isinstance(attributes, Kind) else attributes
    return [_of_kind(fault, kind) for fault in faults]


def _attributes(document: Document, model: type[Kind]) -> Kind | list[Fault]:
    if wrong := document.keys_that_are_no_text("attributes"):
        key = ("attributes", wrong[0])
        rule = f"is unknown; allowed are {', '.join(model.model_fields)}"
        return [Fault(document.file, document.line(key), path_of(key), rule)]
    written = _as_written(document.file) if AS_WRITTEN & set(model.model_fields) else {}
    if isinstance(written, Fault):
        return [written]
    try:
        return model.model_validate({**document.value["attributes"], **written})
    except ValidationError as error:
        faults = []
        for each in error.errors(include_url=False):
            where = ("attributes", *each["loc"])
            rule = rule_of(each, model)
            faults.append(Fault(document.file, document.line(where), path_of(where), rule))
        return faults


def _as_written(file: Path) -> dict[str, Node] | Fault:
    """Attributes that are taken as they stand, with the place of everything in them."""
    read = read_node(file, file.read_text(encoding="utf-8-sig"))
    if not isinstance(read, Node):
        first = read[0]
        place = first.place
        return Fault(file, place.line, first.path, first.rule, column=place.column)
    attributes = read.value["attributes"].value if isinstance(read.value, dict) else None
    assert isinstance(attributes, dict), "the document was read"  # noqa: S101
    return {name: each for name, each in attributes.items() if name in AS_WRITTEN}


def _twice(source: Source, owners: dict[tuple[str, str], str]) -> Fault | None:
    """Two who collect the same would be told apart by nobody; who came first has it."""
    claims, names = source.attributes.claims, source.attributes.names
    for number, name in enumerate(names):
        if (owner := owners.get((source.kind, name))) is not None:
            item = (number,) if claims == "series" else ()
            way = ("attributes", claims, *item)
            rule = f"{name} is in {owner}, too; take it out of one of them"
            return Fault(
                source.file, source.document.line(way), path_of(way), rule, source.kind
            )  # fmt: skip
    owners |= {(source.kind, name): str(source.file) for name in names}
    return None


def _of_kind(fault: Fault, kind: str | None) -> Fault:
    return replace(fault, kind=kind)


def _kind_by_text(file: Path) -> str | None:
    """The kind that a file names that is no YAML."""
    try:
        found = _TYPE.search(file.read_bytes())
    except OSError:
        return None
    name = found[1].decode().rpartition(".")[2] if found else None
    return name if name in KINDS else None


def _types() -> list[str]:
    return [f"{HOME}.{name}" for name in KINDS]
