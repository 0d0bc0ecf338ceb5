"""Staging rows → final tables, such that foreign keys hold at every moment.

Uploads of one type are merged one by one in order of arrival, each in a transaction of its own,
customers before products before orders before order_items. A row whose parent is missing moves to
the waiting partition; `merge_waiting` tries it again when parents have come.

The work is two SQL statements (merging.Merge): one inserts what is new, one updates, sets aside and
counts the rest. Every row is counted by its upload and by what became of it.
"""

from collections import defaultdict
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, ENTITIES, Entity
from ingestion_pipeline.domains.commerce.merge import mapped
from ingestion_pipeline.domains.commerce.tables import ARRIVED, FINAL, WAITING
from ingestion_pipeline.foundation.errors import StagingLostError
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.uploads import Counts, Upload
from ingestion_pipeline.foundation.storage import locks, merging

_LARGE = 10_000  # rows
Actions = dict[int, dict[str, int]]  # upload id → {action: rows}


def merge_upload(connection: sa.Connection, upload: Upload) -> Counts | None:
    """Merge one staged upload within the connection's transaction.

    Returns:
        the upload's final counts, or None where another process has merged it meanwhile.

    Raises:
        StagingLostError: its staged rows are gone (a server crash empties unlogged tables).
    """
    entity = ENTITIES[upload.type]
    _lock(connection, upload.tenant_id, entity)
    [current] = uploads.find(connection, [upload.upload_id])
    if current.status != "staged":
        return None
    staged = uploads.counts_of(connection, [upload.upload_id])[upload.upload_id]
    arrived = ARRIVED[entity.name]
    mine = sa.and_(arrived.c.upload_id == upload.upload_id, arrived.c.tenant_id == upload.tenant_id)
    place = sa.literal(upload.place, sa.BigInteger)
    dropped = {"unchanged": 0, "superseded": 0}
    if upload.only_new:
        dropped["unchanged"] = mapped.drop_later_lines(connection, entity, mine)
        dropped["unchanged"] += mapped.drop_what_waits(connection, entity, mine)
    else:
        dropped["superseded"] = _drop_earlier_lines(connection, entity, mine)
    dropped["superseded"] += mapped.drop_overtaken(connection, upload, mine)
    rows = sa.select(*_content(arrived), place.label("place")).where(mine).subquery("arrivals")
    if not upload.only_new:
        _drop_older_waiting(connection, entity, upload.tenant_id, rows)
    actions = _merge(
        connection, entity, rows, tenant_id=upload.tenant_id, only_new=upload.only_new,
        only=(upload.upload_id, staged.staged - sum(dropped.values())),
        confirm=uploads.earlier_unfinished(connection, upload, domain=DOMAIN),
    )[upload.upload_id]  # fmt: skip
    removed = _remove(connection, arrived, mine, staged.staged) + sum(dropped.values())
    if removed != staged.staged:
        raise StagingLostError(
            f"upload {upload.upload_id}: {staged.staged} rows were staged, {removed} are there"
        )
    if upload.whole:
        mapped.remove_gone(connection, upload)
    for action, number in dropped.items():
        actions[action] += number
    counts = replace(staged, **actions)
    uploads.set_counts(connection, upload.upload_id, counts)
    uploads.update(connection, upload.upload_id, status="loaded", loaded_at=sa.func.now())
    return counts


def merge_waiting(connection: sa.Connection, tenant_id: int, entity: Entity) -> int:
    """Merge the tenant's waiting rows whose parents have come; returns how many no longer wait."""
    table = WAITING[entity.name]
    mine = table.c.tenant_id == tenant_id
    if not entity.parents or not connection.scalar(sa.select(sa.exists().where(mine))):
        return 0
    _lock(connection, tenant_id, entity)
    waiting = mapped.waiting_rows(entity, tenant_id)
    in_full = waiting.where(~uploads_table.c.only_new)
    _drop_older_waiting(connection, entity, tenant_id, in_full.subquery("newer"))
    settled = 0
    for only_new in (False, True):  # in this order: what is told in full comes first
        rows = waiting.where(uploads_table.c.only_new.is_(only_new))
        if only_new and connection.execute(rows.limit(1)).first() is None:
            break
        merged = _merge(
            connection, entity, rows.subquery("arrivals"), tenant_id=tenant_id, only_new=only_new
        )
        for upload_id, actions in merged.items():
            actions.pop("waiting", None)
            if number := sum(actions.values()):
                uploads.add_to_counts(connection, upload_id, {**actions, "waiting": -number})
                settled += number
    return settled


def lock_everything(connection: sa.Connection, tenant_id: int) -> None:
    """Take all locks of the tenant's merges at once, in the order in which a merge takes them.

    For a transaction that merges several uploads: growing its locks from merge to merge, it would
    deadlock with the merges of others.
    """
    for entity in ENTITIES.values():
        _lock(connection, tenant_id, entity)
    names = ", ".join(FINAL[name].name for name in ENTITIES)
    connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def after_staging(connection: sa.Connection, entity: Entity) -> None:
    """Let the planner know what has arrived: to be called before merging, in its own transaction.

    Without it a merge of 10,000 rows takes a minute (nested loops over an estimate of one row).
    """
    merging.collect_statistics(
        connection, ARRIVED[entity.name], ["tenant_id", "upload_id", entity.key]
    )


