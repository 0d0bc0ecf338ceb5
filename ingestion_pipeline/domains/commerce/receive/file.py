"""A file that comes in one request: it lands, then it is recorded, then it is answered.

What has landed and is not recorded is invisible. It is removed where it is certain that it was
not recorded; a connection to the database that breaks at the commit leaves that open, and then
the landed file stays.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land import sessions
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.foundation.errors import FieldError, IngestionError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import idempotency, quota, uploads
from ingestion_pipeline.foundation.ledger.idempotency import Done, InFlight, Started
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage.landing import Landed, Landing
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.files.encodings import Part
from ingestion_pipeline.gateway.files.receiving import land
from ingestion_pipeline.gateway.front import Caller, Gateway, too_large

_KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Receipt:
    """The answer to a file, as it is stored under its key."""

    status_code: int
    body: bytes
    location: str | None
    replayed: bool = False


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
    taken = await gateway.run(
        idempotency.begin, tenant_id=caller.tenant_id, endpoint=endpoint, key=key
    )
    if isinstance(taken, InFlight):
        raise Refusal(409, f"the first request of this {_KEY} is under way", retry_after=2)
    if isinstance(taken, Done):
        return await _replay(taken, part, limit=gateway.configuration.max_upload_bytes)
    try:
        return await _land_and_record(gateway, caller, taken, part=part, type_=type_, token=token)
    except BaseException as error:
        with contextlib.suppress(Exception):  # its lease lapses by itself
            await gateway.run(idempotency.abandon, taken)
        if isinstance(error, StaleAttemptError):
            raise Refusal(409, f"another request of this {_KEY} took over", retry_after=2) from None
        raise


async def _replay(done: Done, part: Part, *, limit: int) -> Receipt:
    digest, size = hashlib.sha256(), 0
    async for chunk in part.content:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        digest.update(chunk)
    if idempotency.payload_hash(part.file_name, digest.hexdigest()) != done.payload_sha256:
        rule = "was used with another file"
        raise Refusal(422, f"this {_KEY} {rule}", [FieldError(_KEY, rule)])
    return Receipt(done.status_code, done.body, done.location, replayed=True)


async def _land_and_record(
    gateway: Gateway, caller: Caller, started: Started, *, part: Part, type_: str, token: str | None
) -> Receipt:
    configuration = gateway.configuration
    landing = Landing(configuration.landing)
    async with _renewed(gateway, started):
        landed = await land(gateway, caller, landing, part)
        declared = DeclaredFile(part.file_name, type_, landed.size, landed.sha256)
        try:
            return await gateway.run(
                _record, started, file=declared, landed=landed, token=token,
                configuration=configuration,
            )  # fmt: skip
        except IngestionError:  # ours, so it was rolled back
            await asyncio.to_thread(landing.remove, landed.location)
            raise


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
    receipt = Receipt(202, msgspec.json.encode(document) + b"\n", upload_location(upload_id))
    idempotency.finish(
        connection, started, payload_sha256=idempotency.payload_hash(file.file_name, file.sha256),
        status_code=receipt.status_code, body=receipt.body, location=receipt.location,
    )  # fmt: skip
    return receipt


@contextlib.asynccontextmanager
async def _renewed(gateway: Gateway, started: Started) -> AsyncIterator[None]:
    """Keep the key for as long as the block takes: a large file outlasts its lease."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(idempotency.LEASE.total_seconds() / 3)
            with contextlib.suppress(sa.exc.DBAPIError, OSError):
                await gateway.run(idempotency.renew, started)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
