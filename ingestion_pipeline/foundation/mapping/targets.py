"""What a mapping may make: types of records, their fields, and how a field's text is read.

The domains say what their records are; here is only what all of them have in common. The mapping
says how its source writes numbers and dates; the field decides what becomes of them, so that no
type is ever guessed.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "uuid",
    "text",
    "decimal",
    "double",
    "integer",
    "boolean",
    "object",
    "instant",
    "currency",
    "choice",
]


@dataclass(frozen=True)
class TargetField:
    """A field of a record.

    Attributes:
        kind: what its values are; `object` holds the columns that the mapping lists, `double` is
            what was measured, of any number of digits and also as 1.5e-7, which no amount is.
        required: whether a mapping must say where it is from.
        nullable: whether a record may lack a value of it.
        untold: whether a mapping may say `{is: ""}` of it: the source does not tell it. A blank
            cell says nothing, and its row is refused.
        decimals: of a `decimal`, at most.
        maximum_length: of a text, in characters.
        identity: whether a text is somebody's id, which must not be a shortened number.
        minimum: of a number, inclusive.
        maximum: of a number's amount, exclusive.
        choices: of a `choice`.
        default: where the mapping says nothing.
    """

    name: str
    kind: Kind
    required: bool = True
    nullable: bool = False
    untold: bool = False
    decimals: int = 2
    maximum_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None
    identity: bool = False


@dataclass(frozen=True)
class Target:
    """A type of records.

    Attributes:
        name: as mappings say it.
        key: the field that identifies a record.
        keyed: whether a mapping may name the columns of a natural key instead, of which the key is
            made, with the number of the occurrence in the file.
        sums: an amount, and fields by whose values it is summed for whoever checks a mapping; one
            of them is its currency, as amounts of two are never added.
        sets: fields of which a mapping may say that its records replace those of the same value.
    """

    name: str
    key: str
    fields: tuple[TargetField, ...]
    keyed: bool = False
    sums: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
