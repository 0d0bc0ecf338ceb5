"""What senders order: an import of a platform, checked before it is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN
from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.registry import PLATFORMS, Platform, canonical
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.instants import in_utc, iso_8601
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import stored

_MOST_PRIORITY = 100
_FIELDS = {"platform", "payload", "priority", "scheduled_for"}
_OF_API = {"access_token", "after", "before"}
STORAGE_PATH = "storagePath"
_OF_REPORTS = {"upload_id", STORAGE_PATH, "decimal", "dates"}
# What clients of the replaced services call members of an order and of its payload.
_SPELLINGS_OF_ORDERS = {"scheduledFor": "scheduled_for"}
_SPELLINGS = {"accessToken": "access_token", "storage_path": STORAGE_PATH, "uploadId": "upload_id"}
_OF_PAYLOADS = _OF_API | _OF_REPORTS | set(_SPELLINGS)
_LARGEST_ID = 2**63


@dataclass(frozen=True)
class Order:
    """An import that somebody wants; `by_hand`: its body named the platform, not its path."""

    platform: str
    payload: Mapping[str, Any] = field(repr=False)
    priority: int = 0
    scheduled_for: datetime | None = None
    by_hand: bool = True


def parse_order(
    body: Any, *, platform: str | None = None, among: Mapping[str, Platform] = PLATFORMS
) -> Order:
    """The order in a body; where the path names the platform, the body is the rest.

    Args:
        body: decoded.
        platform: that the path names.
        among: the platforms that there are.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    if not isinstance(body, dict):
        raise ContractError("body: must be an object")
    faults: list[FieldError] = []
    body = _spelled(body, _SPELLINGS_OF_ORDERS, faults)
    if platform is not None or set(body) & _OF_PAYLOADS:
        body = _wrapped(body, named=platform is not None)
    unknown = sorted(set(body) - (_FIELDS - {"platform"} if platform else _FIELDS))
    faults += [FieldError(name[:80], "is unknown") for name in unknown]
    name = platform if platform is not None else body.get("platform")
    name = canonical(name) if isinstance(name, str) else name
    if not isinstance(name, str) or name not in among:
        faults.append(FieldError("platform", f"must be one of {', '.join(among)}"))
    payload = body.get("payload")
    if not isinstance(payload, dict):
        faults.append(FieldError("payload", "must be an object"))
    elif isinstance(name, str) and name in among:
        payload = _spelled(payload, _SPELLINGS, faults, at="payload.")
        faults += _faults_of_payload(among[name], payload)
    priority = body.get("priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > 100:
        faults.append(FieldError("priority", f"must be from -{_MOST_PRIORITY} to {_MOST_PRIORITY}"))
    scheduled_for = _instant(body.get("scheduled_for"), faults)
    if faults:
        said = "; ".join(f"{fault.field}: {fault.message}" for fault in faults[:5])
        raise ContractError(said, faults)
    assert isinstance(name, str)  # noqa: S101
    assert isinstance(payload, dict)  # noqa: S101
    return Order(name, payload, priority, scheduled_for, by_hand=platform is None)


def land_order(
    connection: sa.Connection, configuration: Settings, *, tenant_id: int, order: Order
) -> int:
    """Record an order; returns the job's id.

    Raises:
        ContractError: it names a report that the tenant does not have, or a folder.
        ConfigurationError: it holds credentials, and there is no key to encrypt them.
    """
    if (path := order.payload.get(STORAGE_PATH)) is not None:
        tenant = _name_of(connection, tenant_id)
        stored.require_inside(configuration.landing, tenant, path)
        stored.require_folder(configuration.landing, tenant, path)
    upload_id = order.payload.get("upload_id")
    if upload_id is not None:
        c = uploads.c
        mine = sa.exists().where(
            c.upload_id == upload_id, c.tenant_id == tenant_id, c.domain == DOMAIN,
            c.type == order.platform,
        )  # fmt: skip
        if not connection.scalar(sa.select(mine)):
            rule = f"you have no report {upload_id} of {order.platform}"
            raise ContractError(
                f"payload.upload_id: {rule}", [FieldError("payload.upload_id", rule)]
            )
    return queue.land_import(
        connection, configuration, tenant_id=tenant_id, platform=order.platform,
        payload=order.payload, priority=order.priority, scheduled_for=order.scheduled_for,
    )  # fmt: skip


def _wrapped(body: dict[str, Any], *, named: bool) -> dict[str, Any]:
    """The body with its payload's members in a payload: `{"accessToken": …}` is one alone.

    `named`: the path has the platform's name, and the body has none.
    """
    if "payload" in body:
        return body
    own = _FIELDS - ({"platform"} if named else set())
    return {
        "payload": {name: value for name, value in body.items() if name not in own},
        **{name: value for name, value in body.items() if name in own},
    }


def _spelled(
    members: dict[str, Any], spellings: Mapping[str, str], faults: list[FieldError], at: str = ""
) -> dict[str, Any]:
    """The members under our names; one that is there in both spellings is a fault."""
    faults += [
        FieldError(at + name, f"is another spelling of {ours}, which is there, too")
        for name, ours in spellings.items()
        if name in members and ours in members
    ]
    ours_last = sorted(members.items(), key=lambda member: member[0] not in spellings)
    return {spellings.get(name, name): value for name, value in ours_last}


def _name_of(connection: sa.Connection, tenant_id: int) -> str:
    query = sa.select(tenants.c.name).where(tenants.c.tenant_id == tenant_id)
    name: str = connection.execute(query).scalar_one()
    return name


def _faults_of_payload(platform: Platform, payload: dict[str, Any]) -> list[FieldError]:
    known = _OF_API if platform.api else _OF_REPORTS
    faults = [
        FieldError(f"payload.{field[:80]}", f"is unknown; known are {', '.join(sorted(known))}")
        for field in sorted(set(payload) - known)
    ]
    if platform.api:
        try:
            platform.check(payload)
        except ContractError as error:
            faults += error.errors
        return faults
    try:
        Told(payload.get("decimal"), payload.get("dates"))
    except ContractError as error:
        faults += [FieldError(f"payload.{each.field}", each.message) for each in error.errors]
    if STORAGE_PATH in payload and (rule := stored.fault_of(payload[STORAGE_PATH])):
        faults.append(FieldError(stored.FIELD, rule))
    if STORAGE_PATH in payload and "upload_id" in payload:
        faults.append(FieldError(stored.FIELD, "names a report, and upload_id another: name one"))
    if "upload_id" not in payload:
        return faults  # an empty one is queued, and its job says what is missing
    upload_id = payload["upload_id"]
    if isinstance(upload_id, bool) or not isinstance(upload_id, int):
        rule = (
            f"must be the number of a report; upload one to /api/ingestion/upload/{platform.name}"
        )
        faults.append(FieldError("payload.upload_id", rule))
    elif not 0 < upload_id < _LARGEST_ID:
        faults.append(FieldError("payload.upload_id", "is out of range"))
    return faults


def _instant(value: Any, faults: list[FieldError]) -> datetime | None:
    if value is None:
        return None
    try:
        found = iso_8601(value)
        return in_utc(found)
    except (TypeError, ValueError, OverflowError):
        faults.append(FieldError("scheduled_for", "must be an ISO 8601 instant"))
        return None
