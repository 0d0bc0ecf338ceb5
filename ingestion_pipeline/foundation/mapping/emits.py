"""`emit:` of a mapping: the records that rows make."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ingestion_pipeline.foundation.mapping.carrying import refuse_totals
from ingestion_pipeline.foundation.mapping.conditions import read_condition
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.faults import meant
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField
from ingestion_pipeline.foundation.mapping.values import read_value
from ingestion_pipeline.foundation.mapping.words import (
    Choice,
    Column,
    Constant,
    Emit,
    FirstOf,
    Group,
    Steps,
    Value,
)

_WORDS = ("each", "where", "only_new", "replace", "key", "fields")


def read_emit(
    reader: Reader, label: str, node: Node, target: Target, *, group: Group | None
) -> Emit:
    """A type of records that a mapping makes.

    Args:
        label: as the mapping calls it.
        group: which rows are one record; None: each is one.
    """
    words = reader.mapping(node, _WORDS)
    fields = reader.mapping(words.get("fields"))
    if "fields" not in words and isinstance(node.value, dict):
        reader.fault(node, "lacks 'fields'")
    key = reader.columns(words.get("key"))
    if key and not target.keyed:
        reader.fault(words["key"], f"{target.name} have no natural key: say {target.key}")
    if key and target.key in fields:
        reader.fault(words["key"], f"stands beside {target.key}, which is made of it")
    known = [each.name for each in target.fields]
    for name, each in fields.items():
        if name not in known:
            reader.fault(each, f"is no field of {target.name}{meant(name, known)}")
    made = {target.key} if key else set()
    missing = [
        each.name for each in target.fields
        if each.required and each.name not in fields and each.name not in made
    ]  # fmt: skip
    if missing and "fields" in words:
        reader.fault(node, f"lacks {', '.join(missing)}")
    values: dict[TargetField, Value] = {}
    for field in target.fields:
        if field.name in fields:
            value = _value_of(reader, field, fields[field.name])
            refuse_totals(reader, fields[field.name], value, group)
            values[_as_said(field, value)] = value
    return Emit(
        label=label,
        target=target,
        each_group=reader.one_of(words.get("each"), ("row", "group"), "row") == "group",
        where=read_condition(reader, words["where"]) if "where" in words else None,
        only_new=reader.flag(words.get("only_new")),
        key=key,
        fields=tuple(values.items()),
        replace=_replace(reader, words, target),
    )


def _replace(reader: Reader, words: Mapping[str, Node], target: Target) -> str | None:
    """The field by which records are a set that a file replaces."""
    node = words.get("replace")
    if node is None:
        return None
    if not target.sets:
        reader.fault(node, f"is nothing that {target.name} know: each of them is one by itself")
        return None
    if reader.flag(words.get("only_new")):
        reader.fault(node, "can't stand beside only_new, which never takes anything away")
    return reader.one_of(node, target.sets, target.sets[0])


def _value_of(reader: Reader, field: TargetField, node: Node) -> Value:
    if field.kind == "object":  # {of: [columns]} keeps what they hold, by their names
        words = reader.mapping(node, ("of",))
        names = reader.columns(words.get("of"))
        return FirstOf(tuple(Column(name) for name in names))
    value = read_value(reader, node)
    if field.kind == "choice":
        wrong = sorted({text for text in _constants(value) if text not in field.choices})
        for text in wrong:
            reader.fault(node, f"is {text!r}{meant(text, field.choices)}")
    return value


def _as_said(field: TargetField, value: Value) -> TargetField:
    """The field; one that may be untold may lack a value where the mapping says so."""
    if field.untold and "" in _constants(value):
        return replace(field, nullable=True)
    return field


def _constants(value: Value) -> Iterator[str]:
    """Texts that a value may come to, as far as the mapping says them."""
    match value:
        case Constant(text):
            yield text
        case Choice(_, then, otherwise):
            yield from _constants(then)
            yield from _constants(otherwise)
        case Steps(lookup=lookup, otherwise=otherwise, of=of):
            if lookup is None:
                yield from _constants(of)
                return
            yield from lookup.values()
            if otherwise is not None:
                yield from _constants(otherwise)
        case FirstOf(values):
            for each in values:
                yield from _constants(each)
