"""Conditions of a mapping, read: which rows."""

from decimal import Decimal

from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.words import Condition, Test

_WORDS = ("not", "like", "below", "above", "equals", "same")


def read_condition(reader: Reader, node: Node) -> Condition:
    """`{Column: value, …}`, of which all must hold; of a list of them, any."""
    return Condition(tuple(_all_of(reader, each) for each in reader.items(node)))


def _all_of(reader: Reader, node: Node) -> tuple[Test, ...]:
    tests = reader.mapping(node)
    if isinstance(node.value, dict) and not tests:
        reader.fault(node, "must ask something of a column")
    return tuple(_test(reader, name, each) for name, each in tests.items())


def _test(reader: Reader, name: str, node: Node) -> Test:
    column = reader.column(node, name)
    if not isinstance(node.value, dict):
        if node.value in ("filled", "blank"):
            return Test(column, str(node.value))
        return Test(column, "in", texts=frozenset(_any_text(reader, node)))
    words = reader.mapping(node, _WORDS)
    if len(words) != 1:
        if words or not reader.has_unknown(node, _WORDS):  # which is told already
            reader.fault(node, f"must say one of {', '.join(_WORDS)}")
        return Test(column, "filled")
    [(word, value)] = words.items()
    match word:
        case "not":
            return Test(column, "not", texts=frozenset(_any_text(reader, value)))
        case "like":
            return Test(column, "like", pattern=reader.pattern(value))
        case "same":
            return Test(column, "same", other=reader.column(value))
        case _:
            return Test(column, word, number=reader.number(value, Decimal(0)))


def _any_text(reader: Reader, node: Node) -> list[str]:
    """Texts as written; an empty one is told from a missing one by its quotes."""
    found = []
    for each in reader.items(node):
        if not isinstance(each.value, str) or each.tag == "null":
            reader.fault(each, f"must be a text, and is {each.describe()}")
        else:
            found.append(each.value)
    return found
