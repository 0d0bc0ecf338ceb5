"""A file for a mapping: it lands, its mapping is found, it is recorded, and then it is answered."""

import asyncio
import hashlib
from functools import partial

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError, FieldError, LandedFileError
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.ledger.idempotency import Started, payload_hash
from ingestion_pipeline.foundation.loading.choosing import choose
from ingestion_pipeline.foundation.loading.known import Known
from ingestion_pipeline.foundation.loading.recording import record
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import stored
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.file_names import file_name_problem
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, chunks_of
from ingestion_pipeline.gateway.files.encodings import Part
from ingestion_pipeline.gateway.files.receiving import land, removed_if_refused
from ingestion_pipeline.gateway.front import Caller, Gateway, too_large
from ingestion_pipeline.gateway.once import Receipt, once, store

_PATH = "storagePath"


def location_of(upload_id: int) -> str:
    """Where the state of a file is told."""
    return f"/api/ingestion/uploads/{upload_id}"


async def receive_mapped(
    gateway: Gateway,
    caller: Caller,
    among: list[Known],
    part: Part,
    *,
    key: str | None,
    address: str,
) -> Receipt:
    """Land a file and record it; once a key, where there is one.

    Raises:
        ContractError: the file's name can't be used, or none or several mappings fit it.
        Refusal: 409 the key's first request is under way, 422 it was used with another file; and
            whatever reading the body raises.
        QuotaError: the tenant has no room for it.
    """
    if rule := file_name_problem(part.file_name):
        raise ContractError(f"filename: {rule}", [FieldError("filename", rule)])

    async def work(started: Started | None) -> Receipt:
        return await _land_and_record(gateway, caller, among, part, started, address)

    async def payload() -> bytes:
        digest, size = hashlib.sha256(), 0
        async for chunk in part.content:
            size += len(chunk)
            if size > gateway.configuration.max_upload_bytes:
                raise too_large(gateway.configuration.max_upload_bytes)
            digest.update(chunk)
        return payload_hash(part.file_name, digest.hexdigest())

    if key is None:
        return await work(None)
    return await once(
        gateway, caller, work, endpoint="ingestion/files", key=key, payload=payload, noun="file"
    )


async def receive_stored(
    gateway: Gateway,
    caller: Caller,
    among: list[Known],
    path: str,
    *,
    key: str | None,
    address: str,
) -> Receipt:
    """Record a file that the tenant has put into its own part of the landing store.

    Raises:
        ContractError: the path can't be used, or there is no file, or no one mapping fits it.
        Refusal: as `receive_mapped`.
    """
    name = path.rpartition("/")[2]
    if rule := stored.fault_of(path) or file_name_problem(name):
        raise ContractError(f"{_PATH}: {rule}", [FieldError(_PATH, rule)])

    async def work(started: Started | None) -> Receipt:
        landing = Landing(gateway.configuration.landing)
        landed = await asyncio.to_thread(_stored, landing, caller.tenant, path)
        known = await _chosen(gateway, among, landing, landed, name, address)
        receipt, _ = await gateway.run(
            _record, gateway.configuration, caller.tenant_id, known.name, name, landed, started,
            source="storage",
        )  # fmt: skip
        return receipt

    async def payload() -> bytes:
        landing = Landing(gateway.configuration.landing)
        landed = await asyncio.to_thread(_stored, landing, caller.tenant, path)
        return payload_hash(name, landed.sha256)

    if key is None:
        return await work(None)
    return await once(
        gateway, caller, work, endpoint="ingestion/files", key=key, payload=payload, noun="file"
    )


def _stored(landing: Landing, tenant: str, path: str) -> Landed:
    """A file of a tenant's own part of the store, its bytes counted and hashed."""
    stored.require_inside(landing.url, tenant, path, field=_PATH)
    stored.require_folder(landing.url, tenant, path, field=_PATH)
    digest, size, location = hashlib.sha256(), 0, f"{tenant}/{path}"
    try:
        with landing.open(location) as file:
            for chunk in chunks_of(file):
                digest.update(chunk)
                size += len(chunk)
    except LandedFileError:
        rule = f"there is no file {path!r} in your part of the store"
        raise ContractError(f"{_PATH}: {rule}", [FieldError(_PATH, rule)]) from None
    return Landed(location, size, digest.hexdigest())


async def _chosen(
    gateway: Gateway, among: list[Known], landing: Landing, landed: Landed, name: str, address: str
) -> Known:
    """The mapping of a landed file; in a thread, as its header may have to be read."""
    configuration = gateway.configuration
    limits = Limits(configuration.max_unpacked_bytes, configuration.max_unpack_ratio)
    return await asyncio.to_thread(
        choose,
        among,
        partial(landing.open, landed.location),
        file_name=name,
        limits=limits,
        address=address,
    )


async def _land_and_record(
    gateway: Gateway,
    caller: Caller,
    among: list[Known],
    part: Part,
    started: Started | None,
    address: str,
) -> Receipt:
    configuration = gateway.configuration
    landing = Landing(configuration.landing)
    landed = await land(gateway, caller, landing, part)
    async with removed_if_refused(landing, landed.location):
        known = await _chosen(gateway, among, landing, landed, part.file_name, address)
        receipt, keeps = await gateway.run(
            _record, configuration, caller.tenant_id, known.name, part.file_name, landed, started,
            source="http",
        )  # fmt: skip
    if not keeps:
        await asyncio.to_thread(landing.remove, landed.location)
    return receipt


def _record(
    connection: sa.Connection,
    configuration: Settings,
    tenant_id: int,
    mapping: str,
    file_name: str,
    landed: Landed,
    started: Started | None,
    *,
    source: str,
) -> tuple[Receipt, bool]:
    if source == "http":  # what a tenant stored itself takes no more room
        quota.take(connection, tenant_id, landed.size, default=configuration.tenant_landed_bytes)
    recorded = record(
        connection, tenant_id=tenant_id, mapping=mapping, file_name=file_name, landed=landed,
        source=source, attempts=configuration.job_attempts,
    )  # fmt: skip
    said = "is recorded and will be loaded" if recorded.is_new else "had come before"
    document = {
        "status": "accepted" if recorded.is_new else "duplicate",
        "message": f"{file_name} {said}",
        "upload_id": recorded.upload_id,
        "job_id": recorded.job_id,
        "file_name": file_name,
        "mapping": mapping,
        "bytes": landed.size,
        "sha256": landed.sha256,
    }
    receipt = store(
        connection, started, document, location=location_of(recorded.upload_id),
        payload_sha256=payload_hash(file_name, landed.sha256),
        status_code=202 if recorded.is_new else 200,
    )  # fmt: skip
    return receipt, recorded.keeps
