"""Staging rows → final tables, such that foreign keys hold at every moment.

Uploads of one type are merged one by one in order of arrival, each in a transaction of its own,
customers before products before orders before order_items. A row whose parent is missing moves to
the waiting partition; `merge_waiting` tries it again when parents have come.

One SQL statement does the work of a merge: it classifies every arrival (bulk.classify), inserts,
updates, sets aside, and returns how many rows went which way, by upload.
"""

from collections import defaultdict
from dataclasses import replace

import sqlalchemy as sa

from ingestion_pipeline.commerce.contract import ENTITIES, Entity
from ingestion_pipeline.commerce.tables import ARRIVED, FINAL, WAITING
from ingestion_pipeline.errors import StagingLostError
from ingestion_pipeline.ledger import uploads
from ingestion_pipeline.ledger.uploads import Counts, Upload
from ingestion_pipeline.storage import bulk

DOMAIN = "commerce"
_WORTH_TRUNCATING = 10_000
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
    arrived = ARRIVED[entity.name]
    staged = uploads.counts_of(connection, [upload.upload_id])[upload.upload_id]
    mine = sa.and_(
        arrived.c.upload_id == upload.upload_id, arrived.c.tenant_id == upload.tenant_id
    )
    latest = (
        sa.select(*(c for c in arrived.c if c.name not in ("waiting", "waiting_since")))
        .where(mine)
        .distinct(arrived.c[entity.key])
        .order_by(arrived.c[entity.key], arrived.c.line_number.desc())
        .subquery("latest")
    )
    _drop_older_waiting(connection, entity, upload.tenant_id, latest)
    actions = _merge(
        connection, entity, latest, keep_waiting=True,
        renew_version=uploads.earlier_unfinished(connection, upload, domain=DOMAIN),
    )[upload.upload_id]  # fmt: skip
    removed = _remove(connection, arrived, mine, upload, staged.staged)
    if removed != staged.staged:
        raise StagingLostError(
            f"upload {upload.upload_id}: {staged.staged} rows were staged, {removed} are there"
        )
    duplicates = staged.staged - sum(actions.values())
    actions["superseded"] += duplicates
    counts = replace(staged, **actions)
    uploads.set_counts(connection, upload.upload_id, counts)
    uploads.update(connection, upload.upload_id, status="loaded", loaded_at=sa.func.now())
    return counts


def merge_waiting(connection: sa.Connection, tenant_id: int, entity: Entity) -> int:
    """Merge the tenant's waiting rows whose parents have come; returns how many no longer wait."""
    if not entity.parents:
        return 0
    _lock(connection, tenant_id, entity)
    table = WAITING[entity.name]
    _drop_older_waiting(connection, entity, tenant_id, table.alias("newer"))
    waiting = (
        sa.select(*(c for c in table.c if c.name not in ("waiting", "waiting_since")))
        .where(table.c.tenant_id == tenant_id)
        .order_by(table.c[entity.key])
        .subquery("latest")
    )
    settled = 0
    for upload_id, actions in _merge(connection, entity, waiting, keep_waiting=False).items():
        actions.pop("waiting", None)
        if rows := sum(actions.values()):
            uploads.add_to_counts(connection, upload_id, {**actions, "waiting": -rows})
            settled += rows
    return settled


def tenants_with_waiting(connection: sa.Connection, entity: Entity) -> list[int]:
    """Tenants that have rows of this entity waiting."""
    column = WAITING[entity.name].c.tenant_id
    return list(connection.scalars(sa.select(column).distinct().order_by(column)))


def _merge(
    connection: sa.Connection,
    entity: Entity,
    latest: sa.Subquery,
    *,
    keep_waiting: bool,
    renew_version: bool = False,
) -> Actions:
    """Classify, write, set aside or release waiting rows; count rows by upload and action."""
    target = FINAL[entity.name]
    key = ["tenant_id", entity.key]
    columns = [name for name in entity.columns if name != entity.key]
    parents = [
        (FINAL[parent], {"tenant_id": "tenant_id", field: ENTITIES[parent].key})
        for field, parent in entity.parents.items()
    ]
    classified = bulk.classify(
        arrivals=latest, target=target, key=key, columns=columns, version="upload_id",
        parents=parents,
    )  # fmt: skip
    writes = bulk.write_classified(
        classified, target=target, key=key, columns=columns, version="upload_id"
    )
    if entity.parents:
        writes.append(
            _set_aside(classified, entity) if keep_waiting else _release(classified, entity)
        )
    if renew_version:
        writes.append(_renew_version(classified, target, key))
    count = (
        sa.select(classified.c.upload_id, classified.c.action, sa.func.count())
        .group_by(classified.c.upload_id, classified.c.action)
        .add_cte(*writes)
    )
    actions: Actions = defaultdict(lambda: defaultdict(int))
    with bulk.foreign_keys_checked_in_bulk(connection, [parent for parent, _ in parents]):
        for upload_id, action, rows in connection.execute(count):
            actions[upload_id][action] = rows
    return actions


def _set_aside(classified: sa.CTE, entity: Entity) -> sa.CTE:
    table = WAITING[entity.name]
    names = ["tenant_id", "upload_id", "line_number", *entity.columns]
    rows = sa.select(
        sa.true(), sa.func.now(), *(classified.c[name] for name in names)
    ).where(classified.c.action == "waiting")
    return sa.insert(table).from_select(["waiting", "waiting_since", *names], rows).cte("set_aside")


def _release(classified: sa.CTE, entity: Entity) -> sa.CTE:
    table = WAITING[entity.name]
    return (
        sa.delete(table)
        .where(
            bulk.same_key(table, classified, ["tenant_id", entity.key]),
            classified.c.action != "waiting",
        )
        .cte("released")
    )


def _renew_version(classified: sa.CTE, target: sa.Table, key: list[str]) -> sa.CTE:
    """Mark unchanged rows as this upload's too.

    Done only while an earlier file is still to be loaded: that file must not overwrite what this
    later one has confirmed. Otherwise an unchanged row is not written at all.
    """
    return (
        sa.update(target)
        .values(upload_id=classified.c.upload_id)
        .where(classified.c.action == "unchanged", bulk.same_key(target, classified, key))
        .cte("confirmed")
    )


def _drop_older_waiting(
    connection: sa.Connection, entity: Entity, tenant_id: int, newer: sa.FromClause
) -> None:
    """Drop the tenant's waiting rows of which `newer` holds a version that arrived later."""
    table = WAITING[entity.name]
    mine = table.c.tenant_id == tenant_id
    if not entity.parents or not connection.scalar(sa.select(sa.exists().where(mine))):
        return
    dropped = (
        sa.delete(table)
        .where(
            mine,
            bulk.same_key(table, newer, ["tenant_id", entity.key]),
            table.c.upload_id < newer.c.upload_id,
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
    upload: Upload,
    staged: int,
) -> int:
    """Empty the arrived partition of this upload; returns how many rows it had."""
    if staged >= _WORTH_TRUNCATING and _lock_exclusively(connection, arrived):
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
    name = f"{DOMAIN}/{entity.name}/{tenant_id}"
    connection.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0)))
    )
