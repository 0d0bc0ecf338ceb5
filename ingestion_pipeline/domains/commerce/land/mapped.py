"""Records that a mapping made of a file → staged uploads, one a type, in the order of parents.

An upload of its own for each type, known by the file's upload and the type, so that landing the
same file again takes nothing twice. What the contract refuses goes back to whoever runs the
mapping, with the line of the file that it came of, and the other rows of its order with it.
"""

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import (
    DOMAIN,
    ENTITIES,
    ORDER_ITEMS,
    ORDERS,
    Entity,
)
from ingestion_pipeline.domains.commerce.land.rows import Rejection
from ingestion_pipeline.domains.commerce.land.stage import Bounds, land_file, unstage
from ingestion_pipeline.domains.commerce.land.uploads import job_kind
from ingestion_pipeline.domains.commerce.tables import ARRIVED
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.uploads import Counts, Upload
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.storage.file_kinds import Limits

SOURCE = "mapped"  # how an upload of these came
_ORDER_ID = re.compile(r'"order_id": ?"([0-9a-fA-F-]{32,36})"')
_MERGED_WITHIN, _ATTEMPTS = timedelta(minutes=5), 5
_TOGETHER = "is refused: another row of its order is"
# The records are made by us, of a file that was unpacked within limits.
_BOUNDS = Bounds(Limits(), keeps=uploads.MOST_KEPT_BYTES)


@dataclass
class _Part:
    """What becomes one upload: the records of a type.

    Attributes:
        name: of the type; of rows that are made on the side, more.
        refused: what the contract refused, by the record's number from 1; at most so many as are
            kept of any file.
        orders: all orders of which a row was refused.
    """

    entity: Entity
    name: str
    records: list[Records]
    upload: Upload | None = None
    refused: dict[int, tuple[Reason, ...]] = field(default_factory=dict)
    orders: set[UUID] = field(default_factory=set)

    @property
    def number(self) -> int:
        return sum(each.number for each in self.records)

    def refuse(self, rejections: Sequence[Rejection]) -> None:
        """Take what the contract refuses."""
        for each in rejections:
            if found := _ORDER_ID.search(each.raw):
                self.orders.add(UUID(found[1]))
            if len(self.refused) < uploads.MOST_KEPT:
                self.refused[each.line_number] = tuple(
                    Reason(0, why["field"], why["rule"], why["value"]) for why in each.reasons
                )

    def rejected(self) -> Iterator[Rejected]:
        """What was refused, with the lines of the mapped file."""
        left = dict(self.refused)
        for number, (of, line, text) in enumerate(self._lines(), start=1):
            if not left:
                return
            if reasons := left.pop(number, None):
                yield Rejected(line, text, tuple(
                    replace(each, line=line, columns=of.columns.get(each.field, ()))
                    for each in reasons
                ))  # fmt: skip

    def _lines(self) -> Iterator[tuple[Records, int, str]]:
        for each in self.records:
            with each.path.open("rb") as texts, each.lines.open("rb") as lines:
                for line, text in zip(lines, texts, strict=True):
                    yield each, int(line), text.decode().rstrip("\n")


def land_records(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
) -> Taken:
    """Stage the records of a file within the connection's transaction.

    Returns:
        how many are staged and refused; those that an earlier landing refused are not told again.
    """
    parts = _parts(records)
    new = [part for part in parts if _stage(connection, delivery, part)]
    if broken := set[UUID]().union(*(part.orders for part in new)):
        _take_out(
            connection, [part for part in new if part.entity in (ORDERS, ORDER_ITEMS)], broken
        )
    if any(part.entity is ORDER_ITEMS for part in new):
        _note_items(connection, delivery, parts)
    if new:
        _have_merged(connection, new[-1])
    taken = Taken(counts_of(connection, delivery, ("staged", "rejected")))
    taken.rejected += [each for part in new for each in part.rejected()]
    return taken


def counts_of(
    connection: sa.Connection, delivery: Delivery, names: Iterable[str]
) -> dict[str, dict[str, int]]:
    """What became of a file's records, by target."""
    c = uploads_table.c
    statement = (
        sa.select(c.type, *(sa.func.sum(c[name]).label(name) for name in names))
        .where(c.mapped_from == delivery.upload_id, c.domain == DOMAIN)
        .group_by(c.type)
    )
    found = {row.pop("type"): row for row in map(dict, connection.execute(statement).mappings())}
    return {
        name: {
            action: int(number)
            for action, number in found[name].items() if number or action != "removed"
        }
        for name in ENTITIES if name in found
    }  # fmt: skip


def _parts(records: Sequence[Records]) -> list[_Part]:
    """Parents before children. Labels of one type are one part, so that of the same row one of them
    wins, and not each in turn; those made on the side are another.
    """
    found: dict[str, _Part] = {}
    for entity in ENTITIES.values():
        for each in records:
            if each.emit.target.name == entity.name:
                name = f"{entity.name}/only_new" if each.emit.only_new else entity.name
                part = found.setdefault(name, _Part(entity, name, []))
                part.records.append(each)
    # Of an empty set the orders are told, but nothing of what is no set.
    return [part for part in found.values() if part.number or part.records[0].emit.replace]


