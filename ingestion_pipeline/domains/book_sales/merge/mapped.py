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

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DAY, Event, Parsed
from ingestion_pipeline.domains.book_sales.contract.mapped import SALES_EVENTS, fault_of
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.sources.formats.as_of import as_of
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_AT_ONCE = 5_000
_COLUMNS = ("place", "line", "report", "natural_key", "key", "record")
_MAKE_STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS mapped_events (
        place bigint NOT NULL, line bigint NOT NULL, report text NOT NULL,
        natural_key text, key text NOT NULL, record text NOT NULL
    ) ON COMMIT DROP
"""
_IN_ORDER = sa.text("""
    SELECT line, report, natural_key, key, record FROM mapped_events
    ORDER BY COALESCE(natural_key, key) COLLATE "C", place
""")
_AHEAD = timedelta(hours=14)  # the latest day that it is anywhere on earth
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_Row = tuple[int, str, str | None, str, dict[str, Any]]  # line, report, natural key, id, record


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
    number = _stage(connection, delivery, records, taken)
    origin = Origin(
        tenant_id=delivery.tenant_id, platform=platform, source_file=delivery.file_name,
        received_at=delivery.received_at,
        as_of=as_of(created=None, period_end=None, file_name=delivery.file_name,
                    received_at=delivery.received_at),
    )  # fmt: skip
    refused = len(taken.rejected)
    counts = Counts()
    for events in _batches(connection, taken):
        # Nothing is noted of an upload here, so nothing is kept of refused rows either.
        counts += merge_events(connection, origin, Parsed(list(events)), keeps=0)
    refused = len(taken.rejected) - refused
    became = {"inserted": counts.inserted, "updated": counts.updated,
              "superseded": counts.superseded}  # fmt: skip
    # Rows that say of an event what another row of the file says are in it: nothing more changed.
    taken.by_target[SALES_EVENTS.name] = {
        **became,
        "unchanged": number - refused - sum(became.values()),
    }
    return taken


def _stage(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records], taken: Taken
) -> int:
    """Put records that break no rule where they can be put in order; returns how many they are."""
    connection.exec_driver_sql(_MAKE_STAGE)
    connection.exec_driver_sql("TRUNCATE mapped_events")
    latest = delivery.received_at.astimezone(UTC) + _AHEAD
    place = 0
    for each in records:
        label = each.emit.label.partition("/")[2]
        report = f"{delivery.mapping}/{label}" if label else delivery.mapping
        for batch in each.batches():
            rows = []
            for line, record in batch:
                if fault := fault_of(record, latest=latest):
                    taken.rejected.append(_refused(line, record, *fault))
                    continue
                key = record["external_id"]
                natural = key.rpartition(":")[0] if each.emit.key else None
                rows.append((place, line, report, natural, key, json.dumps(record)))
                place += 1
            copy_rows(connection, "mapped_events", _COLUMNS, rows)
    return place


def _batches(connection: sa.Connection, taken: Taken) -> Iterator[list[Event]]:
    """Events in order of their keys; those of a natural key are in one batch."""
    found = connection.execute(_IN_ORDER, execution_options={"yield_per": _AT_ONCE})
    rows = ((line, report, natural, key, _decode(record))
            for line, report, natural, key, record in found)  # fmt: skip
    batch: list[Event] = []
    for _, group in groupby(rows, key=lambda row: row[2] or row[3]):
        arrived = [_event(row) for row in _told_once(group, taken)]
        if len(batch) + len(arrived) > _AT_ONCE and batch:
            yield batch
            batch = []
        batch += arrived
    if batch:
        yield batch


def _told_once(group: Iterator[_Row], taken: Taken) -> Iterator[_Row]:
    """Rows of a natural key as they are; of an id one, with what all rows of it tell.

    What contradicts an earlier row of the same id is refused: the id is then no sale's own, and to
    let one of them win would lose the other's money.
    """
    first = next(group)
    if first[2] is not None:
        yield first
        yield from group
        return
    line, report, natural, key, known = first
    for each_line, _, _, _, record in group:
        differing = [name for name, value in record.items() if known.get(name, value) != value]
        if differing:
            rule = (f"is there twice in this file, with another {differing[0]} in line {line}: "
                    "it identifies no event")  # fmt: skip
            taken.rejected.append(_refused(each_line, record, "external_id", rule, key))
        else:
            known = known | record
    yield line, report, natural, key, known


def _event(row: _Row) -> Event:
    line, report, natural_key, key, record = row
    quantity = record["quantity"]
    refunded = record.get("refunded_units")
    return Event(
        event_type=record["event_type"], report=report, external_id=key, natural_key=natural_key,
        occurred_at=datetime.fromisoformat(record["occurred_at"]),
        date_precision=record.get("date_precision", DAY),
        quantity=quantity, amount=_decimal(record.get("amount")),
        list_price=_decimal(record.get("list_price")),
        refunded_units=None if refunded is None else max(refunded, -quantity),
        raw=record, source_row=line, title=record.get("title"), author=record.get("author"),
        asin=record.get("asin"), isbn=record.get("isbn"), marketplace=record.get("marketplace"),
        currency=record.get("currency"), list_currency=record.get("list_currency"),
    )  # fmt: skip


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _refused(line: int, record: dict[str, Any], field: str, rule: str, value: str = "") -> Rejected:
    reason = Reason(line, field, rule, value[:60])
    return Rejected(line, json.dumps(record, ensure_ascii=False), (reason,))
