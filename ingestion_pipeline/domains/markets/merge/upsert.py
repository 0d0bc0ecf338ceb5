"""The upsert of markets: a row that was sent later replaces one sent earlier, never the reverse.

Events may be applied out of order (a failed one is tried again later), so the order is that in
which they were sent. What stays as it was keeps its version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

_ORIGIN = ("source", "ingestion_id", "sent_at", "version", "updated_at")


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write rows by primary key; how many were not older than what was there.

    Args:
        connection: within a transaction.
        table: one with the columns of an origin, see `tables.py`.
        rows: of different primary keys.
    """
    keys = [column.name for column in table.primary_key]
    ordered = sorted(rows, key=lambda row: [row[name] for name in keys])  # locks in one order
    statement = insert(table).values(ordered)
    new = statement.excluded
    facts = [name for name in ordered[0] if name not in (*keys, *_ORIGIN)]
    changed = sa.tuple_(*(table.c[name] for name in facts)).is_distinct_from(
        sa.tuple_(*(new[name] for name in facts))
    )
    changes: dict[str, Any] = {name: new[name] for name in ordered[0] if name not in keys}
    changes["version"] = table.c.version + sa.cast(changed, sa.Integer)
    changes["updated_at"] = sa.case((changed, sa.func.now()), else_=table.c.updated_at)
    statement = statement.on_conflict_do_update(
        index_elements=keys, set_=changes, where=new.sent_at >= table.c.sent_at
    )
    return len(connection.execute(statement.returning(table.c.version)).all())
