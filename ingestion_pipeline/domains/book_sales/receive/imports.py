"""What comes to the gateway, recorded: orders once a key, reports once a content."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.land import orders, queue
from ingestion_pipeline.domains.book_sales.land.orders import Order
from ingestion_pipeline.domains.book_sales.land.queue import Report
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.ledger.idempotency import Started
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.gateway.files.encodings import Part
from ingestion_pipeline.gateway.files.receiving import land, removed_if_refused
from ingestion_pipeline.gateway.front import Caller, Gateway
from ingestion_pipeline.gateway.once import Receipt, once, store


def location_of(job_id: int) -> str:
    """Where the state of an import is told."""
    return f"/api/ingestion/status/{uuid_of(job_id)}"


async def receive_order(
    gateway: Gateway, caller: Caller, order: Order, *, endpoint: str, key: str | None
) -> Receipt:
    """Record an order, once a key.

    Raises:
        Refusal: 409 the key's first request is under way, 422 it was used with another order.
        ContractError, ConfigurationError: as `orders.record`.
    """

    async def work(started: Started | None) -> Receipt:
        return await gateway.run(_record, gateway.configuration, caller.tenant_id, order, started)

    async def payload() -> bytes:
        return _hash(order)

    if key is None:
        return await work(None)
    return await once(
        gateway, caller, work, endpoint=endpoint, key=key, payload=payload, noun="order"
    )


def _record(
    connection: sa.Connection,
    configuration: Settings,
    tenant_id: int,
    order: Order,
    started: Started | None,
) -> Receipt:
    job_id = orders.land_order(connection, configuration, tenant_id=tenant_id, order=order)
    return store(
        connection, started, queued(job_id, order.platform, by_hand=order.by_hand),
        payload_sha256=_hash(order), location=location_of(job_id),
    )  # fmt: skip


def queued(job_id: int, platform: str, *, by_hand: bool) -> dict[str, Any]:
    """What is said of an order, in the words of the replaced services."""
    how = "Manual ingestion" if by_hand else "Ingestion"
    message = f"{how} job queued for {platform}"
    named = str(uuid_of(job_id))
    return {"status": "queued", "message": message, "jobId": named, "platform": platform}


def ordered(job_id: int, platform: str, *, new: bool = True) -> dict[str, Any]:
    """What is said of a report that is recorded."""
    message = "recorded, and will be imported" if new else "known already"
    status = "accepted" if new else "duplicate"
    named = str(uuid_of(job_id))
    return {"status": status, "message": message, "jobId": named, "platform": platform}


def _hash(order: Order) -> bytes:
    told: Mapping[str, Any] = {
        "platform": order.platform, "payload": order.payload, "priority": order.priority,
        "scheduled_for": order.scheduled_for,
    }  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).digest()


async def receive_report(
    gateway: Gateway, caller: Caller, platform: str, part: Part, told: Told
) -> tuple[int, bool]:
    """Land a report and record its import; returns the job's id, and whether the report is new.

    Raises:
        ContractError: the file's name can't be used.
        Refusal: whatever reading the body raises.
        QuotaError: the tenant has no room for it.
    """
    name = part.file_name
    if rule := file_name_problem(name):
        raise ContractError(f"filename: {rule}", [FieldError("filename", rule)])
    configuration = gateway.configuration
    landing = Landing(configuration.landing)
    landed = await land(gateway, caller, landing, part)
    report = Report(name, landed.location, landed.size, landed.sha256)
    async with removed_if_refused(landing, landed.location):
        job_id, new = await gateway.run(
            _record_report, configuration, caller.tenant_id, platform, report, told
        )
    if not new:
        await asyncio.to_thread(landing.remove, landed.location)
    return job_id, new


def _record_report(
    connection: sa.Connection,
    configuration: Settings,
    tenant_id: int,
    platform: str,
    report: Report,
    told: Told,
) -> tuple[int, bool]:
    keeps = configuration.tenant_landed_bytes
    quota.take(connection, tenant_id, report.size, default=keeps)
    return queue.land_report(
        connection, configuration, tenant_id=tenant_id, platform=platform, report=report,
        source="http", told=told,
    )  # fmt: skip
