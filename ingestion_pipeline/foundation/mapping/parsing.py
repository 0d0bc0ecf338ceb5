"""A mapping's file, understood as a whole, or every fault of it with its place."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ingestion_pipeline.foundation.mapping.carrying import refuse_totals
from ingestion_pipeline.foundation.mapping.conditions import read_condition
from ingestion_pipeline.foundation.mapping.digests import digest_of, key_digests
from ingestion_pipeline.foundation.mapping.documents import Node, read_node
from ingestion_pipeline.foundation.mapping.emits import read_emit
from ingestion_pipeline.foundation.mapping.faults import MappingError, meant
from ingestion_pipeline.foundation.mapping.layout import read_layout
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.targets import Target
from ingestion_pipeline.foundation.mapping.values import read_value
from ingestion_pipeline.foundation.mapping.words import (
    Check,
    Constant,
    Emit,
    Explode,
    Fill,
    Group,
    Mapped,
    Numbers,
    Unpivot,
)

KEYS = (
    "source", "mapping", "match", "settings", "read", "columns", "optional", "numbers", "dates",
    "months", "zone", "fill", "skip", "group", "explode", "unpivot", "check", "emit",
    "confirm",
)  # fmt: skip
_DECIMALS = (".", ",")
_GROUPS = (".", ",", " ", "'", "’", "")


def read_mapping(file: Path, text: str, targets: Mapping[str, Target]) -> Mapped:
    """A mapping, understood.

    Args:
        file: named in faults.
        text: of the file.
        targets: what a mapping may make, by name.

    Raises:
        MappingError: with every fault of the file.
    """
    root = read_node(file, text)
    if isinstance(root, list):
        raise MappingError(root)
    return read_mapping_node(file, root, targets)


def read_mapping_node(
    file: Path, root: Node, targets: Mapping[str, Target], *, name: str | None = None
) -> Mapped:
    """A mapping that stands within a file, as the attributes of a source do.

    Args:
        file: named in faults.
        root: the mapping.
        targets: what a mapping may make, by name.
        name: of a mapping that says none; None: the file's.

    Raises:
        MappingError: with every fault.
    """
    reader = Reader(file)
    words = reader.mapping(root, KEYS)
    for key in ("source", "emit"):
        if isinstance(root.value, dict) and key not in words:
            reader.fault(root, f"lacks {key!r}")
    reader.settings = _settings(reader, words.get("settings"))
    match = reader.mapping(words.get("match"), ("header", "file"))
    group = _group(reader, words.get("group"))
    emits = _emits(reader, words.get("emit"), targets, group)
    checks = tuple(_check(reader, each, group) for each in reader.items(words.get("check")))
    mapped = Mapped(
        file=file,
        source=reader.text(words.get("source")),
        name=reader.text(words.get("mapping"), name or file.stem),
        emits=emits,
        header=reader.texts(match.get("header")),
        file_name=reader.text(match["file"]) if "file" in match else None,
        settings=reader.settings,
        read=read_layout(reader, words.get("read")),
        numbers=_numbers(reader, words.get("numbers")),
        dates=reader.dates(words.get("dates")),
        zone=reader.zone(words.get("zone")),
        months=reader.languages(words.get("months")),
        names={
            name: reader.texts(each) for name, each in reader.mapping(words.get("columns")).items()
        },
        optional=frozenset(reader.texts(words.get("optional"))),
        skip={
            name: read_condition(reader, each)
            for name, each in reader.mapping(words.get("skip")).items()
        },
        fill=_fill(reader, words.get("fill")),
        group=group,
        explode=_explode(reader, words.get("explode")),
        unpivot=tuple(_unpivot(reader, each) for each in reader.items(words.get("unpivot"))),
        checks=checks,
        confirm=frozenset(
            reader.one_of(each, ("dates",), "dates") for each in reader.items(words.get("confirm"))
        ),
    )
    if mapped.explode and mapped.unpivot:
        reader.fault(words["unpivot"], "can't stand beside explode")
    for said in reader.items(words.get("optional")):
        if said.value not in reader.uses:
            reader.fault(
                said, f"is {said.value!r}, which nothing reads{meant(str(said.value), reader.uses)}"
            )
    if reader.faults:
        raise MappingError(reader.faults)
    made = {*(mapped.explode.columns if mapped.explode else ())}
    for each in mapped.unpivot:
        made |= {*each.columns, *each.texts}
    uses = {name: place for name, place in reader.uses.items() if name not in made}
    keys = key_digests(root, mapped.name, emits)
    return replace(mapped, uses=uses, sha256=digest_of(root), keys=keys)


def _emits(
    reader: Reader, node: Node | None, targets: Mapping[str, Target], group: Group | None
) -> tuple[Emit, ...]:
    emits = []
    for label, each in reader.mapping(node).items():
        target = targets.get(label.partition("/")[0])
        if target is None:
            reader.fault(each, f"is no type of records{meant(label, targets)}")
            continue
        emits.append(read_emit(reader, label, each, target, group=group))
        said = {one.replace for one in emits if one.target is target}
        if len(said) > 1:
            reader.fault(
                each, f"must say replace as the other {target.name} do: together they are the set"
            )
    if node is not None and isinstance(node.value, dict) and not node.value:
        reader.fault(node, f"must make something{meant('', targets)}")
    return tuple(emits)


def _numbers(reader: Reader, node: Node | None) -> Numbers:
    words = reader.mapping(node, ("decimal", "group", "symbols"))
    decimal = reader.one_of(words.get("decimal"), _DECIMALS, ".")
    group = "," if decimal == "." else "."
    if "group" in words:
        group = ""
        for said in reader.items(words["group"]):
            if said.value not in _GROUPS:
                known = ", ".join(map(repr, _GROUPS))
                reader.fault(said, f"is {said.describe()}, and must be one of {known}")
            elif said.value == decimal:
                reader.fault(said, f"is {said.value!r}, as the decimal sign is")
            else:
                group += str(said.value)
    return Numbers(decimal, group, reader.flag(words.get("symbols")))


def _settings(reader: Reader, node: Node | None) -> dict[str, str]:
    return {key: reader.text(each) for key, each in reader.mapping(node).items()}


def _fill(reader: Reader, node: Node | None) -> Fill | None:
    if node is None:
        return None
    words = reader.mapping(node, ("columns", "within"))
    if missing := [each for each in ("columns", "within") if each not in words]:
        reader.fault(node, f"lacks {', '.join(missing)}")
    return Fill(reader.columns(words.get("columns")), reader.columns(words.get("within")))


def _group(reader: Reader, node: Node | None) -> Group | None:
    if node is None:
        return None
    words = reader.mapping(node, ("by", "adjacent", "carry"))
    if "by" not in words:
        reader.fault(node, "lacks 'by': the columns that its rows have in common")
    carry = words.get("carry")
    patterns: tuple[str, ...] = ()
    all_but: tuple[str, ...] = ()
    if carry is not None and isinstance(carry.value, dict):
        inside = reader.mapping(carry, ("all_but",))
        patterns, all_but = ("*",), reader.texts(inside.get("all_but"))
    elif carry is not None:
        patterns = reader.texts(carry)
        patterns = ("*",) if patterns == ("all",) else patterns
    adjacent = reader.flag(words.get("adjacent"), default=True)
    return Group(reader.columns(words.get("by")), adjacent, patterns, all_but)


def _explode(reader: Reader, node: Node | None) -> Explode | None:
    if node is None:
        return None
    needed = ("cell", "items", "pairs", "is", "columns")
    words = reader.mapping(node, needed)
    if missing := [each for each in needed if each not in words]:
        reader.fault(node, f"lacks {', '.join(missing)}")
        return None
    return Explode(
        cell=reader.column(words["cell"]),
        items=reader.text(words["items"]),
        pairs=reader.pattern(words["pairs"]),
        sign=reader.text(words["is"]),
        columns=reader.texts(words["columns"]),
    )


def _unpivot(reader: Reader, node: Node) -> Unpivot:
    words = reader.mapping(node, ("as", "set"))
    if "as" not in words:
        reader.fault(node, "lacks 'as': {new column: column}")
    columns = {name: reader.column(each) for name, each in reader.mapping(words.get("as")).items()}
    texts = {name: reader.text(each) for name, each in reader.mapping(words.get("set")).items()}
    return Unpivot(columns, texts)


def _check(reader: Reader, node: Node, group: Group | None) -> Check:
    words = reader.mapping(node, ("name", "equal", "within", "else", "of"))
    values = [read_value(reader, each) for each in reader.items(words.get("equal"))]
    if len(values) < 2:
        reader.fault(node, "must have 'equal': [value, value, …]")
    for value in values:
        refuse_totals(reader, node, value, group)
    name = reader.text(words.get("name"), "check")
    of = reader.one_of(words.get("of"), ("record", "file", "rows"), "record")
    return Check(
        name=name,
        left=values[0] if values else Constant(""),
        rights=tuple(values[1:]),
        within=reader.number(words.get("within")),
        rejects=reader.one_of(words.get("else"), ("warn", "reject"), "warn") == "reject",
        whole_file=of != "record",
        every_row=of == "rows",
    )
