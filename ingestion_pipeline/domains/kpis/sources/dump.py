"""Documents of the original's key-value store → what they were made from; pure.

    timeseries:{kpiId}          {kpiId, kpiType, dataPoints: [{timestamp, value, metadata?}], …}
    package:{traceId}:{kpiId}   {traceId, kpiId, timestamp, kpiType, data, chart, analysis, …}
    job:{traceId}               {traceId, createdAt, kpis: {kpiId: {status, completedAt, …}}, …}

Our own documents have the same shapes. Points of a series name no trace; theirs is
`history.{kpiId}`. Shapes: the schema and a dump of the original (pohlipit23/metric_stream).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingestion_pipeline.domains.kpis.contract.instants import parse_instant
from ingestion_pipeline.domains.kpis.contract.mapped import DEFAULT_TYPE, history_trace
from ingestion_pipeline.domains.kpis.contract.readings import (
    Update,
    is_kpi_id,
    is_trace_id,
    parse_readings,
    refused,
)
from ingestion_pipeline.domains.kpis.contract.values import primary_value, storable_faults
from ingestion_pipeline.domains.kpis.sources.history_entries import Entry
from ingestion_pipeline.foundation.errors import ContractError, FieldError

_STATUSES = ("pending", "completed", "failed", "timeout")
KINDS = ("timeseries", "package", "job")


@dataclass(frozen=True)
class JobKPI:
    """A KPI of a job, as the store left it."""

    kpi_id: str
    status: str
    completed_at: datetime | None
    error: str | None
    retry_count: int


@dataclass(frozen=True)
class JobRecord:
    """A job, as the store left it."""

    tenant_id: int
    trace_id: str
    created_at: datetime
    timeout_at: datetime | None
    kpis: tuple[JobKPI, ...]


@dataclass(frozen=True)
class Imported:
    """A reading of a file, with the analysis of its package where it has one."""

    updates: list[Update]
    analysis: Any = None


@dataclass(frozen=True)
class Fault:
    """What could not be used, and why."""

    place: str
    reason: str


@dataclass(frozen=True)
class PassedOver:
    """A document of another kind: nothing that is imported."""

    kind: str


Item = Imported | JobRecord | Fault | PassedOver


def items_of(
    entry: Entry, *, tenant_id: int, now: datetime, kpi_id: str | None, kpi_type: str | None
) -> Iterator[Item]:
    """What an entry of a file holds: of a time series, every point by itself.

    Args:
        entry: of a file.
        tenant_id: whose history it is.
        now: no reading is much newer.
        kpi_id: of readings that name none.
        kpi_type: of readings that name none.
    """
    value = entry.value
    kind = _kind(entry)
    if entry.fault is not None:
        yield Fault(entry.place, entry.fault)
    elif kind not in KINDS:
        yield PassedOver(kind)
    elif not isinstance(value, dict):
        yield Fault(entry.place, "must be a JSON object")
    elif kind == "timeseries":
        yield from _points(entry, value, tenant_id, now)
    elif kind == "job":
        yield _attempt(entry.place, lambda: _job(value, tenant_id))
    else:
        value = {**value}
        if kpi_id is not None and not (value.get("kpiIds") or value.get("kpi_ids")):
            value.setdefault("kpiId", kpi_id)
        if "kpi_type" not in value:
            value.setdefault("kpiType", kpi_type or DEFAULT_TYPE)
        if "trace_id" not in value and "traceId" not in value:
            value["traceId"] = history_trace(value.get("kpiId", value.get("kpi_id")))
        yield from _reading(entry.place, value, tenant_id, now)


def _kind(entry: Entry) -> str:
    if entry.key is not None:
        return entry.key.partition(":")[0]
    value = entry.value
    if isinstance(value, dict) and "timestamp" not in value:
        if isinstance(value.get("dataPoints"), list):
            return "timeseries"
        if isinstance(value.get("kpis"), dict):
            return "job"
    return "package"


def _reading(
    place: str, body: dict[str, Any], tenant_id: int, now: datetime
) -> Iterator[Imported | Fault]:
    analysis = body.pop("analysis", None)
    try:
        readings = parse_readings(body, tenant_id=tenant_id, now=now)
        if faults := storable_faults(analysis, "analysis"):
            raise refused(faults)
    except ContractError as error:
        yield Fault(place, str(error))
        return
    if readings.updates:
        yield Imported(readings.updates, analysis)
    if readings.passed_over:
        yield Fault(place, readings.passed_over)
    for each in readings.entries:
        if not isinstance(each, Update):
            yield Fault(f"{place}, {each.kpi_id}", each.message)


def _points(
    entry: Entry, document: dict[str, Any], tenant_id: int, now: datetime
) -> Iterator[Imported | Fault]:
    of_key = entry.key.partition(":")[2] if entry.key else None
    kpi_id = document.get("kpiId", of_key)
    if of_key is not None and kpi_id != of_key:
        yield Fault(entry.place, "kpiId: is not the one of its key")
        return
    source = document.get("metadata")
    source = source.get("source") if isinstance(source, dict) else None
    points = document.get("dataPoints")
    if not isinstance(points, list):
        yield Fault(entry.place, "dataPoints: must be a list")
        return
    for number, point in enumerate(points):
        place = f"{entry.place}, dataPoints[{number}]"
        if not isinstance(point, dict):
            yield Fault(place, "must be an object")
            continue
        metadata = point.get("metadata")
        said: dict[str, Any] = metadata if isinstance(metadata, dict) else {}
        body = {
            "traceId": history_trace(kpi_id),
            "kpiId": kpi_id,
            "timestamp": point.get("timestampText") or point.get("timestamp"),
            "kpiType": said.get("kpiType") or document.get("kpiType") or DEFAULT_TYPE,
            "data": _data(point, said),
            "chart": said.get("chart"),
            "metadata": {"source": source} if isinstance(source, str) else None,
        }
        yield from _reading(place, body, tenant_id, now)


def _data(point: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """What was sent, where it agrees with the value of the point; else the value."""
    original = said.get("originalData")
    if isinstance(original, dict) and not isinstance(point.get("value"), bool):  # True == 1
        try:
            if primary_value(original) == point.get("value"):
                return original
        except ValueError:
            pass
    return {"value": point.get("value")}


def _attempt(place: str, make: Any) -> Item:
    try:
        item: Item = make()
    except ContractError as error:
        return Fault(place, str(error))
    return item


def _job(document: dict[str, Any], tenant_id: int) -> JobRecord:
    faults: list[FieldError] = []
    trace_id = document.get("traceId")
    if not is_trace_id(trace_id):
        faults.append(FieldError("traceId", "must be the id of a trace"))
    metadata = document.get("metadata")
    threshold = metadata.get("timeoutThreshold") if isinstance(metadata, dict) else None
    created_at = _instant(document.get("createdAt"), "createdAt", faults)
    timeout_at = threshold and _instant(threshold, "metadata.timeoutThreshold", faults)
    sent = document.get("kpis") or {}
    if not isinstance(sent, dict):
        faults.append(FieldError("kpis", "must be an object of KPIs by their id"))
        sent = {}
    kpis = [_job_kpi(name, kpi, faults) for name, kpi in sent.items()]
    if faults or created_at is None:
        raise refused(faults)
    return JobRecord(
        tenant_id, str(trace_id), created_at, timeout_at or None,
        tuple(kpi for kpi in kpis if kpi is not None),
    )  # fmt: skip


def _job_kpi(kpi_id: str, kpi: Any, faults: list[FieldError]) -> JobKPI | None:
    field = f"kpis.{kpi_id}"
    if not is_kpi_id(kpi_id) or not isinstance(kpi, dict):
        faults.append(FieldError(field, "must be an object under the id of a KPI"))
        return None
    status = kpi.get("status")
    if status not in _STATUSES:
        faults.append(FieldError(f"{field}.status", f"must be one of {', '.join(_STATUSES)}"))
        return None
    completed_at = None
    if status == "completed":
        completed_at = _instant(kpi.get("completedAt"), f"{field}.completedAt", faults)
    error, retries = kpi.get("error"), kpi.get("retryCount")
    faults += storable_faults(error, f"{field}.error")
    return JobKPI(
        kpi_id, str(status), completed_at, None if error is None else str(error)[:4000],
        retries if isinstance(retries, int) and 0 <= retries < 2**31 else 0,
    )  # fmt: skip


def _instant(text: object, field: str, faults: list[FieldError]) -> datetime | None:
    try:
        return parse_instant(text)
    except ValueError as error:
        faults.append(FieldError(field, str(error)))
        return None
