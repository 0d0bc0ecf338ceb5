"""Updates → points, inbox, job: a whole batch in one transaction and a handful of statements.

An append is one insert, whatever the length of its series. Several gateways may accept the same
updates at once: the primary key of `kpi_points` decides whose write was first. All of them take
locks in the same order (points, inbox, jobs, KPIs of jobs; by key within each), so that they wait
for each other and never in a circle. Corrections of points (corrections.py) go the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.readings import Update
from ingestion_pipeline.domains.kpis.land.corrections import (
    Correction,
    PointKey,
    correct_points,
    correct_updates,
    lock_points,
    point_key,
)
from ingestion_pipeline.domains.kpis.land.jobs import ensure_jobs
from ingestion_pipeline.domains.kpis.land.receipts import POST, Channel, counted
from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.foundation.storage.statements import statements

_SQL = statements(__name__)

_UpdateKey = tuple[int, str, str, datetime]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an update.

    Attributes:
        duplicate: the series had a point of that instant already; it is kept.
        conflict: and its value is another one.
        replaced: the value that was there, where the update corrected it.
    """

    duplicate: bool = False
    conflict: bool = False
    replaced: float | None = None

    @property
    def fate(self) -> str:
        """What it is counted under in `kpi_receipts`."""
        if self.replaced is not None:
            return "corrected"
        if self.conflict:
            return "conflicts"
        return "known" if self.duplicate else "stored"


NEW, DUPLICATE, CONFLICT = Accepted(), Accepted(duplicate=True), Accepted(True, True)


def land_readings(
    connection: sa.Connection,
    updates: Sequence[Update],
    *,
    job_timeout: timedelta,
    channel: Channel | None = POST,
) -> list[Accepted]:
    """Record updates; what became of each, in their order.

    Args:
        connection: within a transaction; nothing is recorded before its commit.
        updates: of any tenants; some may be of one instant, the first of them counts.
        job_timeout: of a job that nobody has announced.
        channel: how they came, to be counted under; None: their file counts them itself.
    """
    if not updates:
        return []
    kept = _insert_points(connection, updates)
    correcting = [update for update in updates if update.correct]
    if correcting and kept:  # all, in their order: some may be doubted below
        kept = lock_points(connection, kept)
    results, conflicts, corrections = _compare(updates, kept)
    if conflicts:  # before the inbox: these are locks on points
        conflicts = _record_conflicts(connection, conflicts)
    if corrections:
        correct_points(connection, corrections)
    connection.execute(_SQL["record_updates"], {"updates": _inbox_rows(updates)})
    if correcting:
        correct_updates(connection, correcting, corrections)
    if conflicts:
        connection.execute(_SQL["doubt_updates"], {"points": encode_json(conflicts)})
    fates = () if channel is None else counted(updates, (r.fate for r in results), channel)
    _complete_jobs(connection, updates, job_timeout, fates)
    return results


def land_readings_together(
    connection: sa.Connection, requests: Sequence[Sequence[Update]], *, job_timeout: timedelta
) -> list[list[Accepted]]:
    """Record the updates of several requests at once; what became of them, by request."""
    updates = [update for updates in requests for update in updates]
    results = iter(land_readings(connection, updates, job_timeout=job_timeout))
    return [[next(results) for _ in updates] for updates in requests]


def _insert_points(connection: sa.Connection, updates: Sequence[Update]) -> dict[PointKey, float]:
    """Insert the points that are not there; the values of those that were, by key."""
    rows: dict[PointKey, dict[str, Any]] = {}
    for update in updates:
        key = point_key(update)
        if key not in rows:
            rows[key] = {
                "tenant_id": update.tenant_id,
                "kpi_id": update.kpi_id,
                "observed_at": update.observed_at,
                "value": update.value,
                "timestamp_text": update.timestamp_text,
                "kpi_type": update.kpi_type,
                "trace_id": update.trace_id,
            }
    inserted = connection.execute(
        _SQL["insert_points"], {"points": encode_json(list(rows.values()))}
    )
    new = {(row[0], row[1], row[2]) for row in inserted}
    known = [row for key, row in rows.items() if key not in new]
    if not known:
        return {}
    # A new statement sees what others have committed meanwhile.
    found = connection.execute(_SQL["kept_values"], {"points": encode_json(known)})
    return {(row[0], row[1], row[2]): row[3] for row in found}


