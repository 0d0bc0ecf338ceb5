"""Observations that a mapping made of a file → `macro_observations`: nothing that is known is lost.

A tenant's series have its name in front: what a file says is never FRED's word, nor another
tenant's.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date
from itertools import islice
from typing import Any

import sqlalchemy as sa

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
from ingestion_pipeline.domains.markets.tables import observations
from ingestion_pipeline.foundation.intake.ordering import InOrder, Keyed
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected
from ingestion_pipeline.foundation.storage.bulk import copy_rows

_AT_ONCE = 2_000
Place = tuple[str, date]
"""A series and a date of it, of which there may be several vintages."""

_TOLD = sa.text("""
    INSERT INTO macro_series AS known (series_id, fetched_at, checked_at)
    SELECT series_id, :came_at, now()
    FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS told (series_id, place) ORDER BY place
    ON CONFLICT (series_id) DO UPDATE
    SET fetched_at = greatest(known.fetched_at, excluded.fetched_at), checked_at = now(),
        error = NULL
""")
_PLACES = "unnest(CAST(:names AS text[]), CAST(:days AS date[])) AS told (series_id, date)"
_KNOWN = sa.text(f"""
    SELECT series_id, date, realtime_start, realtime_end, value, recorded_at
    FROM macro_observations JOIN {_PLACES} USING (series_id, date)
    ORDER BY series_id, date, realtime_start
""")  # noqa: S608 - names of ours
_TAKE_OUT = sa.text(f"""
    DELETE FROM macro_observations AS known USING {_PLACES}
    WHERE known.series_id = told.series_id AND known.date = told.date
""")  # noqa: S608 - names of ours


def merge_mapped(
    connection: sa.Connection, delivery: Delivery, records: Sequence[Records]
) -> Taken:
    """Add what a file tells to what is known, within the caller's transaction."""
    taken, arrived = Taken(), InOrder(connection)
    for each in records:
        for batch in each.batches():
            arrived.add(list(_usable(delivery, each, batch, taken)))
    became: dict[Fate, int] = dict.fromkeys(("inserted", "updated", "unchanged", "superseded"), 0)
    with closing(iter(arrived)) as rows:
        while some := list(islice(rows, _AT_ONCE)):
            _merge_some(connection, delivery, some, became)
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


def _merge_some(
    connection: sa.Connection, delivery: Delivery, some: Sequence[Keyed], became: dict[Fate, int]
) -> None:
    """Merge records, which are in order of their series, whose rows are locked in this order."""
    came_at = delivery.received_at.astimezone(UTC)
    names = list(dict.fromkeys(each.key for each in some))
    # First, so that two who write the same series wait for each other here.
    connection.execute(_TOLD, {"names": names, "came_at": came_at})
    found = ((each.key, told_by(each.told, came=came_at.date())) for each in some)
    tellings = [(name, each) for name, each in found if isinstance(each, Told)]
    known = _known(connection, {(name, each.date) for name, each in tellings})
    before = {place: list(rows) for place, rows in known.items()}
    for name, each in tellings:
        place = name, each.date
        known[place], fate = after(known.get(place, []), each, came_at=came_at)
        became[fate] += 1
    _write(connection, {place: rows for place, rows in known.items() if rows != before.get(place)})


def _known(connection: sa.Connection, places: Collection[Place]) -> dict[Place, list[Row]]:
    found: dict[Place, list[Row]] = {}
    for name, day, *row in connection.execute(_KNOWN, _arrays(places)):
        found.setdefault((name, day), []).append(Row(*row))
    return found


def _write(connection: sa.Connection, changed: dict[Place, list[Row]]) -> None:
    """Write all that is known of some dates in the place of what was; it is never less."""
    if not changed:
        return
    connection.execute(_TAKE_OUT, _arrays(changed))
    columns = ("series_id", "date", "realtime_start", "realtime_end", "value", "recorded_at")
    rows = [(*place, *row) for place, of_place in changed.items() for row in of_place]
    copy_rows(connection, observations.name, columns, rows)


def _arrays(places: Collection[Place]) -> dict[str, list[Any]]:
    return {"names": [name for name, _ in places], "days": [day for _, day in places]}
