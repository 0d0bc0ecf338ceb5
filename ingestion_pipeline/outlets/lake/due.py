"""What is due of a table of the lake: its partitions in the ledger of changed parts.

A mark with the day `infinity` stands for all partitions (of a tenant, of a key): it is taken apart
into those that the table has rows of and those that the lake has files of, so that rows which have
gone in between go from the lake, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingestion_pipeline.outlets.lake import columns as columns_of_lake
from ingestion_pipeline.outlets.lake.columns import Column
from ingestion_pipeline.outlets.lake.partitions import (
    NO_TIME,
    ORDINALS,
    Partition,
    of_row,
)
from ingestion_pipeline.outlets.lake.tables import Grain, LakeTable, Whose

if TYPE_CHECKING:
    from pyiceberg.table import Table

MOST = 64  # partitions of a piece, or a few more: one snapshot, and one commit a namespace

_IS_MARKED = sa.text("""
    SELECT DISTINCT tenant_id, key FROM changed_parts
    WHERE reader = 'lake' AND source = :source AND day = 'infinity'
""")
_OF_PARTS = """
    WHERE reader = 'lake' AND source = :source
      AND (tenant_id, key, day) IN (
          SELECT * FROM unnest(CAST(:tenants AS integer[]), CAST(:keys AS text[]),
                               CAST(:days AS date[])))
"""
_DONE = sa.text(f"DELETE FROM changed_parts {_OF_PARTS}")  # noqa: S608
_REFUSED = sa.text(f"UPDATE changed_parts SET refused = :why {_OF_PARTS}")  # noqa: S608
_ADD = sa.text("""
    INSERT INTO changed_parts (reader, source, tenant_id, key, day)
    SELECT DISTINCT 'lake', :source, * FROM unnest(
        CAST(:tenants AS integer[]), CAST(:keys AS text[]), CAST(:days AS date[]))
""")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, order=True)
class Due:
    """A partition that is due.

    Attributes:
        tenant_id: whose rows have changed; 0: a site's, everybody's, or nobody's.
        partition: of the table.
    """

    tenant_id: int
    partition: Partition


def next_due(
    connection: sa.Connection, table: LakeTable, after: Due | None, *, together: bool
) -> list[Due]:
    """The partitions that are due in the connection's snapshot, in order, a piece of them.

    Args:
        connection: that has the snapshot.
        table: whose.
        after: the last one of the piece before.
        together: rows may move from one partition to another, and all of a tenant are in one piece,
            and so in one commit: or somebody sees such a row in both, or in none.
    """
    ordinal = ORDINALS[table.grain.value] if table.time else "CAST(NULL AS integer)"
    last = (after.tenant_id, after.partition.key, after.partition.day) if after else None
    beyond = "(tenant_id, key, day) > (:tenant, :key, CAST(:day AS date))" if last else "true"
    piece = f"ORDER BY tenant_id, key, day LIMIT {MOST}"
    if together:
        beyond = "tenant_id > :tenant" if last else "true"
        piece = f"ORDER BY tenant_id FETCH FIRST {MOST} ROWS WITH TIES"
    found = connection.execute(
        sa.text(f"""
            SELECT tenant_id, key, CAST(day AS text), {ordinal}
            FROM (SELECT DISTINCT tenant_id, key, day FROM changed_parts
                  WHERE reader = 'lake' AND source = :source AND day < 'infinity' AND {beyond}
                  {piece}) AS due
            ORDER BY tenant_id, key, due.day
        """),  # noqa: S608
        {"source": table.name, **dict(zip(("tenant", "key", "day"), last or (), strict=False))},
    )
    return [Due(tenant, Partition(key, day, number)) for tenant, key, day, number in found]


def done(connection: sa.Connection, table: LakeTable, parts: Iterable[Due]) -> None:
    """Remove the marks of partitions, as far as the connection's snapshot has them."""
    if parts := list(parts):
        connection.execute(_DONE, _named(table, parts))


def refused(connection: sa.Connection, table: LakeTable, part: Due, why: str) -> None:
    """Say at a partition's marks why it could not be written."""
    connection.execute(_REFUSED, {**_named(table, [part]), "why": why})


def mark(connection: sa.Connection, table: LakeTable) -> None:
    """Have all partitions written anew."""
    all_of_it = Due(0, Partition("", "infinity", None))
    connection.execute(_ADD, _named(table, [all_of_it]))


def follow(engine: sa.Engine, table: LakeTable, found: "Table", columns: list[Column]) -> None:
    """Give a table of the lake the columns of the database's, and have it written anew for them."""

    def mark_all() -> None:
        with engine.begin() as connection:
            mark(connection, table)

    columns_of_lake.follow(found, columns, mark=mark_all)


def marked_whole(connection: sa.Connection, table: LakeTable) -> list[tuple[int, str]]:
    """Whose partitions are marked as a whole: tenants (0: all) and keys (empty: all)."""
    return [tuple(row) for row in connection.execute(_IS_MARKED, {"source": table.name})]


def take_apart(
    connection: sa.Connection, table: LakeTable, types: dict[str, str], in_lake: Iterable[Due]
) -> None:
    """Put partitions of their own in place of the marks that stand for all.

    Args:
        connection: in a transaction, REPEATABLE READ.
        table: whose.
        types: of its columns, by name.
        in_lake: what the lake has files of.
    """
    whose = {
        Whose.TENANTS: "coalesce(tenant_id, 0)", Whose.SITES: "0", Whose.EVERYBODY: "0"
    }[table.whose]  # fmt: skip
    key, day = of_row(table, types)
    every = f"SELECT DISTINCT {whose} AS tenant_id, {key} AS key, {day} AS day FROM {table.name}"  # noqa: S608
    if parts := list(in_lake):
        connection.execute(_ADD, _named(table, parts))
    connection.execute(
        sa.text(f"""
            WITH gone AS (
                DELETE FROM changed_parts
                WHERE reader = 'lake' AND source = :source AND day = 'infinity'
                RETURNING tenant_id, key)
            INSERT INTO changed_parts (reader, source, tenant_id, key, day)
            SELECT 'lake', :source, tenant_id, key, day FROM ({every}) AS part
            WHERE EXISTS (SELECT FROM gone
                          WHERE gone.tenant_id IN (0, part.tenant_id)
                            AND gone.key IN ('', part.key))
        """),  # noqa: S608
        {"source": table.name},
    )


def day_of(table: LakeTable, ordinal: int | None) -> str:
    """The first day of a partition, from the lake's number of it."""
    if ordinal is None:
        return NO_TIME
    if table.grain is Grain.DAY:
        return (_EPOCH + timedelta(days=ordinal)).isoformat()
    if table.grain is Grain.YEAR:
        return date(1970 + ordinal, 1, 1).isoformat()
    years, month = divmod(ordinal, 12)
    return date(1970 + years, month + 1, 1).isoformat()


def _named(table: LakeTable, parts: list[Due]) -> dict[str, object]:
    return {
        "source": table.name,
        "tenants": [part.tenant_id for part in parts],
        "keys": [part.partition.key for part in parts],
        "days": [part.partition.day for part in parts],
    }
