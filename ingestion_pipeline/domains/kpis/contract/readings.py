"""The contract of readings: a body of `/api/kpi-data` → updates, or every fault of it; pure.

A body is one reading (`kpiId`), or a multi-KPI response (`kpiIds`, and `data` by id), which becomes
one update an id. camelCase and snake_case are both welcome. Parsing costs some ten microseconds:
thousands of updates a second pass here.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from ingestion_pipeline.domains.kpis.contract.instants import reading_instant
from ingestion_pipeline.domains.kpis.contract.values import (
    primary_value,
    storable_faults,
    text_faults,
)
from ingestion_pipeline.foundation.errors import ContractError, FieldError

LONGEST_TYPE = 200
MOST_KPIS = 5_000  # of one body
_LONGEST_SHOWN = 128  # of a name in an answer

_KPI_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACE_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
_REPORTED_TRACE_ID = re.compile(
    r"[A-Za-z0-9._-]{1,200}|n8n:[A-Za-z0-9._-]{1,96}:[A-Za-z0-9._-]{1,96}"
)
_SPELLINGS = (("traceId", "trace_id"), ("kpiId", "kpi_id"), ("kpiIds", "kpi_ids"),
              ("kpiType", "kpi_type"))  # fmt: skip
_KPI_ID_RULE = "must be 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'"
_TRACE_ID_RULE = "must be 1 to 200 of A-Z, a-z, 0-9, '.', '_' and '-'"


class Update(NamedTuple):
    """One reading of one KPI, as it is recorded (made in a fifth of a frozen dataclass's time).

    Attributes:
        observed_at: the instant it was read, UTC.
        timestamp_text: the same as the sender wrote it.
        awaited: other KPIs that the job waits for.
        correct: whether it is to replace the value of a point that is there.
    """

    tenant_id: int
    trace_id: str
    kpi_id: str
    observed_at: datetime
    timestamp_text: str
    kpi_type: str
    value: float
    data: dict[str, Any]
    metadata: dict[str, Any] | None = None
    chart: dict[str, Any] | None = None
    awaited: tuple[str, ...] = ()
    request_id: str | None = None
    correct: bool = False


@dataclass(frozen=True, slots=True)
class Unusable:
    """A KPI of a multi-KPI response that gives no update, and why."""

    kpi_id: str
    status: Literal["missing", "error"]
    message: str


@dataclass(frozen=True, slots=True)
class Readings:
    """A body: what it gives in the order of its ids, and whether it was a multi-KPI response.

    Attributes:
        unnamed: what `data` of a multi-KPI response holds besides: nobody knows whether it is a
            KPI, so it is not recorded, and the sender is told.
    """

    trace_id: str
    entries: tuple[Update | Unusable, ...]
    multiple: bool
    unnamed: tuple[str, ...] = ()

    @property
    def updates(self) -> list[Update]:
        """What can be recorded."""
        return [entry for entry in self.entries if isinstance(entry, Update)]

    @property
    def passed_over(self) -> str:
        """What is said of `unnamed`; empty where there is nothing."""
        if not self.unnamed:
            return ""
        more = len(self.unnamed) - 3
        names = ", ".join(f"data.{name}" for name in self.unnamed[:3])
        names += f" and {more} more" if more > 0 else ""
        return f"not recorded, because kpiIds does not name it: {names}"


def member(body: dict[str, Any], camel: str, snake: str) -> Any:
    """A member of a body under either of its names."""
    value = body.get(camel)
    return body.get(snake) if value is None else value


def parse_readings(
    body: object, *, tenant_id: int, now: datetime, request_id: str | None = None
) -> Readings:
    """The updates of a decoded body.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object")
    faults = [
        FieldError(camel, f"is there twice, as {snake} too, and they differ")
        for camel, snake in _SPELLINGS
        if snake in body and camel in body and _differ(body[camel], body[snake])
    ]
    trace_id = trace_id_of(member(body, "traceId", "trace_id"), faults)
    timestamp: Any = body.get("timestamp")
    observed_at = _instant(timestamp, now, faults)
    kpi_type = _type(member(body, "kpiType", "kpi_type"), faults)
    kpi_id = member(body, "kpiId", "kpi_id")
    kpi_ids = kpi_ids_of(member(body, "kpiIds", "kpi_ids"), faults)
    multiple = kpi_id is None and bool(kpi_ids)
    if not multiple and not (isinstance(kpi_id, str) and _KPI_ID.fullmatch(kpi_id)):
        faults.append(FieldError("kpiId", _KPI_ID_RULE))
    data = _object(body.get("data"), "data", faults)
    metadata = _optional_object(body.get("metadata"), "metadata", faults)
    chart = _chart(body.get("chart"), faults)
    correct = body.get("correct")
    if correct is not None and not isinstance(correct, bool):
        faults.append(FieldError("correct", "must be true or false"))
    value = None
    if data is not None and not multiple:
        try:
            value = primary_value(data)
        except ValueError as error:
            faults.append(FieldError("data.value" if "value" in data else "data", str(error)))
    if faults or observed_at is None or data is None:
        raise refused(faults)
    instant = observed_at

    def update(kpi_id: str, value: float, data: dict[str, Any]) -> Update:
        # Positional: twelve keywords cost a microsecond.
        return Update(
            tenant_id, trace_id, kpi_id, instant, timestamp, kpi_type, value, data, metadata,
            chart, kpi_ids, request_id, correct is True,
        )  # fmt: skip

    if value is not None:
        return Readings(trace_id, (update(kpi_id, value, data),), multiple=False)
    entries: list[Update | Unusable] = []
    for each in kpi_ids:
        content = {"value": data.get(each)}
        if content["value"] is None:
            entries.append(Unusable(each, "missing", f"data holds no value of {each}"))
            continue
        try:
            entries.append(update(each, primary_value(content), content))
        except ValueError as error:
            entries.append(Unusable(each, "error", str(error)))
    named = frozenset(kpi_ids)
    unnamed = tuple(
        name[:_LONGEST_SHOWN]
        for name, held in data.items()
        if name not in named and held is not None
    )
    return Readings(trace_id, tuple(entries), multiple=True, unnamed=unnamed)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def trace_id_of(trace_id: object, faults: list[FieldError]) -> str:
    """A trace id; a fault is noted when it is none."""
    if isinstance(trace_id, str) and _TRACE_ID.fullmatch(trace_id):
        return trace_id
    faults.append(FieldError("traceId", _TRACE_ID_RULE))
    return ""


def is_kpi_id(text: object) -> bool:
    """Whether a text can be a KPI's id."""
    return isinstance(text, str) and _KPI_ID.fullmatch(text) is not None


def is_trace_id(text: object) -> bool:
    """Whether a text can be the trace id of a job, derived ones (`n8n:…:…`) included."""
    return isinstance(text, str) and _REPORTED_TRACE_ID.fullmatch(text) is not None


def kpi_ids_of(kpi_ids: object, faults: list[FieldError]) -> tuple[str, ...]:
    """A list of KPI ids, each once, in order; none when there is no list. Faults are noted."""
    if kpi_ids is None:
        return ()
    if not isinstance(kpi_ids, list) or not 1 <= len(kpi_ids) <= MOST_KPIS:
        faults.append(FieldError("kpiIds", f"must be a list of 1 to {MOST_KPIS} KPI ids"))
        return ()
    faults += [
        FieldError(f"kpiIds[{index}]", _KPI_ID_RULE)
        for index, each in enumerate(kpi_ids)
        if not is_kpi_id(each)
    ]
    return () if faults else tuple(dict.fromkeys(kpi_ids))


def optional_kpi_id(kpi_id: object, faults: list[FieldError]) -> str | None:
    """A KPI id or None; a fault is noted when it is neither."""
    if kpi_id is None or is_kpi_id(kpi_id):
        return kpi_id if isinstance(kpi_id, str) else None
    faults.append(FieldError("kpiId", _KPI_ID_RULE))
    return None


def refused(faults: list[FieldError]) -> ContractError:
    """The error that carries these faults."""
    shown = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if len(faults) > 3 else ""
    return ContractError(shown + more, faults)


def _instant(timestamp: object, now: datetime, faults: list[FieldError]) -> datetime | None:
    try:
        return reading_instant(timestamp, now=now)
    except ValueError as error:
        faults.append(FieldError("timestamp", str(error)))
        return None


def _type(kpi_type: object, faults: list[FieldError]) -> str:
    if not isinstance(kpi_type, str) or not 1 <= len(kpi_type) <= LONGEST_TYPE:
        faults.append(FieldError("kpiType", f"must be a text of 1 to {LONGEST_TYPE} characters"))
        return ""
    faults += text_faults(kpi_type, "kpiType")
    return kpi_type


def _object(value: object, field: str, faults: list[FieldError]) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        faults.append(FieldError(field, "must be an object"))
        return None
    faults += storable_faults(value, field)
    return value


def _optional_object(value: object, field: str, faults: list[FieldError]) -> dict[str, Any] | None:
    return None if value is None else _object(value, field, faults)


def _chart(value: object, faults: list[FieldError]) -> dict[str, Any] | None:
    """The chart under the names of our documents; its three members are texts where given."""
    chart = _optional_object(value, "chart", faults)
    if chart is None:
        return None
    if "time_range" in chart:
        chart = {**chart, "timeRange": member(chart, "timeRange", "time_range")}
        del chart["time_range"]
    for name in ("url", "type", "timeRange"):
        text = chart.get(name)
        if text is not None and not isinstance(text, str):
            faults.append(FieldError(f"chart.{name}", "must be a text"))
    return chart
