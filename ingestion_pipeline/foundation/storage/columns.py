"""Columns that tables of every domain have, in a word each; all others are `sa.Column`.

Each is NOT NULL unless it says `nullable=True`, and each says what it holds: `comment`, see
wording.py.
"""

from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

TIMESTAMP = sa.DateTime(timezone=True)


class _Word(Protocol):
    def __call__(
        self,
        name: str,
        *,
        comment: str,
        nullable: bool = False,
        primary_key: bool = False,
        default: Any = None,
    ) -> sa.Column[Any]:
        """A column of a type; `default` is what the database puts where nothing is said."""


def _word(type_: Any) -> _Word:
    def column(
        name: str,
        *,
        comment: str,
        nullable: bool = False,
        primary_key: bool = False,
        default: Any = None,
    ) -> sa.Column[Any]:
        return sa.Column(
            name,
            type_,
            nullable=nullable,
            primary_key=primary_key,
            autoincrement=False if primary_key else "auto",
            server_default=default,
            comment=comment,
        )

    return column


text = _word(sa.Text)
integer = _word(sa.Integer)
bigint = _word(sa.BigInteger)
double = _word(sa.Double)
boolean = _word(sa.Boolean)
date = _word(sa.Date)
timestamp = _word(TIMESTAMP)
json = _word(JSONB(none_as_null=True))  # None is NULL, never the document `null`


def identity(name: str, *, comment: str) -> sa.Column[Any]:
    """The primary key, a number of 8 bytes that the database gives."""
    return sa.Column(
        name, sa.BigInteger, sa.Identity(always=True), primary_key=True, comment=comment
    )


def now(name: str, *, comment: str) -> sa.Column[Any]:
    """An instant: when the row's transaction began, where nothing else is said."""
    return timestamp(name, comment=comment, default=sa.func.now())


def count(name: str, type_: Any = sa.BigInteger, *, comment: str) -> sa.Column[Any]:
    """A number of things, from 0."""
    return sa.Column(name, type_, nullable=False, server_default="0", comment=comment)
