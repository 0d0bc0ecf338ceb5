"""Which of a report's rows are events that we know already.

The number of an occurrence says which of several rows of a natural key a row is. A report that
was cut differently counts differently, so numbers alone would write one sale over another. Rows
that say what a known event says are that event; what is left on both sides are corrections, in
order; what is left of the report then is new, unless a newer report has told of the same key: it
told all of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ingestion_pipeline.domains.book_sales.contract.events import Event
from ingestion_pipeline.domains.book_sales.tables import sales_events

_Measures = tuple[str, int, Decimal | None, Decimal | None]


@dataclass(frozen=True)
class Known:
    """An event in the database, as far as it tells one row from another."""

    external_id: str
    measures: _Measures
    newer: bool = False


def identified(
    connection: sa.Connection, *, tenant_id: int, platform: str, events: Sequence[Event],
    as_of: datetime, received_at: datetime,
) -> tuple[list[Event], int]:  # fmt: skip
    """The events under the ids that they have, or get; to be called under the tenant's lock.

    And how many are left out, because a newer report than this one told of their keys without them.
    """
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.natural_key is not None:
            groups[event.natural_key].append(event)
    known = _known(connection, tenant_id, platform, list(groups), (as_of, received_at))
    with_ids = [event for event in events if event.natural_key is None]
    for natural_key, group in groups.items():
        with_ids += assign(natural_key, group, known.get(natural_key, []))
    return with_ids, len(events) - len(with_ids)


def assign(natural_key: str, rows: Sequence[Event], known: Sequence[Known]) -> list[Event]:
    """Rows of one natural key under the ids of known events, and under new ones."""
    free = sorted(known, key=lambda event: _number(event.external_id))
    highest = _number(free[-1].external_id) if free else 0
    by_measures: dict[_Measures, list[Known]] = defaultdict(list)
    for event in free:
        by_measures[event.measures].append(event)
    taken: set[str] = set()
    assigned: list[Event] = []
    others: list[Event] = []
    for row in rows:
        same = by_measures[_measures(row)]
        if same:
            event = same.pop(0)
            taken.add(event.external_id)
            assigned.append(_under(row, event.external_id))
        else:
            others.append(row)
    left = [event.external_id for event in free if event.external_id not in taken]
    for row in others:
        if left:
            assigned.append(_under(row, left.pop(0)))
        elif any(event.newer for event in free):
            break
        else:
            highest += 1
            assigned.append(_under(row, f"{natural_key}:{highest}"))
    return assigned


def _known(
    connection: sa.Connection,
    tenant_id: int,
    platform: str,
    keys: list[str],
    time: tuple[datetime, datetime],
) -> dict[str, list[Known]]:
    c = sales_events.c
    statement = sa.select(
        c.natural_key,
        c.external_id,
        c.as_of,
        c.received_at,
        c.event_type,
        c.quantity,
        c.list_price,
        c.amount,
    ).where(
        c.tenant_id == tenant_id,
        c.platform == platform,
        # Rows to join, not `= ANY`: without an index that goes through every key for each row.
        c.natural_key.in_(sa.select(sa.func.unnest(sa.bindparam("keys", type_=ARRAY(sa.Text))))),
    )
    found: dict[str, list[Known]] = defaultdict(list)
    if not keys:
        return found
    # psycopg prepares what it sends a sixth time, and the plan of an empty table would be kept for
    # all of a file: every key compared with every sale. Nothing tells PostgreSQL of rows that are
    # not committed.
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
    for row in connection.execute(statement, {"keys": keys}):
        newer = row.as_of is not None and (row.as_of, row.received_at) > time
        found[row[0]].append(Known(row[1], tuple(row[4:]), newer))
    return found


def _under(row: Event, external_id: str) -> Event:
    # Nearly every row has it, and a copy costs more than all else that is done with it here.
    return row if row.external_id == external_id else replace(row, external_id=external_id)


def _measures(event: Event) -> _Measures:
    return (event.event_type, event.quantity, event.list_price, event.amount)


def _number(external_id: str) -> int:
    return int(external_id.rpartition(":")[2])
