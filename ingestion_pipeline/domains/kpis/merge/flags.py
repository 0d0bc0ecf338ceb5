"""Flags: what is pending, what is settled, and the documents between the two.

A row that a document is made from says itself whether it is published (`pending`), and how often
it has changed (`changed`). Senders set the flag and never wait: rows that they hold are skipped
here, and stay pending.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.storage import locks
from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.foundation.storage.key_value.documents import Elsewhere, write_documents

_SETTLE = """
    UPDATE {table} AS done SET pending = false{more}
    FROM (SELECT {key}, seen.changed FROM json_to_recordset(CAST(:seen AS json)) AS seen ({types})
          JOIN {table} AS known USING ({key}, changed)
          FOR NO KEY UPDATE OF known SKIP LOCKED) AS free
    WHERE {same}
"""


@contextmanager
def publishing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of the only publisher."""
    with engine.begin() as connection:
        locks.hold(connection, locks.PUBLISHING_KPIS)
        yield connection


def mark(
    connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], **values: Any
) -> None:
    """Set rows pending; those that a sender holds this moment will be so by themselves."""
    key = list(table.primary_key)
    free = sa.select(*key).where(which).with_for_update(skip_locked=True)
    connection.execute(
        sa.update(table)
        .where(sa.tuple_(*key).in_(free))
        .values(pending=True, changed=table.c.changed + 1, **values)
    )


def settle(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Any], *, more: str = ""
) -> int:
    """Clear the flags of rows as they were seen; how many.

    Rows that have changed since, or are just being changed, stay pending.
    """
    if not rows:
        return 0
    key = [column.name for column in table.primary_key]
    types = ", ".join(f"{column.name} {column.type}" for column in table.primary_key)
    statement = _SETTLE.format(
        table=table.name,
        key=", ".join(key),
        types=f"{types}, changed integer",
        same=" AND ".join(f"done.{name} = free.{name}" for name in key),
        more=more,
    )
    seen = [{name: getattr(row, name) for name in (*key, "changed")} for row in rows]
    return connection.execute(sa.text(statement), {"seen": encode_json(seen)}).rowcount


def write(
    connection: sa.Connection,
    documents: Sequence[tuple[int, str, Any]],
    *,
    elsewhere: Elsewhere | None,
) -> None:
    """Write documents, given as (tenant, key, document), into the namespaces of their tenants;
    `elsewhere`: of another server than the database, where documents are there.
    """
    by_tenant: dict[int, dict[str, Any]] = {}
    for tenant_id, key, document in documents:
        by_tenant.setdefault(tenant_id, {})[key] = document
    wanted = tenants.c.tenant_id.in_(list(by_tenant))
    names = sa.select(tenants.c.tenant_id, tenants.c.name).where(wanted)
    for tenant_id, name in connection.execute(names).all():
        write_documents(connection, name, by_tenant[tenant_id], elsewhere=elsewhere)
