"""Events that a mapping made of a file → `sales_events`, as a platform's reports come there.

All records of a file are put in order of their keys by PostgreSQL first, because rows of one
natural key, and rows of one id, have to be seen together; then they are merged part by part, so
that memory does not grow with the file.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DAY, Event, Parsed
from ingestion_pipeline.domains.book_sales.contract.mapped import SALES_EVENTS, fault_of
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.sources.formats.as_of import as_of
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.ordering import InOrder, Keyed
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected

_AT_ONCE = 5_000
_AHEAD = timedelta(hours=14)  # the latest day that it is anywhere on earth


def merge_mapped(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records], *, platform: str
) -> Taken:
    """Merge what a mapping made of a file, within the caller's transaction.

    Raises:
        ContractError: a record is never to overwrite another (`only_new`).
    """
    if label := next((each.emit.label for each in records if each.emit.only_new), None):
        rule = "is nothing that events can be: later reports correct earlier ones"
        raise ContractError(f"emit.{label}.only_new {rule}")
    lock(connection, delivery.tenant_id, platform)
    taken = Taken()
    arrived = InOrder(connection)
    for each in records:
        _arrange(arrived, delivery, each, taken)
    origin = Origin(
        tenant_id=delivery.tenant_id, platform=platform, source_file=delivery.file_name,
        received_at=delivery.received_at,
        as_of=as_of(created=None, period_end=None, file_name=delivery.file_name,
                    received_at=delivery.received_at),
    )  # fmt: skip
    refused = len(taken.rejected)
    counts = Counts()
    for events in _batches(arrived, taken):
        # Nothing is noted of an upload here, so nothing is kept of refused rows either.
        counts += merge_events(connection, origin, Parsed(events), keeps=0)
    refused = len(taken.rejected) - refused
    became = {"inserted": counts.inserted, "updated": counts.updated,
              "superseded": counts.superseded}  # fmt: skip
    # Rows that say of an event what another row of the file says are in it: nothing more changed.
    taken.by_target[SALES_EVENTS.name] = {
        **became,
        "unchanged": arrived.number - refused - sum(became.values()),
    }
    return taken


def _arrange(arrived: InOrder, delivery: Delivery, records: Records, taken: Taken) -> None:
    """Put the records of a label that break no rule where they are put in order."""
    label, keyed = records.emit.label.partition("/")[2], bool(records.emit.key)
    report = f"{delivery.mapping}/{label}" if label else delivery.mapping
    latest = delivery.received_at.astimezone(UTC) + _AHEAD
    for batch in records.batches():
        rows = []
        for line, record in batch:
            if fault := fault_of(record, latest=latest):
                taken.rejected.append(_refused(line, record, *fault))
                continue
            key = record["external_id"]
            rows.append(Keyed(
                key.rpartition(":")[0] if keyed else key, line, [report, keyed, record]
            ))  # fmt: skip
        arrived.add(rows)


def _batches(arrived: InOrder, taken: Taken) -> Iterator[list[Event]]:
    """Events in order of their keys; those of a natural key are in one batch."""
    batch: list[Event] = []
    for _, group in groupby(arrived, key=lambda each: each.key):
        first, *others = group
        keyed = first.told[1]
        events = [_event(each) for each in (
            [first, *others] if keyed else [_told_once(first, others, taken)]
        )]  # fmt: skip
        if len(batch) + len(events) > _AT_ONCE and batch:
            yield batch
            batch = []
        batch += events
    if batch:
        yield batch


def _told_once(first: Keyed, others: Sequence[Keyed], taken: Taken) -> Keyed:
    """What all rows of an id tell, as one.

    What contradicts an earlier row of the same id is refused: the id is then no sale's own, and to
    let one of them win would lose the other's money.
    """
    report, keyed, known = first.told
    for each in others:
        record = each.told[2]
        differing = [name for name, value in record.items() if known.get(name, value) != value]
        if differing:
            rule = (f"is there twice in this file, with another {differing[0]} in line "
                    f"{first.line}: it identifies no event")  # fmt: skip
            taken.rejected.append(_refused(each.line, record, "external_id", rule, first.key))
        else:
            known = known | record
    return Keyed(first.key, first.line, [report, keyed, known])


def _event(row: Keyed) -> Event:
    report, keyed, record = row.told
    quantity, refunded = record["quantity"], record.get("refunded_units")
    return Event(
        event_type=record["event_type"], report=report, external_id=record["external_id"],
        natural_key=row.key if keyed else None,
        occurred_at=datetime.fromisoformat(record["occurred_at"]),
        date_precision=record.get("date_precision", DAY),
        quantity=quantity, amount=_decimal(record.get("amount")),
        list_price=_decimal(record.get("list_price")),
        refunded_units=None if refunded is None else max(refunded, -quantity),
        raw=record, source_row=row.line, title=record.get("title"), author=record.get("author"),
        asin=record.get("asin"), isbn=record.get("isbn"), marketplace=record.get("marketplace"),
        currency=record.get("currency"), list_currency=record.get("list_currency"),
    )  # fmt: skip


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _refused(line: int, record: dict[str, Any], field: str, rule: str, value: str = "") -> Rejected:
    reason = Reason(line, field, rule, value[:60])
    return Rejected(line, json.dumps(record, ensure_ascii=False), (reason,))