def after_merging(connection: sa.Connection, entity: Entity, counts: Counts) -> None:
    """Let the planner know what a large upload has added; in a transaction of its own."""
    if counts.inserted >= _LARGE:
        merging.collect_statistics(connection, FINAL[entity.name], ["tenant_id", entity.key])
    if counts.waiting:
        merging.collect_statistics(connection, WAITING[entity.name], ["tenant_id", entity.key])


def tenants_with_waiting(connection: sa.Connection, entity: Entity) -> list[int]:
    """Tenants that have rows of this entity waiting."""
    column = WAITING[entity.name].c.tenant_id
    return list(connection.scalars(sa.select(column).distinct().order_by(column)))


def _merge(
    connection: sa.Connection,
    entity: Entity,
    arrivals: sa.Subquery,
    *,
    tenant_id: int,
    only_new: bool = False,
    only: tuple[int, int] | None = None,
    confirm: bool = False,
) -> Actions:
    """Carry a merge out and count rows by upload and action.

    Args:
        arrivals: the rows, at most one a key, each with its `place` in the order of arrival.
        only_new: whether they never change what is there.
        only: (upload, number of rows), where they are all of one upload that has just arrived:
            those that have to wait go to the waiting partition. Else they come from there, and
            those that no longer have to wait leave it.
        confirm: see `_confirm`.
    """
    has_side = not only_new and mapped.has_only_new(connection, tenant_id, entity)
    merge = merging.Merge(
        arrivals=arrivals,
        only_new=only_new,
        newer=mapped.is_newer,
        lasting=mapped.is_in_full if has_side else None,
        target=FINAL[entity.name],
        key=("tenant_id", entity.key),
        columns=tuple(name for name in entity.columns if name != entity.key),
        version="upload_id",
        kept=tuple(rule.name for rule in entity.fields if rule.kept),
        parents=tuple(
            (FINAL[parent], {"tenant_id": "tenant_id", field: ENTITIES[parent].key})
            for field, parent in sorted(entity.parents.items(), key=_place)  # as all lock them
        ),
    )
    actions: Actions = defaultdict(lambda: defaultdict(int))
    with merging.foreign_keys_checked_in_bulk(connection, [parent for parent, _ in merge.parents]):
        insert = merge.insert_new()
        if only is None:
            inserted = insert.returning(merge.target.c.upload_id).cte("inserted")
            count = sa.select(inserted.c.upload_id, sa.func.count()).group_by(inserted.c.upload_id)
            for upload_id, number in connection.execute(count):
                actions[upload_id]["inserted"] = number
        else:
            upload_id, rows = only
            # Without the option SQLAlchemy says -1 for any INSERT.
            done = connection.execute(insert, execution_options={"preserve_rowcount": True})
            actions[upload_id]["inserted"] = done.rowcount
            if actions[upload_id]["inserted"] == rows:
                return actions
        rest = merge.rest()
        writes = [merge.update(rest)]
        if entity.parents:
            writes.append(
                _set_aside(rest, entity) if only else _release(rest, entity, merge.target)
            )
        if (confirm or has_side) and not only_new:
            writes.append(_confirm(rest, merge.target, merge.key, only_side=not confirm))
        count = (
            sa.select(rest.c.upload_id, rest.c.action, sa.func.count())
            .group_by(rest.c.upload_id, rest.c.action)
            .add_cte(*writes)
        )
        for upload_id, action, number in connection.execute(count):
            actions[upload_id][action] = number
    return actions


def _place(link: tuple[str, str]) -> int:
    """Where the parent of a (field, parent) stands in the order of loading."""
    return list(ENTITIES).index(link[1])


def _content(staging: sa.Table) -> list[sa.Column[object]]:
    """The columns of a staging table that are about the row, not about its waiting."""
    return [column for column in staging.c if not column.name.startswith("waiting")]


def _set_aside(rest: sa.CTE, entity: Entity) -> sa.CTE:
    names = ["tenant_id", "upload_id", "line_number", *entity.columns]
    rows = sa.select(sa.true(), sa.func.now(), *(rest.c[name] for name in names)).where(
        rest.c.action == "waiting"
    )
    columns = ["waiting", "waiting_since", *names]
    return sa.insert(WAITING[entity.name]).from_select(columns, rows).cte("set_aside")


def _release(rest: sa.CTE, entity: Entity, target: sa.Table) -> sa.CTE:
    """Delete from the waiting partition what has just been inserted or settled otherwise."""
    table = WAITING[entity.name]
    key = ("tenant_id", entity.key)
    settled = sa.exists().where(merging.same_key(table, rest, key), rest.c.action != "waiting")
    inserted = sa.exists().where(
        merging.same_key(table, target, key), target.c.upload_id == table.c.upload_id
    )
    return sa.delete(table).where(sa.or_(settled, inserted)).cte("released")


