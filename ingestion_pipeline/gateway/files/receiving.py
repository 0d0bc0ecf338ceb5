"""One file out of a request's body into the landing store, hashed on the way, in bounded memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from ingestion_pipeline.foundation.errors import FieldError, IngestionError
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.storage.landing import Landed, Landing, LandingFile, landing_name
from ingestion_pipeline.gateway.answers import Refusal
from ingestion_pipeline.gateway.files.encodings import (
    Part,
    boundary_of,
    content_coding,
    file_part,
    plain,
)
from ingestion_pipeline.gateway.front import Caller, Gateway, too_large

_PIECE_BYTES = 1024 * 1024
_FRAMING_BYTES = 64 * 1024  # what multipart may put around a file


async def file_of(gateway: Gateway, request: Request) -> Part:
    """The file that a request brings: the part `file`, or the whole body with `?filename=`.

    A gzip encoding is undone, where it is one. Nothing but the beginning has been read when this
    returns.

    Raises:
        Refusal: 400 no name, or malformed; 413 too large; 415 an encoding other than gzip.
    """
    coding, boundary = content_coding(request), boundary_of(request)
    file_name = request.query_params.get("filename", "")
    if boundary is None and not file_name:
        rule = "is needed: multipart/form-data with a part `file`, or the bare file and ?filename="
        raise Refusal(400, f"a file name {rule}", [FieldError("filename", rule)])
    limit = gateway.configuration.max_upload_bytes
    chunks = gateway.body(request, limit=limit + (_FRAMING_BYTES if boundary else 0))
    if coding == "gzip":
        chunks = plain(chunks, ratio=gateway.configuration.max_unpack_ratio)
    if boundary is None:
        return Part(file_name, chunks)
    return await file_part(chunks, boundary)


@asynccontextmanager
async def landing_file(landing: Landing, name: str) -> AsyncIterator[LandingFile]:
    """A file in the landing store that is discarded unless it is kept within the block."""
    file = await asyncio.to_thread(landing.begin, name)
    try:
        yield file
    except BaseException:
        # Not in a thread: whoever was canceled should not wait for anything.
        file.discard()
        raise


@asynccontextmanager
async def removed_if_refused(landing: Landing, location: str) -> AsyncIterator[None]:
    """Remove a landed file if recording it, in the block, is refused by us and so rolled back.

    Any other error leaves open whether it was recorded, and the file stays.
    """
    try:
        yield
    except IngestionError:
        await asyncio.to_thread(landing.remove, location)
        raise


async def land(gateway: Gateway, caller: Caller, landing: Landing, part: Part) -> Landed:
    """Keep a file that comes, under a new name, as far as its tenant has room.

    Raises:
        Refusal: 413, more than MAX_UPLOAD_BYTES; and whatever `part.content` raises.
        QuotaError: the tenant has no room for it.
    """
    configuration = gateway.configuration
    room = await gateway.run(
        quota.begin, caller.tenant_id, default=configuration.tenant_landed_bytes
    )
    most = configuration.max_upload_bytes
    refusal = too_large(most) if most <= room.left else room.error()
    async with landing_file(landing, landing_name(caller.tenant, part.file_name)) as file:
        await pour(part.content, file, limit=min(most, room.left), refusal=refusal)
        return await asyncio.to_thread(file.keep)


async def pour(
    content: AsyncIterator[bytes],
    file: LandingFile,
    *,
    limit: int,
    refusal: Exception | None = None,
) -> int:
    """Write what comes into a file; returns how many bytes came.

    Raises:
        Refusal: 413, more than `limit` bytes, or `refusal` then; and whatever `content` raises.
    """
    pieces: list[bytes] = []
    held = size = 0
    async for chunk in content:
        size += len(chunk)
        if size > limit:
            raise refusal or too_large(limit)
        pieces.append(chunk)
        held += len(chunk)
        if held >= _PIECE_BYTES:
            await asyncio.to_thread(file.write, b"".join(pieces))
            pieces, held = [], 0
    await asyncio.to_thread(file.write, b"".join(pieces))
    return size
