"""A YAML file as values, with the line of each.

Values are as Dagster reads them (YAML 1.1: `NO` is false), so that both find the same; what it
passes over in silence, a key that is there twice, is a fault here. Some attributes are taken as
they stand (`AS_WRITTEN`): a mapping holds country codes and versions.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ingestion_pipeline.foundation.described.faults import Fault
from ingestion_pipeline.foundation.http_api.parsing import WORDS as REQUEST

# Attributes whose values are nobody's to guess: mappings, and how APIs are asked.
AS_WRITTEN = frozenset({"mapping", "settings", "tenant", "schedule", *REQUEST})
_TEXT = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Document:
    """What a file says.

    Attributes:
        file: the file.
        value: of its YAML.
        node: the same with lines.
    """

    file: Path
    value: Any
    node: yaml.Node

    def line(self, location: tuple[object, ...]) -> int:
        """The line of a field, or of the innermost that is there of its way; counted from 1."""
        node, line = self.node, int(self.node.start_mark.line)
        for part in location:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def keys_that_are_no_text(self, field: str) -> list[str]:
        """Keys of a field, as written, that YAML takes for something else: `NO` is false."""
        found = _child(self.node, field)
        pairs = found[1].value if found and isinstance(found[1], yaml.MappingNode) else []
        text = {_TEXT, "tag:yaml.org,2002:merge"}
        return [str(key.value) for key, _ in pairs if key.tag not in text]


def read_document(file: Path) -> Document | Fault:
    """The one document of a file, or why it can't be read."""
    try:
        loader = yaml.SafeLoader(file.read_bytes())
        node = loader.get_single_node()
        if node is None:
            return Fault(file, 1, "", "is empty")
        twice = _key_that_is_there_twice(node, set())
        if twice is not None:
            line = twice.start_mark.line + 1
            return Fault(file, line, str(twice.value), "is there twice")
        for name in AS_WRITTEN:
            _leave_texts(node, ("attributes", name))
        return Document(file, loader.construct_document(node), node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        if isinstance(error, yaml.composer.ComposerError) and "another document" in str(error):
            rule = "describes a second source; each is in a folder of its own"
        else:
            rule = f"is not YAML: {error.problem or error.context}"
        return Fault(file, line, "", rule)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Fault(file, 1, "", f"is not YAML: {' '.join(str(error).split())}")
    except OSError as error:
        return Fault(file, 1, "", f"can't be read: {error.strerror}")


def _child(node: yaml.Node, part: object) -> tuple[int, yaml.Node] | None:
    """The line and the value of a key or of an item."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    return None


def _leave_texts(node: yaml.Node, way: tuple[str, ...]) -> None:
    """Let YAML guess no types in what stands there."""
    for part in way:
        found = _child(node, part)
        if found is None:
            return
        node = found[1]
    waiting, seen = [node], {id(node)}
    while waiting:
        each = waiting.pop()
        inside: list[yaml.Node] = []
        if isinstance(each, yaml.ScalarNode):
            each.tag = _TEXT
        elif isinstance(each, yaml.MappingNode):
            inside = [part for pair in each.value for part in pair]
        elif isinstance(each, yaml.SequenceNode):
            inside = each.value
        waiting += [part for part in inside if id(part) not in seen]
        seen |= {id(part) for part in inside}


def _key_that_is_there_twice(node: yaml.Node, seen: set[int]) -> yaml.ScalarNode | None:
    if id(node) in seen:  # an alias, maybe to what it stands in
        return None
    seen.add(id(node))
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        keys: set[Hashable] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in keys:
                    return key
                keys.add((key.tag, key.value))
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    return next(filter(None, (_key_that_is_there_twice(each, seen) for each in children)), None)
