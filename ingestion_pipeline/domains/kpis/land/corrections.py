"""Corrections: a sender puts a wrong value right; what it was before stays readable.

A correction replaces the value of a point, and of every update that had brought the old one, in the
transaction that records it; all of them are published again. Sent twice, it finds the value right
and is a duplicate. The locks are those of readings.py, taken in its order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ingestion_pipeline.domains.kpis.contract.instants import instant_text
from ingestion_pipeline.domains.kpis.contract.readings import Update, member, parse_readings
from ingestion_pipeline.domains.kpis.tables import corrections, points, updates
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.json_rows import encode_json
from ingestion_pipeline.foundation.storage.statements import statements

_SQL = statements(__name__)

PointKey = tuple[int, str, datetime]


class Correction(NamedTuple):
    """A value that replaces another.

    Attributes:
        update: what was sent, with the new value.
        old_data: what the old value came with, where that is of the same batch.
    """

    update: Update
    old_value: float
    old_data: dict[str, Any] | None


@dataclass(frozen=True)
class Point:
    """A point as it is, for whoever wants to put another value there."""

    kpi_id: str
    observed_at: datetime
    timestamp_text: str
    kpi_type: str
    trace_id: str
    data: dict[str, Any]


def point_key(update: Update) -> PointKey:
    """What identifies the point of an update."""
    return update.tenant_id, update.kpi_id, update.observed_at


def lock_points(connection: sa.Connection, keys: Collection[PointKey]) -> dict[PointKey, float]:
    """Lock points, so that nobody else corrects them meanwhile; their values."""
    found = connection.execute(_SQL["lock_points"], {"points": encode_json(_keys(keys))})
    return {(row[0], row[1], row[2]): row[3] for row in found}


def correct_points(connection: sa.Connection, made: Sequence[Correction]) -> None:
    """Record corrections in their order, and give the points, which are locked, their last value.

    The updates of these points are locked too, before any of the batch is written.
    """
    final: dict[PointKey, float] = {}
    rows: list[dict[str, Any]] = []
    for number, (update, old_value, old_data) in enumerate(made):
        final[point_key(update)] = update.value
        rows.append(
            {
                "number": number,
                **_key(point_key(update)),
                "old_value": old_value,
                "new_value": update.value,
                "old_data": old_data,
                "trace_id": update.trace_id,
                "request_id": update.request_id,
            }
        )
    connection.execute(_SQL["record"], {"corrections": encode_json(rows)})
    values = [{**_key(key), "value": value} for key, value in final.items()]
    connection.execute(_SQL["set_points"], {"points": encode_json(values)})
    connection.execute(_SQL["lock_updates"], {"points": encode_json(_keys(final))})


def correct_updates(
    connection: sa.Connection, sent: Sequence[Update], made: Sequence[Correction]
) -> None:
    """Make the updates agree that brought a value which was wrong; they are published again.

    Args:
        connection: within the transaction that has recorded the batch.
        sent: all corrections of the batch, those that had been made already included.
        made: those that replaced a value.
    """
    rows: dict[PointKey, dict[str, Any]] = {}
    for update in sent:  # the last of a point says what holds
        key = point_key(update)
        row = rows.setdefault(key, {**_key(key), "trace_ids": [], "old_values": []})
        row["value"], row["data"] = update.value, update.data
    for update in sent:
        row = rows[point_key(update)]
        if update.value == row["value"] and update.trace_id not in row["trace_ids"]:
            row["trace_ids"].append(update.trace_id)
    for update, old_value, _ in made:
        old_values = rows[point_key(update)]["old_values"]
        if old_value not in old_values:
            old_values.append(old_value)
    connection.execute(_SQL["set_updates"], {"points": encode_json(list(rows.values()))})


def find_point(
    connection: sa.Connection, *, tenant_id: int, kpi_id: str, observed_at: datetime
) -> Point | None:
    """A point with what its first sender said of it."""
    same = [updates.c[name] == points.c[name] for name in ("tenant_id", "trace_id", "kpi_id")]
    row = connection.execute(
        sa.select(points, updates.c.data)
        .outerjoin(updates, sa.and_(*same, updates.c.observed_at == points.c.observed_at))
        .where(*_at(points, tenant_id, kpi_id, observed_at))
    ).one_or_none()
    if row is None:
        return None
    return Point(
        row.kpi_id, row.observed_at, row.timestamp_text, row.kpi_type, row.trace_id, row.data or {}
    )


def read_point(
    connection: sa.Connection, *, tenant_id: int, kpi_id: str, observed_at: datetime
) -> dict[str, Any] | None:
    """A point and the history of its value, oldest first; None when there is no such point."""
    row = connection.execute(
        sa.select(points).where(*_at(points, tenant_id, kpi_id, observed_at))
    ).one_or_none()
    if row is None:
        return None
    history = connection.execute(
        sa.select(corrections)
        .where(*_at(corrections, tenant_id, kpi_id, observed_at))
        .order_by(corrections.c.correction_id)
    )
    return {
        "kpiId": row.kpi_id,
        "timestamp": instant_text(row.observed_at),
        "timestampText": row.timestamp_text,
        "kpiType": row.kpi_type,
        "traceId": row.trace_id,
        "value": row.value,
        "quality": row.quality,
        "corrections": [
            {
                "value": each.old_value,
                "data": each.old_data,
                "replacedBy": each.new_value,
                "traceId": each.trace_id,
                "correctedAt": instant_text(each.corrected_at),
            }
            for each in history
        ],
    }


def replacement(
    body: object, point: Point, *, tenant_id: int, now: datetime, request_id: str | None = None
) -> Update:
    """What corrects a point: `{"value": …}`, or whole new `data`; `traceId` says who does.

    Raises:
        ContractError: it breaks the contract.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object")
    data = body.get("data")
    if data is None:
        if body.get("value") is None:
            raise ContractError("value: is required")
        data = {**point.data, "value": body["value"]}
    trace_id = member(body, "traceId", "trace_id")
    reading = {
        "traceId": point.trace_id if trace_id is None else trace_id,
        "kpiId": point.kpi_id,
        "timestamp": point.timestamp_text,
        "kpiType": point.kpi_type,
        "data": data,
        "metadata": body.get("metadata"),
        "correct": True,
    }
    [update] = parse_readings(reading, tenant_id=tenant_id, now=now, request_id=request_id).updates
    return update


def _at(
    table: sa.Table, tenant_id: int, kpi_id: str, observed_at: datetime
) -> list[sa.ColumnElement[bool]]:
    key = {"tenant_id": tenant_id, "kpi_id": kpi_id, "observed_at": observed_at}
    return [table.c[name] == value for name, value in key.items()]


def _keys(keys: Collection[PointKey]) -> list[dict[str, Any]]:
    return [_key(key) for key in keys]


def _key(key: PointKey) -> dict[str, Any]:
    return dict(zip(("tenant_id", "kpi_id", "observed_at"), key, strict=True))
