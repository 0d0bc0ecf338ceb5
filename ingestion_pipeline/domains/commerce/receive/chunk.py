"""A chunk of a file of an upload session; the last one makes the file an upload."""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from weakref import WeakValueDictionary

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.declaration import Range
from ingestion_pipeline.domains.commerce.land import chunks, sessions
from ingestion_pipeline.domains.commerce.land.chunks import Received
from ingestion_pipeline.domains.commerce.land.sessions import SessionFile
from ingestion_pipeline.foundation.errors import (
    ContractError,
    FieldError,
    LandedFileError,
)
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, landing_name
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.files.receiving import landing_file, pour, removed_if_refused
from ingestion_pipeline.gateway.front import Caller, Gateway

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_CONTENT_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):")

# Two last chunks at the same time need not both join a file of gigabytes. Another process may
# still do it beside us: `chunks.complete` lets only one of them count.
_finishing: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()


def announced_hash(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 that `X-Chunk-SHA256` or `Content-Digest` announces, in hexadecimal.

    Raises:
        Refusal: 400, it is malformed.
    """
    text = headers.get("x-chunk-sha256")
    if text is None:
        match = _CONTENT_DIGEST.search(headers.get("content-digest", ""))
        if match is None:
            return None
        try:
            text = base64.b64decode(match[1], validate=True).hex()
        except binascii.Error:
            text = ""
    if not _HEX.fullmatch(text):
        raise Refusal(400, "the announced SHA-256 of the chunk is malformed")
    return text.lower()


async def receive_chunk(
    gateway: Gateway,
    caller: Caller,
    token: str,
    *,
    file_name: str,
    range_: Range,
    content: AsyncIterator[bytes],
    sha256: str | None,
) -> Received:
    """Take a chunk; when it was the last one, make the file an upload.

    Returns:
        what has come of the file; with an upload's id when it is whole.

    Raises:
        Refusal: 400, the body is not as long as its range; and whatever reading it raises.
        QuotaError: the tenant has no room for it.
        UnknownSessionError, ConflictError, ContractError: as `chunks.record` and `finish`; also
            where the chunk is not what its hash announces.
    """
    tenant_id = caller.tenant_id
    file = await gateway.run(chunks.expect, tenant_id, token, file_name=file_name, range_=range_)
    keeps = gateway.configuration.tenant_landed_bytes
    room = await gateway.run(quota.begin, tenant_id, default=keeps)
    if range_.size > room.left:  # before it comes: many at once would fill the disk
        raise room.error()
    landing = Landing(gateway.configuration.landing)
    async with landing_file(landing, chunks.landing_name(file)) as chunk:
        size = await pour(content, chunk, limit=range_.size)
        if size != range_.size:
            raise Refusal(400, f"Content-Range announces {range_.size} bytes, {size} came")
        if sha256 is not None and chunk.sha256 != sha256:
            message = "the chunk is not what its announced SHA-256 says: send it again"
            raise ContractError(message, [FieldError("body", message)])
        landed = await asyncio.to_thread(chunk.keep)
    async with removed_if_refused(landing, landed.location):
        state, new = await gateway.run(
            chunks.land_chunk, tenant_id, token, file_name=file_name, range_=range_, landed=landed,
            keeps=keeps,
        )  # fmt: skip
    if not new:
        await asyncio.to_thread(landing.remove, landed.location)
    return await finish(gateway, caller, token, file=state.file) if state.ready else state


async def finish(gateway: Gateway, caller: Caller, token: str, *, file: SessionFile) -> Received:
    """Make a file whose bytes are all there an upload; harmless when it is one already.

    Raises:
        ContractError: together they are not what was announced; they have been dropped.
        UnknownSessionError: the session has expired meanwhile.
    """
    lock = _finishing.setdefault(file.session_file_id, asyncio.Lock())
    async with lock:
        await _finish(gateway, caller, token, file=file)
    return await gateway.run(_state, caller, token, file_name=file.file_name)


async def _finish(gateway: Gateway, caller: Caller, token: str, *, file: SessionFile) -> None:
    configuration = gateway.configuration
    tenant_id, name = caller.tenant_id, file.file_name
    state = await gateway.run(_state, caller, token, file_name=name)
    if not state.ready:
        return
    landing = Landing(configuration.landing)
    parts = await gateway.run(chunks.locations, file)
    landed = await asyncio.to_thread(_join, landing, landing_name(caller.tenant, name), parts)
    if landed is None or landed.sha256 != file.sha256:
        upload_id = await gateway.run(chunks.drop, tenant_id, token, file_name=name, which=parts)
        await asyncio.to_thread(_remove, landing, [*parts, *([landed.location] if landed else [])])
        if upload_id is None:
            message = "does not have the announced SHA-256; all of it has to be sent again"
            raise ContractError(f"{name} {message}", [FieldError("sha256", message)])
        return
    async with removed_if_refused(landing, landed.location):
        _, new = await gateway.run(
            chunks.complete, tenant_id, token, file_name=name, landed=landed,
            max_attempts=configuration.job_attempts,
        )  # fmt: skip
    await asyncio.to_thread(_remove, landing, parts if new else [*parts, landed.location])


def _state(connection: sa.Connection, caller: Caller, token: str, *, file_name: str) -> Received:
    file = sessions.find_file(connection, caller.tenant_id, token, file_name=file_name)
    return chunks.received(connection, file)


def _join(landing: Landing, name: str, parts: Sequence[str]) -> Landed | None:
    """The whole file, or None where a chunk is gone."""
    try:
        return landing.join(name, parts)
    except LandedFileError:
        return None


def _remove(landing: Landing, locations: Sequence[str]) -> None:
    for location in locations:
        landing.remove(location)
