"""A mapping's YAML as texts, lists and mappings, each with its place.

YAML 1.1 makes false of `NO`, 83 of `0123` and 1.1 of `1.10`, and lets a key that is there twice
win in silence: country codes, SKUs and versions are what mappings hold. So nodes are taken as they
were written: every scalar is a text, and whoever wants a number or a truth value reads it.
"""

from dataclasses import dataclass
from pathlib import Path

import yaml

from ingestion_pipeline.foundation.mapping.faults import Fault, Place

_DEEPEST = 40


@dataclass(frozen=True)
class Node:
    """A value of the file, and where it stands.

    Attributes:
        place: of its key in a mapping, else its own.
        path: its way in the file (`emit.orders.fields.total_amount`).
        value: a text, the items of a list, or a mapping by its keys in order.
        tag: what YAML took an unquoted text for (`bool`, `int`, `float`, `null`); else None.
    """

    place: Place
    path: str
    value: "str | tuple[Node, ...] | dict[str, Node]"
    tag: str | None = None

    def describe(self) -> str:
        """What it is, for an error."""
        if isinstance(self.value, str):
            return "nothing" if self.tag == "null" else f"the text {self.value[:60]!r}"
        return "a list" if isinstance(self.value, tuple) else "a mapping"


def read_node(file: Path, text: str) -> Node | list[Fault]:
    """The document of a file, or every fault that keeps it from being one.

    Args:
        file: named in faults.
        text: of the file.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        return [Fault(file, place, "", f"is not YAML: {error.problem or error.context}")]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [Fault(file, Place(1, 1), "", f"is not YAML: {' '.join(str(error).split())}")]
    if root is None:
        return [Fault(file, Place(1, 1), "", "is empty")]
    faults: list[Fault] = []
    node = _node(root, file=file, path="", place=None, faults=faults, above=())
    return faults or node


def _node(
    node: yaml.Node,
    *,
    file: Path,
    path: str,
    place: Place | None,
    faults: list[Fault],
    above: tuple[int, ...],
) -> Node:
    here = place or _place(node)
    if id(node) in above or len(above) > _DEEPEST:
        rule = "stands within itself" if id(node) in above else "is nested too deeply"
        faults.append(Fault(file, here, path, rule))
        return Node(here, path, "")
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        children: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                faults.append(Fault(file, _place(key), path, "must have texts as its keys"))
                continue
            name, at = str(key.value), _place(key)
            way = f"{path}.{name}" if path else name
            if name in children:
                faults.append(Fault(file, at, way, "is there twice"))
                continue
            children[name] = _node(
                value, file=file, path=way, place=at, faults=faults, above=above
            )  # fmt: skip
        return Node(here, path, children)
    if isinstance(node, yaml.SequenceNode):
        items = (
            _node(each, file=file, path=f"{path}[{number}]", place=None, faults=faults, above=above)
            for number, each in enumerate(node.value)
        )
        return Node(here, path, tuple(items))
    tag = node.tag.rpartition(":")[2]
    return Node(here, path, str(node.value), None if tag == "str" else tag)


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)
