"""What became of readings, in the words and shapes of the gateway's answers; pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from ingestion_pipeline.domains.kpis.contract.batch import Refused, Sent
from ingestion_pipeline.domains.kpis.contract.readings import (
    Readings,
    Unusable,
    Update,
    is_kpi_id,
    is_trace_id,
)
from ingestion_pipeline.domains.kpis.land.readings import Accepted
from ingestion_pipeline.foundation.errors import FieldError

_DUPLICATE = "Data point already exists"  # as the replaced service says it
_CONFLICT = "the series has a point of that instant with another value, which is kept"

_MOST_UNNAMED = 100  # of a body, that are listed in its answer

# One of several: what it is, and what became of its updates.
Outcome = tuple[Sent, Readings | Refused, Sequence[Accepted]]


def of_update(kpi_id: str, accepted: Accepted) -> dict[str, Any]:
    """What became of an update."""
    if accepted.replaced is not None:
        message = "corrected; the value that was there is kept in the history"
        corrected = {"corrected": True, "previousValue": accepted.replaced}
        return {"status": "success", "message": message, "kpiId": kpi_id, **corrected}
    if accepted.conflict:
        said = {"status": "duplicate", "message": _CONFLICT, "kpiId": kpi_id, "conflict": True}
    elif accepted.duplicate:
        said = {"status": "duplicate", "message": _DUPLICATE, "kpiId": kpi_id}
    else:
        said = {"status": "success", "message": "recorded", "kpiId": kpi_id}
    return said


def of_kpis(readings: Readings, accepted: Sequence[Accepted]) -> dict[str, Any]:
    """What became of a multi-KPI response: `results` in the order of its ids."""
    results = _results(readings, accepted)
    usable = len(readings.updates)
    status = "success" if usable == len(results) else "partial"
    message = f"Processed {len(results)} KPIs"
    if usable < len(results):
        message += f", of which {usable} are recorded"
    if not usable:
        status, message = "error", "no KPI has a value that can be recorded"
    said: dict[str, Any] = {
        "status": status,
        "message": message,
        "traceId": readings.trace_id,
        "results": results,
    }
    if readings.unnamed:
        said["message"] += f"; {readings.passed_over}"
        said["unnamed"] = list(readings.unnamed[:_MOST_UNNAMED])
    return said


def faults_of_kpis(readings: Readings) -> list[FieldError]:
    """Why KPIs of a multi-KPI response could not be recorded."""
    entries = (entry for entry in readings.entries if isinstance(entry, Unusable))
    return [FieldError(f"data.{entry.kpi_id}", entry.message) for entry in entries]


def of_several(outcomes: Sequence[Outcome]) -> tuple[int, dict[str, Any]]:
    """The answer to several readings: its status code, and `results` in their order.

    202 when something is new, 200 when all that could be recorded was there, 422 when nothing
    could.
    """
    results = [_of_one(*outcome) for outcome in outcomes]
    said = [each for result in results for each in result.get("results", [result])]
    counts = {
        "new": sum(each["status"] == "success" and "corrected" not in each for each in said),
        "corrected": sum("corrected" in each for each in said),
        "duplicates": sum(each["status"] == "duplicate" for each in said),
        "conflicts": sum("conflict" in each for each in said),
        "refused": sum(each["status"] in ("error", "missing") for each in said),
    }
    usable = len(said) - counts["refused"]
    status = "success" if usable == len(said) else "partial" if usable else "error"
    message = f"{usable} of {len(said)} readings recorded"
    if counts["duplicates"]:
        message += f", {counts['duplicates']} of them before"
    document = {"status": status, "message": message, "counts": counts, "results": results}
    if not usable:
        document["errors"] = [
            {"field": f"results[{index}].{fault['field']}", "message": fault["message"]}
            for index, result in enumerate(results[:10])
            for fault in result["errors"]
        ]
    code = 202 if counts["new"] or counts["corrected"] else 200 if usable else 422
    return code, document


def _of_one(sent: Sent, parsed: Readings | Refused, accepted: Sequence[Accepted]) -> dict[str, Any]:
    if isinstance(parsed, Refused):
        names = sent.body if isinstance(sent.body, dict) else {}
        usable = {"traceId": is_trace_id, "kpiId": is_kpi_id}
        ids = {name: names[name] for name, known in usable.items() if known(names.get(name))}
        return {
            **sent.place,
            "status": "error",
            "message": parsed.message,
            **ids,
            "errors": _errors(parsed.faults),
        }
    if parsed.multiple:
        several = {**sent.place, **of_kpis(parsed, accepted)}
        if several["status"] != "success":
            several["errors"] = _errors(faults_of_kpis(parsed))
        return several
    return {
        **sent.place,
        "traceId": parsed.trace_id,
        **of_update(parsed.updates[0].kpi_id, accepted[0]),
    }


def _errors(faults: Iterable[FieldError]) -> list[dict[str, str]]:
    return [{"field": fault.field, "message": fault.message} for fault in faults]


def _results(readings: Readings, accepted: Sequence[Accepted]) -> list[dict[str, Any]]:
    outcomes = iter(accepted)
    return [
        of_update(entry.kpi_id, next(outcomes)) if isinstance(entry, Update) else _unusable(entry)
        for entry in readings.entries
    ]


def _unusable(entry: Unusable) -> dict[str, Any]:
    return {"kpiId": entry.kpi_id, "status": entry.status, "message": entry.message}
