"""What the types share: the schema, the example that `dg scaffold` writes, the asset."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import dagster as dg
from pydantic import BaseModel

from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.described.folder import NAME, Source, read_source
from ingestion_pipeline.foundation.described.folder import Described as Folder
from ingestion_pipeline.foundation.described.kinds import HOME, Kind
from ingestion_pipeline.foundation.errors import ConfigurationError
from ingestion_pipeline.orchestration.resources import CONFIGURATION

OWNERS = ["team:data"]
Found = TypeVar("Found")


class Described(dg.Component):
    """A source whose attributes are those of a kind.

    Not `Resolvable`, whose derived schema takes any text for any type (it may be a template), so
    that `dg check yaml` would pass what fails at load.
    """

    kind: ClassVar[type[Kind]]
    feeds: ClassVar[tuple[str, ...]]  # the assets that collect it
    shows: ClassVar[set[str]]  # kinds, as the UI's badges

    def __init__(self, attributes: Kind) -> None:
        self.attributes = attributes

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What `dg check yaml`, editors and the UI know of the attributes."""
        return cls.kind

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:  # noqa: ARG003
        """The attributes, as they have been checked."""
        if not isinstance(attributes, cls.kind):
            raise dg.DagsterInvalidDefinitionError(f"`attributes` of {cls.__name__} is missing")
        return cls(attributes)

    def said(self) -> str:
        """What the asset is, in sentences, where the file says nothing."""
        raise NotImplementedError

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The source as an asset that others follow from; what is collected is theirs."""
        return dg.Definitions(assets=[self.asset(self.attributes.key(folder_of(context.path)))])

    def asset(self, key: tuple[str, ...], file: Path | None = None) -> dg.AssetSpec:
        """The asset; `file` is linked to, where Dagster does not do so by itself."""
        links = {} if file is None else link_to(file)
        return dg.AssetSpec(
            dg.AssetKey(key),
            group_name=key[0],
            code_version="1",
            owners=OWNERS,
            kinds=self.shows,
            description=self.attributes.description or self.said(),
            metadata={self.kind.claims: ", ".join(self.attributes.names), **links},
        )


def link_to(*files: Path) -> dict[str, dg.CodeReferencesMetadataValue]:
    """Metadata that links to files, where Dagster does not do so by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        code = [dg.LocalFileCodeReference(file_path=str(file), line_number=1) for file in files]
        link = dg.CodeReferencesMetadataValue(code_references=code)
    return {"dagster/code_references": link}


def folder_of(path: Path) -> tuple[str, ...]:
    """Where a source is, as seen from the folder of all; its own name, where it is in another."""
    root = CONFIGURATION.read().described_in
    folder = path.parent if path.name == NAME else path
    return folder.relative_to(root).parts if folder.is_relative_to(root) else (folder.name,)


def sound_of(
    file: Path, what: str, find: Callable[[Folder], tuple[list[Found], list[Fault]]]
) -> Found:
    """The one source that a file describes.

    Args:
        what: it should describe, as "files".
        find: the sound ones among some files, and the faults of the others.

    Raises:
        ConfigurationError: the file is at fault.
    """
    source = read_source(file)
    if not isinstance(source, Source):
        raise ConfigurationError("\n".join(map(str, source)) or f"{file} describes no {what}")
    found, faults = find(Folder(file.parent.parent, (file,), (source,)))
    if not found:
        raise ConfigurationError("\n".join(map(str, faults)) or f"{file} describes no {what}")
    return found[0]


class Example(dg.Scaffolder[Any]):
    """Writes a `defs.yaml` that is an example, and sound."""

    attributes: ClassVar[str]

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Write it; `{name}` is that of its folder."""
        name = request.target_path.name
        type_name = f"{HOME}.{request.type_name.rpartition('.')[2]}"
        text = f"type: {type_name}\n\nattributes:\n{self.attributes.format(name=name)}"
        request.target_path.mkdir(parents=True, exist_ok=True)
        (request.target_path / NAME).write_text(text, encoding="utf-8")
