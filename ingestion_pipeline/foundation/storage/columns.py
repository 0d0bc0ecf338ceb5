"""Columns that tables of every domain have, in a word each; all others are `sa.Column`.

Each is NOT NULL unless it says `nullable=True`, and each says what it holds: `comment`, see
wording.py.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

TIMESTAMP = sa.DateTime(timezone=True)


def identity(name: str, *, comment: str) -> sa.Column[Any]:
    """The primary key, a number of 8 bytes that the database gives."""
    return sa.Column(
        name, sa.BigInteger, sa.Identity(always=True), primary_key=True, comment=comment
    )


def timestamp(
    name: str, *, comment: str, nullable: bool = False, primary_key: bool = False
) -> sa.Column[Any]:
    """An instant, to the microsecond."""
    return sa.Column(name, TIMESTAMP, nullable=nullable, primary_key=primary_key, comment=comment)


def now(name: str, *, comment: str) -> sa.Column[Any]:
    """An instant: when the row's transaction began, where nothing else is said."""
    return sa.Column(name, TIMESTAMP, nullable=False, server_default=sa.func.now(), comment=comment)


def double(name: str, *, comment: str, nullable: bool = False) -> sa.Column[Any]:
    """A floating point number of 8 bytes."""
    return sa.Column(name, sa.Double, nullable=nullable, comment=comment)


def count(name: str, type_: Any = sa.BigInteger, *, comment: str) -> sa.Column[Any]:
    """A number of things, from 0."""
    return sa.Column(name, type_, nullable=False, server_default="0", comment=comment)


def json(
    name: str, *, comment: str, nullable: bool = False, default: str | None = None
) -> sa.Column[Any]:
    """A JSON document; None is NULL, never the document `null`."""
    return sa.Column(
        name, JSONB(none_as_null=True), nullable=nullable, server_default=default, comment=comment
    )
