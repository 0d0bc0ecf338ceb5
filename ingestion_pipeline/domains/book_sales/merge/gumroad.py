"""Gumroad's sales into `sales_events`: as the books of each say, and nothing that they don't say.

Unlike reports, whose rows are facts, these events are worked out, so each is written as a whole:
an amount may become unknown, an event may go (the refund, once a dispute is won). What was told
stays where it is kept (`land/gumroad.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from ingestion_pipeline.domains.book_sales.contract.events import Event, Parsed
from ingestion_pipeline.domains.book_sales.land.gumroad import (
    FROM_API,
    adopt,
    ids_of_gifts,
    tellings,
)
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.events import Origin, note
from ingestion_pipeline.domains.book_sales.sources.gumroad.books import events_of, refund_id
from ingestion_pipeline.domains.book_sales.sources.gumroad.gifts import pairs
from ingestion_pipeline.domains.book_sales.sources.gumroad.sales import API, PING, Telling, Told
from ingestion_pipeline.domains.book_sales.tables import sales_events
from ingestion_pipeline.foundation.ledger.uploads import Counts

PLATFORM = "gumroad"
_AT_ONCE = 500  # sales
_SAID = (
    "event_type", "provisional", "report", "occurred_at", "date_precision", "title", "marketplace",
    "quantity", "list_price", "amount", "currency",
)  # fmt: skip
_FILES = {API: FROM_API, PING: "gumroad Ping"}


@dataclass
class Change:
    """What changes of one currency: amounts of the rows that change, before and after."""

    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    rows: int = 0


@dataclass
class Booked:
    """What booking some sales has changed; `unchanged` are events of theirs that were so before."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    by_currency: dict[str, Change] = field(default_factory=lambda: defaultdict(Change))


def load(connection: sa.Connection, origin: Origin, parsed: Parsed, *, keeps: int) -> Counts:
    """Book the sales that something became known of; what is `unchanged` was known already."""
    assert isinstance(parsed, Told)  # noqa: S101
    lock(connection, origin.tenant_id, PLATFORM)
    booked = Booked()
    for part in _parts(dict.fromkeys(parsed.sale_ids)):
        book(connection, part, tenant_id=origin.tenant_id, job_id=origin.job_id, into=booked)
    rejected, changed = len(parsed.rejected), booked.updated + booked.deleted
    staged = booked.inserted + changed + booked.unchanged
    counts = Counts(
        lines=staged + rejected, rejected=rejected, staged=staged, inserted=booked.inserted,
        updated=changed, unchanged=booked.unchanged,
    )  # fmt: skip
    if origin.upload_id is not None:
        note(connection, origin, origin.upload_id, parsed.rejected, counts, keeps=keeps)
    return counts


def book(
    connection: sa.Connection, sale_ids: Sequence[str], *, tenant_id: int, job_id: int | None,
    into: Booked,
) -> None:  # fmt: skip
    """Work out the books of some sales anew, and write what is different; under the lock."""
    adopt(connection, tenant_id=tenant_id, sale_ids=sale_ids)
    told = tellings(connection, tenant_id=tenant_id, sale_ids=sale_ids)
    givers = _with_gifts(connection, tenant_id, told)
    receivers = {giver: receiver for receiver, giver in givers.items()}
    events = {
        event.external_id: (event, known)
        for sale_id, known in told.items()
        for event in events_of(
            known, given=sale_id in givers, of_receiver=told.get(receivers.get(sale_id, ""), ())
        )
    }
    readable = [sale_id for sale_id, known in told.items() if known]
    asked = {*sale_ids, *(refund_id(sale_id) for sale_id in sale_ids)}
    rows = _write(connection, tenant_id, job_id, readable, events, into)
    into.unchanged += len((events.keys() & asked) - rows)


def _with_gifts(
    connection: sa.Connection, tenant_id: int, told: dict[str, list[Telling]]
) -> dict[str, str]:
    """The givers' sales by the receivers' purchases; adds to `told` what they are chosen from."""
    times = [each.sold_at for known in told.values() for each in known if each.gift]
    if not times:
        return {}
    around = ids_of_gifts(connection, tenant_id=tenant_id, first=min(times), last=max(times))
    more = sorted(around - told.keys())
    adopt(connection, tenant_id=tenant_id, sale_ids=more)
    told.update(tellings(connection, tenant_id=tenant_id, sale_ids=more))
    return pairs(told)


def _write(
    connection: sa.Connection, tenant_id: int, job_id: int | None, sale_ids: Sequence[str],
    events: dict[str, tuple[Event, list[Telling]]], into: Booked,
) -> set[str]:  # fmt: skip
    """Write what is different; returns the ids of the events that are new or changed."""
    c = sales_events.c
    mine = sa.and_(c.tenant_id == tenant_id, c.platform == PLATFORM)
    ids = [*sale_ids, *(refund_id(sale_id) for sale_id in sale_ids)]
    rows = connection.execute(
        sa.select(c.external_id, *(c[name] for name in _SAID)).where(
            mine, c.external_id == sa.func.any(sa.cast(ids, ARRAY(sa.Text)))
        )
    ).all()
    before = {row.external_id: row for row in rows}
    changed = []
    for external_id, (event, known) in events.items():
        was = before.get(external_id)
        if was is None:
            into.inserted += 1
        elif any(getattr(was, name) != getattr(event, name) for name in _SAID):
            into.updated += 1
        else:
            continue
        _count(into, was, event)
        changed.append(_row(event, known, tenant_id=tenant_id, job_id=job_id))
    gone = [external_id for external_id in before if external_id not in events]
    for external_id in gone:
        into.deleted += 1
        _count(into, before[external_id], None)
    if gone:
        connection.execute(sa.delete(sales_events).where(mine, c.external_id.in_(gone)))
    if changed:
        _upsert(connection, changed)
    return {row["external_id"] for row in changed}


def _count(into: Booked, was: sa.Row[Any] | None, now: Event | None) -> None:
    for said, side in ((was, "before"), (now, "after")):
        if said is not None:
            change = into.by_currency[said.currency or ""]
            setattr(change, side, getattr(change, side) + (said.amount or 0))
    for currency in {said.currency or "" for said in (was, now) if said is not None}:
        into.by_currency[currency].rows += 1


def _row(
    event: Event, known: Sequence[Telling], *, tenant_id: int, job_id: int | None
) -> dict[str, Any]:
    source = next(each.source for each in known if each.raw is event.raw)
    return {
        **{name: getattr(event, name) for name in _SAID},
        "tenant_id": tenant_id, "platform": PLATFORM, "external_id": event.external_id,
        "as_of": event.as_of, "received_at": event.as_of, "raw": dict(event.raw),
        "source_file": _FILES[source], "source_row": event.source_row, "job_id": job_id,
    }  # fmt: skip


def _upsert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    statement = insert(sales_events)
    key = ("tenant_id", "platform", "external_id")
    new: dict[str, Any] = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=key, set_={**new, "updated_at": sa.func.now()}
        ),
        rows,
    )


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for sale_id in ids:
        part.append(sale_id)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part
