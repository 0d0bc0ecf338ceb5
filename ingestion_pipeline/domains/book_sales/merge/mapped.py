"""Events that a mapping made of a file → `sales_events`, as a platform's reports come there.

All records of a file are put in order of their keys by PostgreSQL first, because rows of one
natural key, and rows of one id, have to be seen together; then they are merged part by part, so
that memory does not grow with the file.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from itertools import groupby
from operator import attrgetter

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import Event, Parsed
from ingestion_pipeline.domains.book_sales.contract.mapped import SALES_EVENTS
from ingestion_pipeline.domains.book_sales.land.turns import lock
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.sources.formats.as_of import as_of
from ingestion_pipeline.domains.book_sales.sources.mapped import (
    Refuse,
    Teller,
    events_of,
    with_columns,
)
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.ordering import InOrder, Keyed
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.ledger.uploads import Counts
from ingestion_pipeline.foundation.mapping.refusals import Rejected

_AT_ONCE = 5_000


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
    teller = Teller(delivery.source, delivery.mapping, delivery.received_at)
    for each in records:
        _arrange(arrived, teller, each, taken)
    origin = Origin(
        tenant_id=delivery.tenant_id, platform=platform, source_file=delivery.file_name,
        received_at=delivery.received_at,
        as_of=_as_of(connection, delivery),
    )  # fmt: skip
    refused = len(taken.rejected)
    counts = Counts()
    ids = {SALES_EVENTS.key: _columns_of_ids(records)}

    def refuse(rejected: Rejected) -> None:
        taken.rejected.append(with_columns(rejected, ids))

    with closing(iter(arrived)) as in_order:
        for events in _batches(in_order, refuse):
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


def _as_of(connection: sa.Connection, delivery: Delivery) -> datetime | None:
    """What a file's name says of its time, as of a platform's report; None: its arrival counts."""
    if _is_of_an_api(connection, delivery):
        return None
    name, received_at = delivery.file_name, delivery.received_at
    return as_of(created=None, period_end=None, file_name=name, received_at=received_at)


def _is_of_an_api(connection: sa.Connection, delivery: Delivery) -> bool:
    """Whether a file is what an API answered, or that once more.

    That was so when it was asked: the day in such a file's name is of what it was asked for.
    """
    c = uploads.c
    source = sa.select(c.source).where(c.upload_id == delivery.upload_id)
    same = (c.tenant_id == delivery.tenant_id, c.location == delivery.location, c.source == "api")
    match connection.scalar(source):
        case "api":
            return True
        case "replay":
            return connection.scalar(sa.select(sa.exists().where(*same))) is True
        case _:
            return False


def _arrange(arrived: InOrder, teller: Teller, records: Records, taken: Taken) -> None:
    """Put the records of a label that break no rule where they are put in order."""
    for batch in records.batches():
        found = [teller.keyed(record, line, records.emit) for line, record in batch]
        taken.rejected += [
            with_columns(each, records.columns) for each in found if not isinstance(each, Keyed)
        ]
        arrived.add([each for each in found if isinstance(each, Keyed)])


def _columns_of_ids(records: Sequence[Records]) -> tuple[str, ...]:
    """What ids are of: who has the same may be of another label."""
    key = SALES_EVENTS.key
    return tuple(dict.fromkeys(name for each in records for name in each.columns.get(key, ())))


def _batches(in_order: Iterable[Keyed], refuse: Refuse) -> Iterator[list[Event]]:
    """Events in order of their keys; those of a natural key are in one batch."""
    batch: list[Event] = []
    for _, group in groupby(in_order, key=attrgetter("key")):
        events = events_of(group, refuse)
        if len(batch) + len(events) > _AT_ONCE and batch:
            yield batch
            batch = []
        batch += events
    if batch:
        yield batch
