"""Queries that must find nothing, declared where they stand: the parts of a wing's `offenders.py`.

Who asks them is said elsewhere: `orchestration/checks.py` makes an asset check of each.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

Query = Callable[..., sa.Select[Any]]
Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Offenders:
    """What must not be, as a query; to call it makes the query, one row an offender.

    Attributes:
        check: "asset:name" of the check, the asset being one of the wing.
        holds: what holds where the query finds nothing, a sentence.
        query: makes it.
        warning: a finding is worth a look, and no error.
        blocking: a finding stops what would follow in the same run. The query has an argument, what
            the run wrote, and looks at that alone.
        left_out: what the query passes over, by the names under which it is counted.
    """

    check: str
    holds: str
    query: Query
    warning: bool = False
    blocking: bool = False
    left_out: Mapping[str, Query] = field(default_factory=dict)

    def __call__(self, *of_run: Any) -> sa.Select[Any]:
        """The query."""
        return self.query(*of_run)


def must_not_be(
    check: str,
    holds: str,
    *,
    warning: bool = False,
    blocking: bool = False,
    left_out: Mapping[str, Query] | None = None,
) -> Callable[[Query], Offenders]:
    """Make a check of a query: `@must_not_be("points:finite", "Every value is finite.")`.

    Args:
        check: "asset:name" of the check, as the UI has it without the wing.
        holds: what holds where the query finds nothing, a sentence.
        warning: a finding is worth a look, and no error.
        blocking: a finding stops what would follow; decision 0032 says when that is right.
        left_out: what the query passes over, by the names under which it is counted.
    """

    def declared(query: Query) -> Offenders:
        return Offenders(check, holds, query, warning, blocking, left_out or {})

    return declared


def must_not_be_of(
    things: Iterable[Thing], check: str, holds: str, *, warning: bool = False
) -> Callable[[Callable[[Thing], sa.Select[Any]]], tuple[Offenders, ...]]:
    """Make a check of each thing: `@must_not_be_of(CROPS, "{0.name}:ripe", "All {0.name} are.")`.

    Args:
        things: that the query is asked for.
        check: as of `must_not_be`, with the thing as {0}.
        holds: the same.
        warning: a finding is worth a look, and no error.
    """

    def declared(query: Callable[[Thing], sa.Select[Any]]) -> tuple[Offenders, ...]:
        return tuple(
            Offenders(check.format(each), holds.format(each), partial(query, each), warning)
            for each in things
        )

    return declared
