"""Bodies that may come compressed and are taken whole: unpacked in memory, within a limit."""

from collections.abc import AsyncIterator

from fastapi import Request

from ingestion_pipeline.gateway.files.encodings import content_coding, gunzipped
from ingestion_pipeline.gateway.front import too_large

_GZIP = b"\x1f\x8b"
_LAYERS = 2  # a .gz that was sent, and packed again, by something that always packs


async def unpacked(request: Request, content: bytes, *, limit: int) -> bytes:
    """A body without its gzip encoding. What it is, its first bytes say: a proxy may have undone
    what a header still announces, and senders forget the header.

    Raises:
        Refusal: 400 damaged; 413 more than `limit` bytes unpacked; 415 another encoding.
    """
    if "content-encoding" in request.headers:
        content_coding(request)
    for _ in range(_LAYERS):
        if not content.startswith(_GZIP):
            break
        content = await _gunzipped(content, limit=limit)
    return content


async def _gunzipped(content: bytes, *, limit: int) -> bytes:
    async def whole() -> AsyncIterator[bytes]:
        yield content

    pieces: list[bytes] = []
    size = 0
    async for piece in gunzipped(whole()):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)
