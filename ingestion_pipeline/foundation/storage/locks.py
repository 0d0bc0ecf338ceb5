"""Every advisory lock of the project, named once: what one may do only while nobody else does.

Here belong their numbers and names, and the only calls of `pg_advisory_*` of the package (a test
holds both): two who pick "any number" each for themselves wait for strangers, as the alerts once
waited for the publisher of KPIs. A lock is a number (`Lock`), or one for each member of a family
(`Family`), whose 64 bits PostgreSQL hashes from the name. Who may lock at all: `roles.py`.

<https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS>
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import TransientError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
# Who waits for a lock on a table makes all wait who come later. So it gives up soon, and before
# PostgreSQL looks for deadlocks (after a second), whose victim might be a request.
_LOCK_TIMEOUT_MS = 400
_LOCK_PAUSE, _LONGEST_LOCK_PAUSE = 0.2, 3.0
_LOCK_PATIENCE = 300.0


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
LOADING_SAMPLES = Family("buildings/files/")  # a site
COLLECTING_SERIES = Family("series/")  # a window of an API that a file describes
CHANGING_MONTHS = Family("buildings/months").of("")
OF_DAY = {what: Family(f"buildings/{what}/") for what in ("aggregates", "coverage", "alerts")}
CLAIMING_IMPORT = Family("book_sales.import.")  # a platform
LOADING_SALES = Family("book_sales:")  # a tenant's platform
SUMMARIZING_SALES = Family("", seed=1)  # a platform
REFRESHING_MART = Family("marts/")  # what is made together
WRITING_LAKE = Family("lake/")  # a table


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


def under_lock(database: sa.Engine, work: Callable[[sa.Connection], Result]) -> Result:
    """Change the schema in one transaction, nobody else doing so meanwhile.

    It never waits for a table longer than a moment: it gives up, lets the others go on, and tries
    again, for five minutes. So `work` takes all its locks in its first statement.

    Raises:
        TransientError: the tables were in use all the time; who used them is in the message.
    """
    deadline = time.monotonic() + _LOCK_PATIENCE
    pause = _LOCK_PAUSE
    while True:
        try:
            with database.begin() as connection:
                hold(connection, MIGRATING)
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT_MS}")
                return work(connection)
        except sa.exc.OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
        users = _users(database)
        if time.monotonic() > deadline:
            raise TransientError(f"the tables are in use all the time, by {users}")
        logger.warning("the tables are in use, by %s; trying again", users)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_LOCK_PAUSE)


def _users(database: sa.Engine) -> str:
    """Who has had a transaction open for longest, for people to read."""
    query = sa.text("""
        SELECT format('%s (pid %s, for %s s)', application_name, pid,
                      round(extract(epoch FROM clock_timestamp() - xact_start)))
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
        ORDER BY xact_start LIMIT 3
    """)
    with database.connect() as connection:
        return ", ".join(connection.scalars(query)) or "nobody that we may see"
