"""The contract of the two smaller bodies: a job announced, an analysis put on a package; pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ingestion_pipeline.domains.kpis.contract.readings import (
    is_kpi_id,
    is_trace_id,
    kpi_ids_of,
    member,
    refused,
    trace_id_of,
)
from ingestion_pipeline.domains.kpis.contract.values import storable_faults
from ingestion_pipeline.foundation.errors import ContractError, FieldError

LONGEST_TIMEOUT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A job that is about to start, and the KPIs that it will bring.

    Attributes:
        timeout: after it pending KPIs count as timed out; None: KPI_JOB_TIMEOUT.
    """

    tenant_id: int
    trace_id: str
    kpi_ids: tuple[str, ...]
    timeout: timedelta | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What somebody makes of a package; the last one is kept."""

    tenant_id: int
    trace_id: str
    kpi_id: str
    analysis: dict[str, Any] | list[Any] | str


def parse_announcement(body: object, *, tenant_id: int) -> Announcement:
    """The announcement of a decoded body; a job may be announced before its KPIs are known.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object")
    faults: list[FieldError] = []
    trace_id = trace_id_of(member(body, "traceId", "trace_id"), faults)
    listed = member(body, "kpiIds", "kpi_ids")
    kpi_ids = () if listed == [] else kpi_ids_of(listed, faults)
    seconds = member(body, "timeoutSeconds", "timeout_seconds")
    longest = LONGEST_TIMEOUT.total_seconds()
    timeout = None
    if seconds is not None:
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 < seconds <= longest:
            rule = f"must be a number above 0 and up to {longest:.0f}"
            faults.append(FieldError("timeoutSeconds", rule))
        else:
            timeout = timedelta(seconds=seconds)
    if faults:
        raise refused(faults)
    return Announcement(tenant_id, trace_id, kpi_ids, timeout)


def parse_analysis(body: object, *, tenant_id: int) -> Analysis:
    """The analysis of a decoded body.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object")
    faults: list[FieldError] = []
    trace_id, kpi_id = member(body, "traceId", "trace_id"), member(body, "kpiId", "kpi_id")
    if not is_trace_id(trace_id):
        faults.append(FieldError("traceId", "must be a trace id"))
    if not is_kpi_id(kpi_id):
        faults.append(FieldError("kpiId", "must be a KPI id"))
    analysis: Any = body.get("analysis")
    if not isinstance(analysis, dict | list | str) or not analysis:
        faults.append(FieldError("analysis", "must be a non-empty object, list or text"))
    faults += storable_faults(analysis, "analysis")
    if faults:
        raise refused(faults)
    return Analysis(tenant_id, str(trace_id), str(kpi_id), analysis)
