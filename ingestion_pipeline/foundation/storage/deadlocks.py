"""Deadlocks: PostgreSQL ends one transaction of a circle, and whoever it was does its work again.

Who writes a batch takes locks in one order, so that there is no circle. A file of any length is
written batch by batch within one transaction, and holds what its first batch has locked while its
second one begins: beside it there may be circles, and its victim may be a request.
<https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS>
"""

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

MOST_TIMES = 20  # each circle lasts a second until it is seen
_DEADLOCK = "40P01"

Result = TypeVar("Result")


def is_deadlock(error: BaseException) -> bool:
    """Whether a transaction was ended because it stood in a circle: all of it is undone."""
    return (
        isinstance(error, sa.exc.DBAPIError)
        and getattr(error.orig, "sqlstate", None) == _DEADLOCK
    )  # fmt: skip


def again_after_deadlocks(work: Callable[[], Result]) -> Result:
    """Do what is one transaction, again where it was the victim of a circle."""
    for _ in range(MOST_TIMES - 1):
        try:
            return work()
        except sa.exc.DBAPIError as error:
            if not is_deadlock(error):
                raise
    return work()