def _compare(
    updates: Sequence[Update], kept: dict[PointKey, float]
) -> tuple[list[Accepted], list[dict[str, Any]], list[Correction]]:
    """What became of each update, the rows of conflicts, and what is corrected."""
    values = dict(kept)
    results: list[Accepted] = []
    conflicts: list[dict[str, Any]] = []
    corrections: list[Correction] = []
    data: dict[PointKey, dict[str, Any]] = {}  # of what this batch has brought
    for update in updates:
        key = point_key(update)
        value = values.get(key)
        if value is None:
            values[key], data[key] = update.value, update.data
            results.append(NEW)
        elif value == update.value:
            results.append(DUPLICATE)
        elif update.correct:
            corrections.append(Correction(update, value, data.get(key)))
            values[key], data[key] = update.value, update.data
            results.append(Accepted(replaced=value))
        else:
            results.append(CONFLICT)
            conflicts.append(
                {
                    "tenant_id": update.tenant_id,
                    "kpi_id": update.kpi_id,
                    "observed_at": update.observed_at,
                    "trace_id": update.trace_id,
                    "value": update.value,
                    "kept_value": value,
                    "request_id": update.request_id,
                }
            )
    return results, conflicts, corrections


def _record_conflicts(
    connection: sa.Connection, conflicts: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Record conflicts, doubt their points; those that were not known before."""
    new = {
        (row[0], row[1], row[2])
        for row in connection.execute(
            _SQL["record_conflicts"], {"conflicts": encode_json(conflicts)}
        )
    }
    doubted = [
        row for row in conflicts if (row["tenant_id"], row["kpi_id"], row["observed_at"]) in new
    ]
    if doubted:
        connection.execute(_SQL["doubt_points"], {"points": encode_json(doubted)})
    return doubted


def _inbox_rows(updates: Sequence[Update]) -> str:
    rows: dict[_UpdateKey, dict[str, Any]] = {}
    for update in updates:
        key = (update.tenant_id, update.trace_id, update.kpi_id, update.observed_at)
        row = rows.get(key)
        if row is None:
            rows[key] = {
                "tenant_id": update.tenant_id,
                "trace_id": update.trace_id,
                "kpi_id": update.kpi_id,
                "observed_at": update.observed_at,
                "timestamp_text": update.timestamp_text,
                "kpi_type": update.kpi_type,
                "value": update.value,
                "data": update.data,
                "metadata": update.metadata,
                "chart": update.chart,
                "request_id": update.request_id,
            }
        else:  # the same twice in one batch: merged as it would be in two
            row["metadata"] = row["metadata"] or update.metadata
            row["chart"] = row["chart"] or update.chart
            if update.correct:
                row["value"], row["data"] = update.value, update.data
    return encode_json(list(rows.values()))


def _complete_jobs(
    connection: sa.Connection,
    updates: Sequence[Update],
    timeout: timedelta,
    receipts: Sequence[dict[str, Any]],
) -> None:
    came: dict[tuple[int, str, str], bool] = {}
    looked_at: set[tuple[int, str, int]] = set()  # all updates of a body await the same KPIs
    for update in updates:
        tenant_id, trace_id = update.tenant_id, update.trace_id
        came[tenant_id, trace_id, update.kpi_id] = True
        same = (tenant_id, trace_id, id(update.awaited))
        if update.awaited and same not in looked_at:
            looked_at.add(same)
            for kpi_id in update.awaited:
                came.setdefault((tenant_id, trace_id, kpi_id), False)
    traces = {(update.tenant_id, update.trace_id) for update in updates}
    ensure_jobs(connection, traces, timeout)
    kpis = [
        {"tenant_id": tenant_id, "trace_id": trace_id, "kpi_id": kpi_id, "came": is_here}
        for (tenant_id, trace_id, kpi_id), is_here in came.items()
    ]
    connection.execute(
        _SQL["complete_kpis"],
        {"kpis": encode_json(kpis), "receipts": encode_json(list(receipts))},
    )