def _stage(connection: sa.Connection, delivery: Delivery, part: _Part) -> bool:
    """Stage a part unless that is done; one whose staged rows were lost is staged again."""
    key = f"{SOURCE}/{delivery.upload_id}/{part.name}"
    upload_id = uploads.record(
        connection, tenant_id=delivery.tenant_id, domain=DOMAIN, type_=part.entity.name,
        file_name=delivery.file_name, source=SOURCE, source_key=key, location=delivery.location,
    )  # fmt: skip
    is_new = upload_id is not None
    if upload_id is None:
        mine = (uploads_table.c.tenant_id == delivery.tenant_id, uploads_table.c.source_key == key)
        upload_id = connection.execute(
            sa.select(uploads_table.c.upload_id).where(*mine)
        ).scalar_one()
    emit = part.records[0].emit
    if is_new:
        u = uploads_table.c
        whole_file = sa.select(u.bytes, u.sha256).where(u.upload_id == delivery.upload_id)
        size, sha256 = connection.execute(whole_file).one()
        uploads.update(
            connection, upload_id, mapped_from=delivery.upload_id, mapped_source=delivery.source,
            only_new=emit.only_new, whole=emit.replace is not None, bytes=size, sha256=sha256,
        )  # fmt: skip
    [part.upload] = uploads.find(connection, [upload_id])
    if not is_new:
        if part.upload.status != "failed":
            return False
        unstage(connection, part.upload)
    if not part.number:
        uploads.set_counts(connection, upload_id, Counts())
        uploads.update(connection, upload_id, status="staged", staged_at=sa.func.now(), error=None)
        return True
    with _together(part.records).open("rb") as file:
        land_file(
            connection, part.upload, file, bounds=_BOUNDS, hand_back=part.refuse, is_mapped=True
        )
    return True


def _have_merged(connection: sa.Connection, last: _Part) -> None:
    """Have a run merge what is staged, should whoever lands it be killed before.

    A job of the last part is enough: it ends with the merge of that, before which come the others.
    """
    assert last.upload is not None  # noqa: S101
    upload_id = last.upload.upload_id
    job_id = jobs.enqueue(
        connection, kind=job_kind(last.entity), tenant_id=last.upload.tenant_id,
        payload={"upload_id": upload_id}, max_attempts=_ATTEMPTS, after=_MERGED_WITHIN,
    )  # fmt: skip
    uploads.update(connection, upload_id, job_id=job_id)


def _together(records: list[Records]) -> Path:
    """The records of several labels in one file."""
    if len(records) == 1:
        return records[0].path
    path = records[0].path.with_suffix(".all")
    with path.open("wb") as file:
        for each in records:
            with each.path.open("rb") as one:
                shutil.copyfileobj(one, file)
    return path


def _take_out(connection: sa.Connection, parts: Sequence[_Part], broken: set[UUID]) -> None:
    """Refuse the other rows of orders of which one is refused: they stand or fall together."""
    for part in parts:
        assert part.upload is not None  # noqa: S101
        table = ARRIVED[part.entity.name]
        gone = Counter[int]()
        ids = iter(sorted(broken))
        while some := list(islice(ids, uploads.MOST_KEPT)):
            of_these = (table.c.upload_id == part.upload.upload_id, table.c.order_id.in_(some))
            rows = sa.delete(table).where(*of_these).returning(table.c.line_number)
            gone.update(connection.execute(rows).scalars())
        room = uploads.MOST_KEPT - len(part.refused)
        part.refused |= dict.fromkeys(sorted(gone)[:room], (Reason(0, "record", _TOGETHER),))
        if gone:
            changes = {"staged": -gone.total(), "rejected": gone.total()}
            uploads.add_to_counts(connection, part.upload.upload_id, changes)


def _note_items(connection: sa.Connection, delivery: Delivery, parts: Sequence[_Part]) -> None:
    """Note which items this file tells of which orders.

    Where it has all items of its orders, also of those of which it has none, they take the place
    of what was told before; else they are further ones. What a later file told stays as it is.
    """
    items = [
        part.upload for part in parts if part.entity is ORDER_ITEMS and part.upload is not None
    ]
    orders = [part.upload for part in parts if part.entity is ORDERS and part.upload is not None]
    if not items:
        return
    whole = items[0].whole
    connection.execute(
        sa.text(_WHOLE_SETS if whole else _FURTHER_ITEMS),
        {
            "tenant_id": delivery.tenant_id, "source": delivery.source,
            "place": delivery.upload_id, "items": [each.upload_id for each in items],
            "orders": [each.upload_id for each in orders],
        },
    )  # fmt: skip


# In order of the key, so that two that tell the same orders wait for each other.
_WHOLE_SETS = """
    INSERT INTO order_item_sets AS known (tenant_id, source, order_id, told_by, items, gone)
    SELECT :tenant_id, :source, order_id, :place,
           coalesce(array_agg(DISTINCT item) FILTER (WHERE item IS NOT NULL), '{}'), '{}'
    FROM (SELECT order_id, order_item_id AS item FROM order_items_staging_arrived
          WHERE upload_id = ANY(:items)
          UNION ALL
          SELECT order_id, NULL FROM orders_staging_arrived
          WHERE upload_id = ANY(:orders)) AS told
    GROUP BY order_id ORDER BY order_id
    ON CONFLICT (tenant_id, source, order_id) DO UPDATE SET
        told_by = excluded.told_by, items = excluded.items,
        gone = ARRAY(SELECT unnest(known.items || known.gone)
                     EXCEPT SELECT unnest(excluded.items))
    WHERE known.told_by <= excluded.told_by
"""
_FURTHER_ITEMS = """
    INSERT INTO order_item_sets AS known (tenant_id, source, order_id, told_by, items, gone)
    SELECT :tenant_id, :source, order_id, 0, array_agg(DISTINCT order_item_id), '{}'
    FROM order_items_staging_arrived WHERE upload_id = ANY(:items)
    GROUP BY order_id ORDER BY order_id
    ON CONFLICT (tenant_id, source, order_id) DO UPDATE SET
        items = ARRAY(SELECT unnest(known.items) UNION SELECT unnest(excluded.items)),
        gone = ARRAY(SELECT unnest(known.gone) EXCEPT SELECT unnest(excluded.items))
    WHERE known.told_by <= :place AND NOT known.items @> excluded.items
"""
