"""Every advisory lock of the project, named once: what one may do only while nobody else does.

Here belong their numbers and names, and the only calls of `pg_advisory_*` of the package (a test
holds both): two who pick "any number" each for themselves wait for strangers, as the alerts once
waited for the publisher of KPIs. A lock is a number (`Lock`), or one for each member of a family
(`Family`), whose 64 bits PostgreSQL hashes from the name. Who may lock at all: `roles.py`.

<https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True)
class Lock:
    """Something that one does at a time.

    Attributes:
        number: the lock's, 64 bits; never changed, because two releases run side by side for a
            while.
    """

    number: int

    @property
    def key(self) -> sa.ColumnElement[int]:
        """The number, as PostgreSQL is asked for it."""
        return sa.literal(self.number, sa.BigInteger)


@dataclass(frozen=True)
class Family:
    """Locks of one kind, one for each thing that is worked on.

    Attributes:
        prefix: what all their names begin with, and no other family's.
        seed: of the hash; families of different seeds never meet.
    """

    prefix: str
    seed: int = 0

    def of(self, which: str) -> "Named":
        """The lock of one thing."""
        return Named(self.prefix + which, self.seed)


@dataclass(frozen=True)
class Named:
    """A lock of a family."""

    name: str
    seed: int

    @property
    def key(self) -> sa.ColumnElement[int]:
        """The hash of the name, which PostgreSQL computes."""
        return sa.func.hashtextextended(self.name, self.seed, type_=sa.BigInteger)


MIGRATING = Lock(7_310_281_541_402_211)
PUBLISHING_KPIS = Lock(7_310_281_541_402_212)
REFRESHING_MARKETS = Lock(7_310_281_541_402_213)
TELLING_ALERTS = Lock(7_310_281_541_402_214)
ORDERING_WARMING = Lock(7_310_281_541_402_215)
FOLLOWING_LIMITS = Lock(7_310_281_541_402_216)

TAKING_ROOM = Family("quota/")  # a tenant, before any other lock of a transaction
MERGING_COMMERCE = Family("commerce/")  # a tenant's table
COLLECTING_WINDOW = Family("buildings/checkpoint:")
CHANGING_MONTHS = Family("buildings/months").of("")
OF_DAY = {what: Family(f"buildings/{what}/") for what in ("aggregates", "coverage", "alerts")}
CLAIMING_IMPORT = Family("book_sales.import.")  # a platform
LOADING_SALES = Family("book_sales:")  # a tenant's platform
SUMMARIZING_SALES = Family("", seed=1)  # a platform


def hold(connection: sa.Connection, lock: Lock | Named) -> None:
    """Wait for a lock and hold it until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(lock.key)))


def try_hold(connection: sa.Connection, lock: Lock | Named) -> bool:
    """Hold a lock until the transaction ends, if nobody else does; whether we do."""
    return bool(connection.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(lock.key))))


@contextmanager
def held_by_session(connection: sa.Connection, lock: Lock | Named) -> Iterator[int]:
    """Wait for a lock and hold it over transactions; yields its number. A dead process holds none.

    On a connection that is in no transaction: nothing else waits meanwhile for one of ours to end.
    """
    with connection.begin():
        number: int = connection.scalars(sa.select(lock.key)).one()
        connection.execute(sa.select(sa.func.pg_advisory_lock(number)))
    try:
        yield number
    finally:
        if not connection.closed and not connection.invalidated:
            if connection.in_transaction():
                connection.rollback()
            with connection.begin():
                connection.execute(sa.select(sa.func.pg_advisory_unlock(number)))
