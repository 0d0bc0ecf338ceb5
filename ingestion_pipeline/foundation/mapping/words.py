"""The words of the language, as they are understood: values, conditions, and a whole mapping.

    value       where a field's text is from: a column, a constant, the first that is not empty, an
                id, a sum, a choice, …; and what is done to it, in this order: match, split,
                lookup, abs, negate, scale, round, default
    condition   which rows: `{Column: value}`, several in one are "and", a list is "or"

There are no expressions: the list of words is closed, each has its own check and message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from re import Pattern
from typing import Literal
from zoneinfo import ZoneInfo

from ingestion_pipeline.foundation.mapping.faults import Place
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField


@dataclass(frozen=True)
class Column:
    """The text of a column."""

    name: str


@dataclass(frozen=True)
class Constant:
    """`{is: USD}`: always a text."""

    text: str


@dataclass(frozen=True)
class FirstOf:
    """`[A, B]`: the first that is not empty."""

    values: "tuple[Value, ...]"


@dataclass(frozen=True)
class Template:
    """`{text: "{Id}:{Type}"}`: texts and columns, one behind the other."""

    parts: tuple[str | Column, ...]


@dataclass(frozen=True)
class Identity:
    """`{id: [order, Id]}`: a UUID of version 5 of the tenant, the source, the kind and the parts.

    Attributes:
        occurrence: whether equal ones are told apart by their number in the file.
        lower: whether parts are compared without case.
    """

    kind: str
    parts: "tuple[Value, ...]"
    occurrence: bool = False
    lower: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """`sum: [A, -B]` or `product: [A, B]`, exactly; what is empty counts 0 in a sum, and makes a
    product empty. `quotient: [A, B]` stands beside `round`, and is empty where one of them is.

    Attributes:
        terms: each with its sign, 1 or -1.
    """

    word: Literal["sum", "product", "quotient"]
    terms: "tuple[tuple[int, Value], ...]"


@dataclass(frozen=True)
class OverGroup:
    """`first: A` or `total: A`: over the rows of the record."""

    word: Literal["first", "total"]
    of: "Value"


@dataclass(frozen=True)
class Footer:
    """`{footer: Total_Amount}`: what the lines below the table say under this name."""

    name: str


@dataclass(frozen=True)
class Choice:
    """`{when: condition, …, else: …}`."""

    when: "Condition"
    then: "Value"
    otherwise: "Value"


@dataclass(frozen=True)
class Steps:
    """A value, and what is done to it.

    Attributes:
        match: of which the first group is taken; a text that does not match is refused.
        split: (separator, part): a number from 1, `first`, `last` or `rest`.
        lookup: text by text; what it lacks is refused where `otherwise` is None.
        absolute: without its sign.
        negate: whether its sign is turned, or for which rows.
        scale: by how many digits it is moved to the left; -2 makes euros of cents.
        places: to which it is rounded, half to even.
        default: in place of nothing.
        dates: how this field's source writes dates; None: as the mapping says.
        zone: of these dates; `zone_of`: what says it of each row, by a name such as Europe/London.
    """

    of: "Value"
    match: Pattern[str] | None = None
    split: tuple[str | None, str | int] | None = None
    lookup: Mapping[str, str] | None = None
    otherwise: "Value | None" = None
    absolute: bool = False
    negate: "bool | Condition" = False
    scale: int | None = None
    places: int | None = None
    default: str | None = None
    dates: tuple[str, ...] | None = None
    zone: ZoneInfo | None = None
    zone_of: "Value | None" = None


Value = (
    Column | Constant | FirstOf | Template | Identity | Arithmetic | OverGroup | Footer | Choice
    | Steps
)  # fmt: skip


@dataclass(frozen=True)
class Test:
    """What is asked of a column.

    Attributes:
        word: `in`, `not`, `filled`, `blank`, `like`, `below`, `above`, `equals` or `same`.
    """

    column: str
    word: str
    texts: frozenset[str] = frozenset()
    pattern: Pattern[str] | None = None
    number: Decimal = Decimal(0)
    other: str = ""


@dataclass(frozen=True)
class Condition:
    """Any of these, of each of which all must hold."""

    any_of: tuple[tuple[Test, ...], ...]


@dataclass(frozen=True)
class Read:
    """How a file becomes rows of text.

    Attributes:
        encoding: of a file without a mark.
        delimiters: of which the first is meant under which a line holds `find`; `delimiter` is it.
        quote: the character around cells, or None: quotes are characters like others.
        find: columns that the header holds; empty: the first line that says anything.
        stop_first: what the first cell of a footer's first line matches.
        stop_line: what that line matches.
        unwrap: `apostrophe` ('123), `formula` (="123").
        blank: texts that stand for nothing.
    """

    formats: tuple[str, ...] = ("csv",)
    sheet: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    delimiters: tuple[str, ...] = ()
    quote: str | None = '"'
    find: tuple[str, ...] = ()
    stop_first: Pattern[str] | None = None
    stop_line: Pattern[str] | None = None
    unwrap: tuple[str, ...] = ()
    blank: frozenset[str] = frozenset()
    records: str | None = None


@dataclass(frozen=True)
class Numbers:
    """How the source writes numbers.

    Attributes:
        group: signs that may stand between thousands; empty: nothing does.
        symbols: whether a currency's sign or code may stand in front or behind.
    """

    decimal: str = "."
    group: str = ","
    symbols: bool = False


@dataclass(frozen=True)
class Group:
    """Which rows are one record.

    Attributes:
        by: columns; where all are blank, the row is a record of its own.
        adjacent: whether its rows stand together.
        carry: patterns of columns that only the first row has, or `*` for all.
        all_but: patterns of columns that are not carried.
    """

    by: tuple[str, ...]
    adjacent: bool = True
    carry: tuple[str, ...] = ()
    all_but: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fill:
    """Columns of which a blank cell is filled with what stood above it.

    Attributes:
        within: columns: where one of them changes, nothing is known any more.
    """

    columns: tuple[str, ...]
    within: tuple[str, ...]


@dataclass(frozen=True)
class Explode:
    """A packed cell → rows: `Product ID: 1, Product Qty: 2|Product ID: 3, …`."""

    cell: str
    items: str
    pairs: Pattern[str]
    sign: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Unpivot:
    """Some columns of a row → a row of their own: {new column: column}, {new column: text}."""

    columns: Mapping[str, str]
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Check:
    """`equal: [a, b, c]`: a must equal one of the others, give or take `within`.

    Attributes:
        rejects: whether a record for which it fails is rejected; else it is a warning.
        whole_file: whether it is asked once, over all records.
        every_row: whether it is, over all rows, those that are passed over too.
    """

    name: str
    left: Value
    rights: tuple[Value, ...]
    within: Decimal = Decimal(0)
    rejects: bool = False
    whole_file: bool = False
    every_row: bool = False


@dataclass(frozen=True)
class Emit:
    """A record that rows make.

    Attributes:
        label: as the mapping calls it: a target, or `target/label`.
        each_group: whether one is made of a group; else one of each row.
        only_new: whether it never overwrites what is there.
        key: columns of a natural key.
        fields: in the target's order, each with its value.
        replace: the field by which its records are sets: those of a file take the place of all
            that its source told of the same set before; None: each record is one by itself.
    """

    label: str
    target: Target
    each_group: bool
    where: Condition | None
    only_new: bool
    key: tuple[str, ...]
    fields: tuple[tuple[TargetField, Value], ...]
    replace: str | None = None


@dataclass(frozen=True)
class MappedColumn:
    """A column that a mapping names: where it does so first."""

    place: Place
    path: str


@dataclass(frozen=True)
class Mapped:
    """A mapping, understood.

    Attributes:
        source: whose ids these are: two mappings of one source make the same ids.
        header: columns by which a file is recognised; `file_name`: pattern of its name.
        months: languages of the names of months in dates.
        names: {our name: names that the column has had}.
        optional: columns that a file may lack, as where whoever exports it chooses them.
        skip: rows that are passed over, by the name under which they are counted.
        confirm: what it is not certain of: a file that does not tell it is warned of.
        uses: columns that are read, but for those that rows are made of.
        sha256: of what it says, hexadecimal.
        keys: by type of records, hashes of what their ids are made of.
    """

    file: Path
    source: str
    name: str
    emits: tuple[Emit, ...]
    header: tuple[str, ...] = ()
    file_name: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    read: Read = field(default_factory=Read)
    numbers: Numbers = field(default_factory=Numbers)
    dates: tuple[str, ...] = ()
    zone: ZoneInfo | None = None
    months: tuple[str, ...] = ("en",)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    skip: Mapping[str, Condition] = field(default_factory=dict)
    fill: Fill | None = None
    group: Group | None = None
    explode: Explode | None = None
    unpivot: tuple[Unpivot, ...] = ()
    checks: tuple[Check, ...] = ()
    confirm: frozenset[str] = frozenset()
    uses: Mapping[str, MappedColumn] = field(default_factory=dict)
    sha256: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
