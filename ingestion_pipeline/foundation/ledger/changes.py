"""The lake's marks in the ledger of changed parts, besides those that triggers make.

Of a table a mark with the day `infinity`, of tenant 0 and no key, stands for all there is: whoever
begins to write a lake begins with these (migrations 0036 and 0041).
"""

from datetime import date

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.changes import changed_parts

LAKE = "lake"
BATCH = 10_000

_IS_CROWDED = sa.text("""
    SELECT EXISTS (SELECT FROM changed_parts WHERE reader = :lake GROUP BY source
                   HAVING count(*) > 1 OR bool_or((tenant_id, key, day) <> (0, '', 'infinity')))
""")
_NEWEST = sa.text("SELECT coalesce(max(change_id), 0) FROM changed_parts")
# In one statement: what is deleted is covered by a mark that is there from the same instant on.
_SUM_UP = sa.text("""
    WITH next AS MATERIALIZED (
        SELECT change_id, source FROM changed_parts
        WHERE reader = :lake AND change_id > :after AND change_id <= :newest
        ORDER BY change_id LIMIT :batch
    ), gone AS (
        DELETE FROM changed_parts USING next WHERE changed_parts.change_id = next.change_id
    ), every AS (
        INSERT INTO changed_parts (reader, source, tenant_id, key, day)
        SELECT DISTINCT :lake, source, 0, '', CAST('infinity' AS date) FROM next)
    SELECT count(*), max(change_id) FROM next
""")


def mark_day(connection: sa.Connection, source: str, *, key: str, day: date) -> None:
    """Say that rows of a UTC day were written past the triggers, in their own transaction."""
    connection.execute(
        sa.insert(changed_parts).values(reader=LAKE, source=source, tenant_id=0, key=key, day=day)
    )


def sum_up(engine: sa.Engine) -> int:
    """Put one mark a table in place of all: where there is no lake, nobody takes them away.

    Safe beside writers, whose marks it may see or not, and at any moment to be killed: each batch
    is a transaction with marks of its own. Returns how many it put away.
    """
    with engine.connect() as connection:
        if not connection.scalar(_IS_CROWDED, {"lake": LAKE}):
            return 0
    total, left = 0, BATCH
    while left >= BATCH:  # again, for the marks that the batches made
        left = _pass(engine)
        total += left
    return total


def _pass(engine: sa.Engine) -> int:
    """Sum up, batch by batch, what is there now; how many marks that was."""
    with engine.connect() as connection:
        newest = connection.scalar(_NEWEST)
    total, after, number = 0, 0, BATCH
    while number == BATCH:
        values = {"lake": LAKE, "newest": newest, "after": after, "batch": BATCH}
        with engine.begin() as connection:
            number, after = connection.execute(_SUM_UP, values).one()
        total += number
    return total
