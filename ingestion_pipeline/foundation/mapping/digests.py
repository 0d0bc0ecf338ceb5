"""What a mapping says as a hash, and what its ids are made of: whether another is the same."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.words import Emit


def digest_of(node: Node) -> str:
    """SHA-256 of what a mapping says, hexadecimal; comments and the order of keys don't count."""
    return _hash(_plain(node))


def key_digests(root: Node, name: str, emits: tuple[Emit, ...]) -> dict[str, tuple[str, ...]]:
    """By type of records, hashes of what their ids, and the ids that they refer to, are made of.

    Args:
        root: a mapping without a fault.
        name: of the mapping, which natural keys begin with.
    """
    found: dict[str, set[str]] = defaultdict(set)
    said = _child(root, "emit")
    for emit in emits:
        node = _child(said, emit.label)
        fields = _child(node, "fields")
        parts: dict[str, Any] = {}
        if emit.key:
            parts["key"] = [name, emit.label.partition("/")[2], *emit.key]
        for field, each in fields.items():
            if field == emit.target.key:
                parts[field] = _plain(each)
            elif ids := list(_identities(each)):
                parts[field] = ids
        found[emit.target.name].add(_hash(parts))
    return {target: tuple(sorted(hashes)) for target, hashes in sorted(found.items())}


def rekeyed(before: Mapping[str, list[str]], now: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The types of records of which a mapping makes other ids than it did.

    A type that is new, or is made no more, changes no id of another; nor does a further way to
    make one.
    """
    return [
        target for target, hashes in now.items()
        if set(before.get(target, ())) - set(hashes) and set(hashes) - set(before.get(target, ()))
    ]  # fmt: skip


def _child(node: "Node | dict[str, Node]", name: str) -> dict[str, Node]:
    inside = node.value if isinstance(node, Node) else node
    assert isinstance(inside, dict), "the mapping was checked"  # noqa: S101
    found = inside[name].value
    assert isinstance(found, dict), "the mapping was checked"  # noqa: S101
    return found


def _identities(node: Node) -> Iterator[Any]:
    """What ids within a value are made of."""
    if isinstance(node.value, dict):
        if "id" in node.value:
            yield _plain(node)
            return
        for each in node.value.values():
            yield from _identities(each)
    elif isinstance(node.value, tuple):
        for each in node.value:
            yield from _identities(each)


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {name: _plain(each) for name, each in node.value.items()}
    if isinstance(node.value, tuple):
        return [_plain(each) for each in node.value]
    return node.value


def _hash(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
