"""Observations that a mapping made of a file → `macro_observations`: nothing that is known is lost.

A tenant's series have its name in front: what a file says is never FRED's word, nor another
tenant's.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from itertools import groupby, islice
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from ingestion_pipeline.domains.markets.contract.mapped import (
    MACRO_OBSERVATIONS,
    Fate,
    Fault,
    Row,
    Told,
    after,
    series_of,
    told_by,
)
from ingestion_pipeline.domains.markets.tables import observations, series
from ingestion_pipeline.foundation.intake.ordering import InOrder, Keyed
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_AT_ONCE = 2_000


def merge_mapped(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
) -> Taken:
    """Add what a file tells to what is known, within the caller's transaction."""
    taken, arrived = Taken(), InOrder(connection)
    for each in records:
        for batch in each.batches():
            arrived.add(list(_usable(delivery, each, batch, taken)))
    became: dict[Fate, int] = dict.fromkeys(("inserted", "updated", "unchanged", "superseded"), 0)
    for name, group in groupby(arrived, key=attrgetter("key")):
        _merge_series(connection, delivery, name, group, became)
    taken.by_target[MACRO_OBSERVATIONS.name] = {str(fate): n for fate, n in became.items()}
    return taken


def _usable(
    delivery: Delivery, of: Records, batch: Sequence[tuple[int, dict[str, object]]], taken: Taken
) -> Iterator[Keyed]:
    """Records by series and date; a refused one goes back with its line."""
    came = delivery.received_at.astimezone(UTC).date()
    for line, record in batch:
        found = told_by(record, came=came)
        if isinstance(found, Fault):
            text = json.dumps(record, ensure_ascii=False)
            reason = Reason(line, *found, columns=of.columns.get(found.field, ()))
            taken.rejected.append(Rejected(line, text, (reason,)))
            continue
        name = series_of(delivery.tenant, delivery.source, found.series)
        yield Keyed(name, line, record, then=found.date.isoformat())


def _merge_series(
    connection: sa.Connection,
    delivery: Delivery,
    name: str,
    group: Iterator[Keyed],
    became: dict[Fate, int],
) -> None:
    came_at = delivery.received_at.astimezone(UTC)
    values = {"fetched_at": came_at, "checked_at": sa.func.now(), "error": None}
    # First, so that two who write the same series wait for each other here.
    connection.execute(
        insert(series)
        .values(series_id=name, **values)
        .on_conflict_do_update(
            index_elements=["series_id"],
            set_=values | {"fetched_at": sa.func.greatest(series.c.fetched_at, came_at)},
        )
    )
    while some := list(islice(group, _AT_ONCE)):
        found = (told_by(each.told, came=came_at.date()) for each in some)
        tellings = [each for each in found if isinstance(each, Told)]
        known = _known(connection, name, {each.date for each in tellings})
        before = {day: list(rows) for day, rows in known.items()}
        for each in tellings:
            known[each.date], fate = after(known.get(each.date, []), each, came_at=came_at)
            became[fate] += 1
        _write(connection, name, {day: rows for day, rows in known.items()
                                  if rows != before.get(day)})  # fmt: skip


def _known(connection: sa.Connection, name: str, days: set[date]) -> dict[date, list[Row]]:
    c = observations.c
    query = (
        sa.select(c.date, c.realtime_start, c.realtime_end, c.value, c.recorded_at)
        .where(c.series_id == name, c.date.in_(days))
        .order_by(c.date, c.realtime_start)
    )
    found: dict[date, list[Row]] = {}
    for day, *row in connection.execute(query):
        found.setdefault(day, []).append(Row(*row))
    return found


def _write(connection: sa.Connection, name: str, changed: dict[date, list[Row]]) -> None:
    """Write all that is known of some dates in the place of what was; it is never less."""
    if not changed:
        return
    c = observations.c
    mine = (c.series_id == name, c.date.in_(changed))
    connection.execute(sa.delete(observations).where(*mine))
    columns = ("series_id", "date", "realtime_start", "realtime_end", "value", "recorded_at")
    rows = [(name, day, *row) for day, of_day in changed.items() for row in of_day]
    copy_rows(connection, observations.name, columns, rows)