def _confirm(rest: sa.CTE, target: sa.Table, key: tuple[str, ...], *, only_side: bool) -> sa.CTE:
    """Mark unchanged rows as this upload's too.

    Done only while an earlier file is still to be loaded: that file must not overwrite what this
    later one has confirmed; and of rows that were made on the side (`only_side`: of no others),
    which any file overwrites. Otherwise an unchanged row is not written at all.
    """
    unchanged = [rest.c.action == "unchanged", merging.same_key(target, rest, key)]
    if only_side:
        unchanged.append(~mapped.is_in_full(target))
    return sa.update(target).values(upload_id=rest.c.upload_id).where(*unchanged).cte("confirmed")


def _drop_earlier_lines(
    connection: sa.Connection, entity: Entity, mine: sa.ColumnElement[bool]
) -> int:
    """Where a file holds several versions of a row, keep the last; returns how many went.

    What the last leaves out, and a merge would keep, is taken from the ones before it.
    """
    arrived = ARRIVED[entity.name]
    last = sa.func.max(arrived.c.line_number)
    repeated = (
        sa.select(arrived.c[entity.key], last.label("last"))
        .where(mine)
        .group_by(arrived.c[entity.key])
        .having(sa.func.count() > 1)
        .subquery("repeated")
    )
    of_repeated = arrived.c[entity.key] == repeated.c[entity.key]
    kept = [rule.name for rule in entity.fields if rule.kept]
    earlier = (
        sa.delete(arrived)
        .where(mine, of_repeated, arrived.c.line_number < repeated.c.last)
        .returning(
            *(arrived.c[name] for name in ("line_number", entity.key, *kept)), repeated.c.last
        )
        .cte("earlier")
    )
    count = sa.select(sa.func.count()).select_from(earlier)
    for name in kept:
        newest = postgresql.aggregate_order_by(earlier.c[name], earlier.c.line_number.desc())
        known = (
            sa.select(
                earlier.c[entity.key], earlier.c.last, sa.func.array_agg(newest)[1].label("value")
            )
            .where(earlier.c[name].is_not(None))
            .group_by(earlier.c[entity.key], earlier.c.last)
            .subquery(f"known_{name}")
        )
        filled = (
            sa.update(arrived)
            .values({name: known.c.value})
            .where(
                mine,
                arrived.c[entity.key] == known.c[entity.key],
                arrived.c.line_number == known.c.last,
                arrived.c[name].is_(None),
            )
        )
        count = count.add_cte(filled.cte(f"filled_{name}"))
    return int(connection.execute(count).scalar_one())


def _drop_older_waiting(
    connection: sa.Connection, entity: Entity, tenant_id: int, newer: sa.FromClause
) -> None:
    """Drop the tenant's waiting rows of which `newer` holds a version that is to win."""
    table = WAITING[entity.name]
    mine = table.c.tenant_id == tenant_id
    if not connection.scalar(sa.select(sa.exists().where(mine))):
        return
    dropped = (
        sa.delete(table)
        .where(
            mine,
            merging.same_key(table, newer, ["tenant_id", entity.key]),
            table.c.upload_id != newer.c.upload_id,
            ~mapped.is_newer(table, newer),
        )
        .returning(table.c.upload_id)
        .cte("dropped")
    )
    rows = connection.execute(
        sa.select(dropped.c.upload_id, sa.func.count()).group_by(dropped.c.upload_id)
    )
    for earlier, number in rows.all():
        uploads.add_to_counts(connection, earlier, {"waiting": -number, "superseded": number})


def _remove(
    connection: sa.Connection,
    arrived: sa.Table,
    mine: sa.ColumnElement[bool],
    staged: int,
) -> int:
    """Empty the arrived partition of this upload; returns how many rows it had."""
    if staged >= _LARGE and _lock_exclusively(connection, arrived):
        mine_only = sa.select(sa.func.count(), sa.func.count().filter(sa.not_(mine)))
        total, others = connection.execute(mine_only.select_from(arrived)).one()
        if others == 0:
            connection.exec_driver_sql(f"TRUNCATE {arrived.name}")
            return int(total)
    return connection.execute(sa.delete(arrived).where(mine)).rowcount


def _lock_exclusively(connection: sa.Connection, table: sa.Table) -> bool:
    """Lock a table against everybody, if that is possible without waiting."""
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"LOCK TABLE {table.name} IN ACCESS EXCLUSIVE MODE NOWAIT")
    except sa.exc.OperationalError:
        return False
    return True


def _lock(connection: sa.Connection, tenant_id: int, entity: Entity) -> None:
    """One merge at a time for a tenant's table; others wait their turn."""
    locks.hold(connection, locks.MERGING_COMMERCE.of(f"{entity.name}/{tenant_id}"))
