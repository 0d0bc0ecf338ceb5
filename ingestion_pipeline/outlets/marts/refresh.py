"""Changed parts → marts, in bounded pieces: each piece one transaction, REPEATABLE READ.

A piece deletes the rows of `changed_parts` that its snapshot has, and works these parts out anew
from the same snapshot. So a part is told done exactly where everything is in that made it due:
what commits later has put a row of its own, which this snapshot does not see. Killed anywhere, the
piece has not been. Of what is made together one refresh works at a time (the lock is taken before
the snapshot, so the second never sees what the first is about to delete).
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.foundation.storage import locks

Make = Callable[[sa.Connection, str], int]


_NEWEST = sa.text("SELECT coalesce(max(change_id), 0) FROM changed_parts WHERE reader = 'marts'")
_IS_MARKED = sa.text("""
    SELECT EXISTS (SELECT FROM changed_parts
                   WHERE reader = 'marts' AND source = :source AND day = 'infinity')
""")
_TAKE = sa.text("""
    WITH due AS (
        SELECT DISTINCT tenant_id, key, day FROM changed_parts
        WHERE reader = 'marts' AND source = :source AND change_id <= :newest
          AND day >= CAST(:first AS date) AND day <= CAST(:last AS date) AND day < 'infinity'
        ORDER BY tenant_id, key, day LIMIT :most),
    taken AS (
        DELETE FROM changed_parts AS change USING due
        WHERE change.reader = 'marts' AND change.source = :source AND change.day = due.day
          AND change.tenant_id = due.tenant_id AND change.key = due.key)
    SELECT CAST(json_agg(due) AS text), count(*) FROM due
""")


@dataclass(frozen=True)
class Mart:
    """Tables that are made together of one source.

    Attributes:
        name: of the lock.
        source: `changed_parts.source`.
        most: parts of a piece.
        everything: a query of all parts there are, of the source and of what is made:
            tenant_id, key, day.
        make: works parts out anew: given them as a JSON array of {tenant_id, key, day}, each once;
            returns how many rows it wrote.
    """

    name: str
    source: str
    most: int
    everything: str
    make: Make


@dataclass
class Refreshed:
    """What a refresh did."""

    parts: int = 0
    rows: int = 0
    pieces: int = 0


def refresh(
    engine: sa.Engine, mart: Mart, *, first: str = "-infinity", last: str = "infinity"
) -> Refreshed:
    """Work out what had changed when it began.

    Args:
        engine: of the database.
        mart: what.
        first: the first day, ISO 8601 or -infinity; of parts.
        last: the last one, inclusive; ISO 8601 or infinity.
    """
    done = Refreshed()
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
    with (
        snapshot.connect() as connection,
        locks.held_by_session(connection, locks.REFRESHING_MART.of(mart.name)),
    ):
        with connection.begin():
            _take_apart(connection, mart)
        with connection.begin():
            newest = connection.execute(_NEWEST).scalar_one()
        of_piece = {
            "source": mart.source, "newest": newest, "first": first, "last": last,
            "most": mart.most,
        }  # fmt: skip
        while True:
            with connection.begin():
                parts, number = connection.execute(_TAKE, of_piece).one()
                if not number:
                    return done
                done.rows += mart.make(connection, parts)
            done.parts += number
            done.pieces += 1


def mark(
    engine: sa.Engine, mart: Mart, *, first: str = "-infinity", last: str = "infinity"
) -> None:
    """Have all parts of some days worked out anew by the next refresh of them."""
    with engine.begin() as connection:
        connection.execute(
            sa.text(f"""
                INSERT INTO changed_parts (source, tenant_id, key, day)
                SELECT DISTINCT :source, tenant_id, key, day FROM ({mart.everything}) AS part
                WHERE day >= CAST(:first AS date) AND day <= CAST(:last AS date)
            """),  # noqa: S608
            {"source": mart.source, "first": first, "last": last},
        )


def _take_apart(connection: sa.Connection, mart: Mart) -> None:
    """Put parts of their own in place of marks that stand for all days."""
    if not connection.scalar(_IS_MARKED, {"source": mart.source}):
        return
    connection.execute(
        sa.text(f"""
            WITH gone AS (
                DELETE FROM changed_parts
                WHERE reader = 'marts' AND source = :source AND day = 'infinity'
                RETURNING tenant_id, key)
            INSERT INTO changed_parts (source, tenant_id, key, day)
            SELECT DISTINCT :source, tenant_id, key, day FROM ({mart.everything}) AS part
            WHERE EXISTS (SELECT FROM gone
                          WHERE gone.tenant_id IN (0, part.tenant_id)
                            AND gone.key IN ('', part.key))
        """),  # noqa: S608
        {"source": mart.source},
    )
