"""What is different where a mapping made the rows.

Their place in the order of arrival is that of the mapped file, which may have come before files
that were loaded meanwhile. Rows that were made on the side (`only_new`: a product that only an
order names) never change what is there, and give way to whatever is told in full, also earlier.
The items of an order may be exactly those of one file (`order_item_sets`).

For other files all of this costs one comparison of numbers a row, as before.
"""

import logging
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, ORDER_ITEMS, Entity
from ingestion_pipeline.domains.commerce.tables import ARRIVED, FINAL, WAITING, order_item_sets
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.uploads import Upload

logger = logging.getLogger(__name__)


def _place(table: sa.FromClause) -> sa.ColumnElement[int]:
    return sa.func.coalesce(table.c.mapped_from, table.c.upload_id)


def is_newer(row: sa.FromClause, arrival: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a row of a table is to win over an arrival that is told in full.

    Args:
        row: of a table, with the `upload_id` that told it.
        arrival: with its `upload_id`, and its `place` in the order of arrival.
    """
    told = uploads_table.alias("told")
    # An upload's place is never behind its id: mostly the first comparison is all.
    return sa.and_(
        row.c.upload_id > arrival.c.place,
        sa.exists().where(
            told.c.upload_id == row.c.upload_id,
            ~told.c.only_new,
            sa.tuple_(_place(told), told.c.upload_id)
            > sa.tuple_(arrival.c.place, arrival.c.upload_id),
        ),
    )


def is_in_full(row: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a row was told in full, and not made on the side."""
    told = uploads_table.alias("told")
    return ~sa.exists().where(told.c.upload_id == row.c.upload_id, told.c.only_new)


def has_only_new(connection: sa.Connection, tenant_id: int, entity: Entity) -> bool:
    """Whether rows of this type were ever made on the side."""
    c = uploads_table.c
    side = sa.exists().where(
        c.tenant_id == tenant_id, c.domain == DOMAIN, c.type == entity.name, c.only_new
    )
    return bool(connection.scalar(sa.select(side)))


def waiting_rows(entity: Entity, tenant_id: int) -> sa.Select[Any]:
    """A tenant's waiting rows, each with its `place`."""
    table = WAITING[entity.name]
    content = [column for column in table.c if not column.name.startswith("waiting")]
    return (
        sa.select(*content, _place(uploads_table).label("place"))
        .join(uploads_table, uploads_table.c.upload_id == table.c.upload_id)
        .where(table.c.tenant_id == tenant_id)
    )


def drop_later_lines(
    connection: sa.Connection, entity: Entity, mine: sa.ColumnElement[bool]
) -> int:
    """Of rows that a file made on the side keep the first of each key; returns how many went."""
    arrived = ARRIVED[entity.name]
    key = arrived.c[entity.key]
    first = sa.func.min(arrived.c.line_number)
    repeated = (
        sa.select(key.label("key"), first.label("first"))
        .where(mine).group_by(key).having(sa.func.count() > 1).subquery("repeated")
    )  # fmt: skip
    later = sa.delete(arrived).where(
        mine, key == repeated.c.key, arrived.c.line_number > repeated.c.first
    )
    return connection.execute(later).rowcount


def drop_what_waits(connection: sa.Connection, entity: Entity, mine: sa.ColumnElement[bool]) -> int:
    """Drop rows made on the side of which one waits already; returns how many."""
    arrived, waiting = ARRIVED[entity.name], WAITING[entity.name]
    there = sa.exists().where(
        waiting.c.tenant_id == arrived.c.tenant_id,
        waiting.c[entity.key] == arrived.c[entity.key],
    )
    return connection.execute(sa.delete(arrived).where(mine, there)).rowcount


def drop_overtaken(connection: sa.Connection, upload: Upload, mine: sa.ColumnElement[bool]) -> int:
    """Drop items of orders whose items a later file told as a set; returns how many."""
    if upload.type != ORDER_ITEMS.name or upload.mapped_source is None:
        return 0
    arrived, sets = ARRIVED[ORDER_ITEMS.name], order_item_sets.c
    overtaken = sa.exists().where(
        sets.tenant_id == upload.tenant_id,
        sets.source == upload.mapped_source,
        sets.order_id == arrived.c.order_id,
        sets.told_by > upload.place,
    )
    return connection.execute(sa.delete(arrived).where(mine, overtaken)).rowcount


def remove_gone(connection: sa.Connection, upload: Upload) -> None:
    """Remove items that their source told before, and that this file does not have any more; how
    many is among the upload's counts.

    What another source told, or a later file, stays.
    """
    sets = order_item_sets.c
    told_here = sa.and_(
        sets.tenant_id == upload.tenant_id, sets.source == upload.mapped_source,
        sets.told_by == upload.place, sa.func.cardinality(sets.gone) > 0,
    )  # fmt: skip
    gone = (
        sa.select(sets.order_id, sa.func.unnest(sets.gone).label("item"))
        .where(told_here).subquery("gone")
    )  # fmt: skip
    removed = connection.execute(
        sa.delete(FINAL[ORDER_ITEMS.name]).where(*_of_before(FINAL[ORDER_ITEMS.name], gone, upload))
    ).rowcount
    waiting = WAITING[ORDER_ITEMS.name]
    dropped = (
        sa.delete(waiting).where(*_of_before(waiting, gone, upload))
        .returning(waiting.c.upload_id).cte("dropped")
    )  # fmt: skip
    counted = sa.select(dropped.c.upload_id, sa.func.count()).group_by(dropped.c.upload_id)
    for earlier, number in connection.execute(counted).all():
        uploads.add_to_counts(connection, earlier, {"waiting": -number, "superseded": number})
    connection.execute(sa.update(order_item_sets).where(told_here).values(gone=[]))
    if removed:
        uploads.add_to_counts(connection, upload.upload_id, {"removed": removed})
        logger.info(
            "upload %s: %s items that their orders have no more are removed",
            upload.upload_id, removed,
        )  # fmt: skip


def _of_before(
    table: sa.Table, gone: sa.FromClause, upload: Upload
) -> list[sa.ColumnElement[bool]]:
    told = uploads_table.alias("told")
    return [
        table.c.tenant_id == upload.tenant_id,
        table.c.order_item_id == gone.c.item,
        table.c.order_id == gone.c.order_id,
        sa.exists().where(
            told.c.upload_id == table.c.upload_id,
            told.c.mapped_source == upload.mapped_source,
            _place(told) < upload.place,
        ),
    ]
