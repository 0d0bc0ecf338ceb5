"""Points that a mapping made of a file → points, inbox, jobs, as readings of any other door."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.mapped import KPI_POINTS, update_of
from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.land.readings import land_readings
from ingestion_pipeline.foundation.intake.ordering import InOrder, Keyed
from ingestion_pipeline.foundation.intake.sinks import Delivery, Records, Taken
from ingestion_pipeline.foundation.mapping.refusals import Reason, Rejected

_AT_ONCE = 1_000
# Of the jobs that come to be: their KPIs are complete with the same statement, so nothing waits.
_TIMEOUT = timedelta(hours=1)


def land_mapped(connection: sa.Connection, delivery: Delivery, records: Sequence[Records]) -> Taken:
    """Record points within the caller's transaction; what is there stays as it is.

    In order of KPI and instant, as the gateway takes its locks. Of more than one batch the second
    begins while the jobs of the first are locked: beside requests of the same traces there may be
    a circle, and whoever is ended for it does its transaction again (`storage/deadlocks.py`).
    """
    taken, arrived = Taken(), InOrder(connection)
    for each in records:
        for batch in each.batches():
            found = (_usable(delivery, each, told, taken) for told in batch)
            arrived.add([reading for reading in found if reading is not None])
    became = {"inserted": 0, "unchanged": 0, "superseded": 0}
    with closing(iter(arrived)) as in_order:
        updates = (_update(each, delivery) for each in in_order)
        while some := list(islice(updates, _AT_ONCE)):
            for what in land_readings(connection, some, job_timeout=_TIMEOUT, channel=None):
                known = "superseded" if what.conflict else "unchanged"
                became[known if what.duplicate else "inserted"] += 1
    taken.by_target[KPI_POINTS.name] = became
    return taken


def _usable(
    delivery: Delivery, of: Records, told: tuple[int, dict[str, Any]], taken: Taken
) -> Keyed | None:
    """A record in the order of points; None: it is refused, with every reason."""
    line, record = told
    columns = record.pop("metadata", {})
    found = update_of(record, columns, tenant_id=delivery.tenant_id, now=delivery.received_at)
    if isinstance(found, Update):
        at = found.observed_at.isoformat(timespec="microseconds")
        return Keyed(found.kpi_id, line, [record, columns], then=at)
    reasons = tuple(
        Reason(line, field, rule, columns=of.columns.get(field, ())) for field, rule in found
    )
    taken.rejected.append(Rejected(line, json.dumps(record, ensure_ascii=False), reasons))
    return None


def _update(arrived: Keyed, delivery: Delivery) -> Update:
    record, columns = arrived.told
    found = update_of(record, columns, tenant_id=delivery.tenant_id, now=delivery.received_at)
    assert isinstance(found, Update), "it was one before it was put in order"  # noqa: S101
    return found
