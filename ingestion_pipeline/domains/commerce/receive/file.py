"""A file that comes in one request: it lands, then it is recorded, then it is answered.

What has landed and is not recorded is invisible. It is removed where it is certain that it was
not recorded; a connection to the database that breaks at the commit leaves that open, and then
the landed file stays.
"""

import hashlib

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land import sessions
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.foundation.ledger import quota, uploads
from ingestion_pipeline.foundation.ledger.idempotency import Started, payload_hash
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landed, Landing
from ingestion_pipeline.gateway.files.encodings import Part
from ingestion_pipeline.gateway.files.receiving import land, removed_if_refused
from ingestion_pipeline.gateway.front import Caller, Gateway, too_large
from ingestion_pipeline.gateway.once import Receipt, once, store


def upload_location(upload_id: int) -> str:
    """Where the state of an upload is told."""
    return f"/api/v1/ingest/uploads/{upload_id}/"


async def receive_file(
    gateway: Gateway,
    caller: Caller,
    *,
    part: Part,
    type_: str,
    endpoint: str,
    key: str,
    token: str | None,
) -> Receipt:
    """Take a file once, however often it is sent under its key.

    Args:
        gateway: that it came to.
        caller: who sends it.
        part: the file, still coming.
        type_: of the file.
        endpoint: within which the key counts.
        key: the `Idempotency-Key`.
        token: of the upload session that the file belongs to.

    Raises:
        Refusal: 409 the key's first request is still under way, 422 the key was used with
            another file; and whatever reading the body raises.
        QuotaError: the tenant has no room for it.
        UnknownSessionError, ConflictError, ContractError: the session does not take the file.
    """
    if token is not None:
        await gateway.run(sessions.find, caller.tenant_id, token)

    async def work(started: Started) -> Receipt:
        return await _land_and_record(gateway, caller, started, part=part, type_=type_, token=token)

    async def payload() -> bytes:
        return await _payload(part, limit=gateway.configuration.max_upload_bytes)

    return await once(
        gateway, caller, work, endpoint=endpoint, key=key, payload=payload, noun="file"
    )


async def _payload(part: Part, *, limit: int) -> bytes:
    digest, size = hashlib.sha256(), 0
    async for chunk in part.content:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        digest.update(chunk)
    return payload_hash(part.file_name, digest.hexdigest())


async def _land_and_record(
    gateway: Gateway, caller: Caller, started: Started, *, part: Part, type_: str, token: str | None
) -> Receipt:
    configuration = gateway.configuration
    landing = Landing(configuration.landing)
    landed = await land(gateway, caller, landing, part)
    declared = DeclaredFile(part.file_name, type_, landed.size, landed.sha256)
    async with removed_if_refused(landing, landed.location):
        return await gateway.run(
            _record, started, file=declared, landed=landed, token=token,
            configuration=configuration,
        )  # fmt: skip


def _record(
    connection: sa.Connection,
    started: Started,
    *,
    file: DeclaredFile,
    landed: Landed,
    token: str | None,
    configuration: Settings,
) -> Receipt:
    keeps = configuration.tenant_landed_bytes
    quota.take(connection, started.tenant_id, landed.size, default=keeps)
    upload_id = land_upload(
        connection, tenant_id=started.tenant_id, entity=ENTITIES[file.type],
        file_name=file.file_name, source="http", location=landed.location, size=file.size,
        sha256=file.sha256, max_attempts=configuration.job_attempts,
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    if token is not None:
        session = sessions.find(connection, started.tenant_id, token)
        sessions.attach(connection, session, file=file, upload_id=upload_id)
    [upload] = uploads.find(connection, [upload_id])
    document = {
        "status": "accepted",
        "message": f"{file.file_name} is recorded and will be loaded",
        "upload_id": upload_id,
        "job_id": upload.job_id,
        "file_name": file.file_name,
        "type": file.type,
        "bytes": file.size,
        "sha256": file.sha256,
    }
    return store(
        connection, started, document, location=upload_location(upload_id),
        payload_sha256=payload_hash(file.file_name, file.sha256),
    )  # fmt: skip
