"""The contract of error reports: a body of `/api/kpi-error` → a report without secrets; pure.

Workflows report in many shapes: a text, an axios error, n8n's own errors, or the payload of n8n's
Error Trigger, which knows no trace. Nothing but a trace and an error is asked for, and every other
key is kept. n8n's errors carry the whole `node` with its credentials: that, and whatever else
looks like a secret, never reaches the database.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingestion_pipeline.domains.kpis.contract.instants import parse_instant
from ingestion_pipeline.domains.kpis.contract.readings import (
    is_trace_id,
    kpi_ids_of,
    member,
    optional_kpi_id,
    refused,
)
from ingestion_pipeline.domains.kpis.contract.values import storable_faults
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.secret_names import PARAMETER, is_secret

REDACTED = "[redacted]"
LONGEST_MESSAGE = 4_000

_MOST_RETRIES = 2**31 - 1
_MESSAGES = ("message", "error", "description", "errorMessage")
_CODES = ("httpCode", "statusCode", "status", "code", "errorCode")
_TYPES = ("name", "type", "errorType")
_LEADING_CODE = re.compile(r"([0-9]{3}) - ")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_PART = 96  # of a derived trace id
_SECRET_IN_TEXT = re.compile(
    r"(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    # Names in bounds: what a stranger sends must not be searched again and again.
    rf"|(?P<name>[?&][^=&\s\"'#]{{0,64}}?{PARAMETER}[^=&\s\"'#]{{0,64}}=)[^&\s\"'#]+"
    r"|(?P<user>://)[^/\s:@\"']+:[^/\s@\"']+@",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """What a workflow reported.

    Attributes:
        kpi_ids: the KPIs that failed; none: the error is the job's.
        observed_at: when it happened, if the report says so.
        sha256: of the body as it was sent: the same report again is a duplicate.
        body: the report without secrets.
    """

    tenant_id: int
    trace_id: str
    kpi_ids: tuple[str, ...]
    message: str
    code: str | None
    type: str | None
    retry_count: int | None
    observed_at: datetime | None
    sha256: str
    body: dict[str, Any]
    request_id: str | None = None


def parse_report(body: object, *, tenant_id: int, request_id: str | None = None) -> ErrorReport:
    """The report of a decoded body.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if isinstance(body, list) and len(body) == 1:  # as n8n wraps it
        body = body[0]
    if not isinstance(body, dict):
        raise ContractError("body: must be a JSON object, or a list of one")
    faults = storable_faults(body, "body")
    if faults:
        raise refused(faults)
    error = _error_of(body)
    if not error:
        faults.append(FieldError("error", "must be a non-empty text, object or list"))
    trace_id = _trace_id(body, faults)
    kpi_id = optional_kpi_id(member(body, "kpiId", "kpi_id"), faults)
    kpi_ids = kpi_ids_of(member(body, "kpiIds", "kpi_ids") or None, faults)
    retries = member(body, "retryCount", "retry_count")
    if retries is not None and not _is_count(retries):
        faults.append(FieldError("retryCount", "must be an integer of 0 or more"))
    observed_at = None
    if body.get("timestamp") is not None:
        try:
            observed_at = parse_instant(body["timestamp"])
        except ValueError as fault:
            faults.append(FieldError("timestamp", str(fault)))
    if faults:
        raise refused(faults)
    clean = redacted(body)
    message, code, type_ = described_error(redacted(error))
    return ErrorReport(
        tenant_id=tenant_id,
        trace_id=trace_id,
        kpi_ids=tuple(dict.fromkeys((kpi_id, *kpi_ids) if kpi_id else kpi_ids)),
        message=message,
        code=code,
        type=type_,
        retry_count=retries,
        observed_at=observed_at,
        sha256=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
        body=clean,
        request_id=request_id,
    )


def described_error(error: object) -> tuple[str, str | None, str | None]:
    """Message, code and type of an error of any shape."""
    if isinstance(error, list):
        first = next((each for each in error if each and isinstance(each, str | dict)), error)
        if first is not error:
            return described_error(first)
    if not isinstance(error, dict):
        text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
        return text[:LONGEST_MESSAGE], _leading_code(text), None
    cause = error.get("cause")
    cause = cause if isinstance(cause, dict) else {}
    type_ = _first_text(error, _TYPES)
    message = (
        _first_text(error, _MESSAGES)
        or _first_text(cause, ("message",))
        or _first_text(error, ("name",))
        or json.dumps(error, ensure_ascii=False)
    )
    code = _first_code(error) or _first_code(cause) or _leading_code(message)
    return message[:LONGEST_MESSAGE], code, type_


def redacted(value: Any) -> Any:
    """A JSON value without what looks like a secret, however deep it is.

    `node` of n8n's errors goes as a whole: it holds the node's parameters and credentials.
    """
    if isinstance(value, dict):
        return {
            key: REDACTED
            if isinstance(member, str | dict | list)
            and member
            and (key.lower() == "node" or is_secret(key))
            else redacted(member)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [redacted(each) for each in value]
    return _SECRET_IN_TEXT.sub(_without_secret, value) if isinstance(value, str) else value


def _without_secret(found: re.Match[str]) -> str:
    kept = found["scheme"] or found["name"] or found["user"]
    return f"{kept}{REDACTED}" + ("@" if found["user"] else "")


def _error_of(body: dict[str, Any]) -> Any:
    """The error itself: sent as such, or within n8n's `execution` or `trigger`."""
    for holder in (body, body.get("execution"), body.get("trigger")):
        if isinstance(holder, dict) and holder.get("error"):
            error = holder["error"]
            if isinstance(error, dict | list) or (isinstance(error, str) and error.strip()):
                return error
    return None


def _trace_id(body: dict[str, Any], faults: list[FieldError]) -> str:
    """The trace id as sent, else the one of an n8n execution."""
    trace_id = member(body, "traceId", "trace_id")
    if trace_id is None:
        workflow, execution = body.get("workflow"), body.get("execution")
        if isinstance(execution, dict) or isinstance(body.get("trigger"), dict):
            # n8n gives no execution id when executions are not saved, or the trigger itself failed.
            run = "unsaved" if isinstance(execution, dict) else "trigger"
            of_workflow = _part(workflow, default="unknown")
            return f"n8n:{of_workflow}:{_part(execution, default=run)}"
    if is_trace_id(trace_id):
        return str(trace_id)
    rule = "must be 1 to 200 of A-Z, a-z, 0-9, '.', '_' and '-'; or send n8n's own error payload"
    faults.append(FieldError("traceId", rule))
    return ""


def _part(holder: object, *, default: str) -> str:
    identity = holder.get("id") if isinstance(holder, dict) else None
    if not isinstance(identity, str | int) or isinstance(identity, bool) or identity == "":
        return default
    return _UNSAFE.sub("_", str(identity))[:_LONGEST_PART]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_RETRIES


def _first_text(error: dict[str, Any], names: tuple[str, ...]) -> str | None:
    texts = (error.get(name) for name in names)
    return next((text for text in texts if isinstance(text, str) and text.strip()), None)


def _first_code(error: dict[str, Any]) -> str | None:
    for name in _CODES:
        code = error.get(name)
        if isinstance(code, str | int | float) and not isinstance(code, bool) and code != "":
            return f"{code:.0f}" if isinstance(code, float) else str(code)[:100]
    return None


def _leading_code(message: str) -> str | None:
    found = _LEADING_CODE.match(message)
    return found[1] if found else None
