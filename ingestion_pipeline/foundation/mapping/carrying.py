"""What values are made of: what is carried from a record's first row into its others and must not
be totalled, what counts rows, what the lines below the rows have to say.
"""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass

from ingestion_pipeline.foundation.mapping.documents import Node
from ingestion_pipeline.foundation.mapping.reader import Reader
from ingestion_pipeline.foundation.mapping.words import (
    Arithmetic,
    Choice,
    Column,
    FirstOf,
    Footer,
    Group,
    Identity,
    OverGroup,
    Steps,
    Value,
)


def refuse_totals(reader: Reader, node: Node, value: Value, group: Group | None) -> None:
    """Note a total of a carried column: it would count once a row."""
    for name in totalled(value) if group is not None else ():
        if group is not None and carries(group, name):
            rule = f"totals {name!r}, which is carried from a record's first row into the others"
            way_out = f"take it out of `carry` and use {{first: {name}}}"
            reader.fault(node, f"{rule}: it would count once a row; {way_out}")


def carries(group: Group, column: str) -> bool:
    """Whether a column's value is taken from the record's first row where it is blank."""
    if not any(fnmatch.fnmatchcase(column, each) for each in group.carry):
        return False
    return not any(fnmatch.fnmatchcase(column, each) for each in group.all_but)


def counts_rows(value: object) -> bool:
    """Whether a row's cell of a value depends on how many rows came before it."""
    if isinstance(value, Identity) and value.occurrence:
        return True
    if isinstance(value, tuple):
        return any(map(counts_rows, value))
    return is_dataclass(value) and any(counts_rows(each) for each in vars(value).values())


def totalled(value: Value, *, within: bool = False) -> Iterator[str]:
    """Columns of which a value makes totals."""
    match value:
        case Column(name):
            if within:
                yield name
        case OverGroup(word, of):
            yield from totalled(of, within=within or word == "total")
        case Arithmetic(_, terms):
            for _, each in terms:
                yield from totalled(each, within=within)
        case FirstOf(values):
            for each in values:
                yield from totalled(each, within=within)
        case Choice(_, then, otherwise):
            yield from totalled(then, within=within)
            yield from totalled(otherwise, within=within)
        case Steps(of=of):
            yield from totalled(of, within=within)


def unsaid(value: Value, footer: Mapping[str, str]) -> str | None:
    """A name that a value needs of the lines below the rows, and that these don't say."""
    match value:
        case Footer(name):
            return None if footer.get(name) else name
        case FirstOf(values):
            names = [unsaid(each, footer) for each in values]
            return None if None in names else names[0]
        case Arithmetic(_, terms):
            return next(filter(None, (unsaid(each, footer) for _, each in terms)), None)
        case OverGroup(_, of):
            return unsaid(of, footer)
        case Steps(of=of, default=None):
            return unsaid(of, footer)
    return None
