"""Values of a mapping, read: where a field's text is from, and what is done to it."""

import re
from collections.abc import Mapping
from typing import Any

from ingestion_pipeline.foundation.mapping.conditions import read_condition
from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.faults import meant
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.words import (
    Arithmetic,
    Choice,
    Column,
    Constant,
    FirstOf,
    Footer,
    Identity,
    OverGroup,
    Steps,
    Template,
    Value,
)

_SOURCES = (
    "of", "is", "setting", "text", "id", "sum", "product", "quotient", "first", "total", "footer",
)  # fmt: skip
_STEPS = ("match", "split", "lookup", "abs", "negate", "scale", "round", "default", "date", "zone")
WORDS = (*_SOURCES, *_STEPS, "when", "else", "occurrence", "lower")
_ONLY_WITH = {"occurrence": ("id",), "lower": ("id",), "else": ("when", "lookup")}
_IN_TEXT = re.compile(r"\{([^{}]*)\}")
_NOTHING = Constant("")


def read_value(reader: Reader, node: Node) -> Value:
    """A value: a column, a list of values, or a mapping of words."""
    if isinstance(node.value, str):
        return Column(reader.column(node))
    if isinstance(node.value, tuple):
        return FirstOf(tuple(read_value(reader, each) for each in reader.items(node)))
    words = reader.mapping(node, WORDS, instead={"then": "of"})
    for word, others in _ONLY_WITH.items():
        if word in words and not any(each in words for each in others):
            reader.fault(words[word], f"stands only beside {' or '.join(others)}")
    if "when" not in words:
        return _steps(reader, node, words)
    rest = {word: each for word, each in words.items() if word not in ("when", "else")}
    otherwise = read_value(reader, words["else"]) if "else" in words else _NOTHING
    then = _steps(reader, node, rest)
    return Choice(read_condition(reader, words["when"]), then, otherwise)


def _steps(reader: Reader, node: Node, words: Mapping[str, Node]) -> Value:
    said = [word for word in _SOURCES if word in words]
    if len(said) != 1:
        found = f"; it has {' and '.join(said)}" if said else ""
        if said or not reader.has_unknown(node, WORDS):  # which is told already
            rule = f"must say where its text is from, by one of {', '.join(_SOURCES)}{found}"
            reader.fault(node, rule)
        return _NOTHING
    of = _source(reader, said[0], words[said[0]], words)
    if not any(word in words for word in _STEPS):
        return of
    negate = words.get("negate")
    return Steps(
        of=of,
        match=reader.pattern(words["match"]) if "match" in words else None,
        split=_split(reader, words["split"]) if "split" in words else None,
        lookup=_lookup(reader, words["lookup"]) if "lookup" in words else None,
        otherwise=_otherwise(reader, words),
        absolute=reader.flag(words.get("abs")),
        negate=(
            read_condition(reader, negate)
            if negate is not None and not isinstance(negate.value, str)
            else reader.flag(negate)
        ),
        scale=reader.whole(words["scale"], least=-12, most=12) if "scale" in words else None,
        places=reader.whole(words["round"], least=0, most=8) if "round" in words else None,
        default=reader.text(words["default"]) if "default" in words else None,
        dates=reader.dates(words["date"]) if "date" in words else None,
        **_zone(reader, words.get("zone")),
    )


def _source(reader: Reader, word: str, node: Node, words: Mapping[str, Node]) -> Value:
    match word:
        case "of":
            return read_value(reader, node)
        case "is":
            return Constant(_constant(reader, node))
        case "setting":
            return Constant(_setting(reader, node))
        case "text":
            return _template(reader, node)
        case "id":
            return _identity(reader, node, words)
        case "sum" | "product" | "quotient":
            terms = tuple(_term(reader, each) for each in reader.items(node))
            if word == "quotient" and (len(terms) != 2 or "round" not in words):
                reader.fault(node, "must be [A, B], and stand beside round: how many decimals")
            return Arithmetic(word, terms)
        case "footer":
            return Footer(reader.text(node))
        case _:
            return OverGroup("first" if word == "first" else "total", read_value(reader, node))


def _constant(reader: Reader, node: Node) -> str:
    """A text as it was written; one may say that a field is always empty: `{is: ""}`."""
    if isinstance(node.value, str) and node.tag != "null":
        return node.value
    reader.fault(node, f"must be a text, and is {node.describe()}")
    return ""


def _setting(reader: Reader, node: Node) -> str:
    """What the mapping's settings say under a name."""
    name = reader.text(node)
    if name and name not in reader.settings:
        reader.fault(node, f"is {name!r}{meant(name, reader.settings)} (settings)")
    return reader.settings.get(name, "")


def _template(reader: Reader, node: Node) -> Value:
    text = reader.text(node)
    parts: list[str | Column] = []
    at = 0
    for found in _IN_TEXT.finditer(text):
        parts += [text[at : found.start()], Column(reader.column(node, found[1]))]
        at = found.end()
    parts.append(text[at:])
    if not any(isinstance(each, Column) for each in parts):
        reader.fault(node, "names no column, as {Column} would; a constant is {is: …}")
    return Template(tuple(each for each in parts if each != ""))


def _identity(reader: Reader, node: Node, words: Mapping[str, Node]) -> Value:
    kind, *parts = reader.items(node)
    if not parts:
        reader.fault(node, "must be a kind and the parts of the id, as in [order, Id]")
    return Identity(
        reader.text(kind),
        tuple(read_value(reader, each) for each in parts),
        occurrence=reader.flag(words.get("occurrence")),
        lower=reader.flag(words.get("lower")),
    )


def _term(reader: Reader, node: Node) -> tuple[int, Value]:
    """A value; a minus in front of a column's name turns its sign."""
    if isinstance(node.value, str) and node.value.startswith("-"):
        return -1, Column(reader.column(node, node.value[1:].strip()))
    return 1, read_value(reader, node)


def _split(reader: Reader, node: Node) -> tuple[str | None, str | int]:
    words = reader.mapping(node, ("by", "part"))
    by = words.get("by")
    separator = by.value if by is not None and isinstance(by.value, str) and by.value else None
    part = words.get("part")
    if part is None:
        reader.fault(node, "must say which part: a number from 1, first, last or rest")
        return separator, 1
    if part.value in ("first", "last", "rest"):
        return separator, str(part.value)
    return separator, reader.whole(part, least=1, most=1000)


def _lookup(reader: Reader, node: Node) -> Mapping[str, str]:
    return {key: _constant(reader, each) for key, each in reader.mapping(node).items()}


def _zone(reader: Reader, node: Node | None) -> dict[str, Any]:
    """A zone by its name, or a value that says it of each row: of a lookup, all names are known."""
    if node is None or isinstance(node.value, str):
        return {"zone": reader.zone(node)}
    for each in reader.items(reader.mapping(node, WORDS).get("lookup")):
        for name in reader.mapping(each).values():
            reader.zone(name)
    return {"zone_of": read_value(reader, node)}


def _otherwise(reader: Reader, words: Mapping[str, Node]) -> Value | None:
    """What stands for a text that a lookup lacks; without it such a text is refused."""
    node = words.get("else")
    if node is None or "lookup" not in words:
        return None
    if isinstance(node.value, str) and node.value not in reader.uses:
        reader.fault(node, f"names a column; a constant is {{is: {node.value}}}")
    return read_value(reader, node)
