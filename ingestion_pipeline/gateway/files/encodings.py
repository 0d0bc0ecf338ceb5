"""Bodies that come compressed or in parts, undone while they stream, in bounded memory."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from ingestion_pipeline.foundation.errors import FieldError
from ingestion_pipeline.gateway.answers import Refusal

_PIECE_BYTES = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to say: with gzip's header and checksum
_MAGIC = b"\x1f\x8b"
_MOST_PARTS = 100
_FILE = "file"


@dataclass(frozen=True)
class Part:
    """The file within a body: its name as sent, and its bytes, which are still coming."""

    file_name: str
    content: AsyncIterator[bytes]


def content_coding(request: Request) -> str | None:
    """`gzip`, or None where the body is not compressed.

    Raises:
        Refusal: 415 for any other encoding.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return None
    if coding in ("gzip", "x-gzip"):
        return "gzip"
    raise Refusal(415, f"Content-Encoding: only gzip is undone here, not {coding[:40]!r}")


async def plain(chunks: AsyncIterator[bytes], *, ratio: int) -> AsyncIterator[bytes]:
    """A body that is announced as gzip, undone if its first bytes say that it is.

    Some proxies and stores undo the encoding and leave the header.

    Raises:
        Refusal: as `gunzipped`.
    """
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= len(_MAGIC):
            break

    async def whole() -> AsyncIterator[bytes]:
        yield head
        async for chunk in chunks:
            yield chunk

    undone = gunzipped(whole(), ratio=ratio) if head.startswith(_MAGIC) else whole()
    async for piece in undone:
        yield piece


async def gunzipped(
    chunks: AsyncIterator[bytes], *, ratio: int | None = None
) -> AsyncIterator[bytes]:
    """A gzip stream undone, in pieces of at most 1 MiB; several members are one stream, and zeros
    behind one (as tape drives write) are nothing.

    Raises:
        Refusal: 400, it is damaged or breaks off; 413, it is more than `ratio` times as large as
            what has come of it, as no data is.
    """
    member = zlib.decompressobj(_GZIP)
    begun = False
    packed = unpacked = 0
    try:
        async for chunk in chunks:
            packed += len(chunk)
            rest = chunk
            while rest:
                if member.eof:
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    member = zlib.decompressobj(_GZIP)
                begun = True
                # At most so much at once: a small chunk may hold a thousand times its size.
                # In a thread, where it releases the interpreter: 1 MB of zeros held all up for 5 s.
                piece = await asyncio.to_thread(member.decompress, rest, _PIECE_BYTES)
                rest = member.unused_data if member.eof else member.unconsumed_tail
                unpacked += len(piece)
                if ratio is not None and unpacked > max(ratio * packed, _PIECE_BYTES):
                    message = f"the gzip body unpacks to more than {ratio} times its size"
                    raise Refusal(413, message)
                if piece:
                    yield piece
        while begun and not member.eof and (piece := member.decompress(b"", _PIECE_BYTES)):
            yield piece
    except zlib.error:
        raise Refusal(400, "the body is not gzip, or is damaged") from None
    if begun and not member.eof:
        raise Refusal(400, "the gzip body breaks off")


def boundary_of(request: Request) -> bytes | None:
    """The boundary of a multipart/form-data body, else None.

    Raises:
        Refusal: 400, it has none.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 200:
        raise Refusal(400, "Content-Type: multipart/form-data must name its boundary")
    return boundary


async def file_part(chunks: AsyncIterator[bytes], boundary: bytes) -> Part:
    """The part `file` of a multipart body, as soon as its name has come.

    Raises:
        Refusal: 400 malformed, or no such part; while reading the content also when the body
            breaks off, or has a second file.
    """
    parser = _Parser(boundary)
    async for chunk in chunks:
        parser.feed(chunk)
        if parser.file_name is not None:
            return Part(parser.file_name, _content(parser, chunks))
    raise _no_file() if parser.ended else _malformed()


async def _content(parser: "_Parser", chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in parser.take():
        yield piece
    async for chunk in chunks:
        parser.feed(chunk)
        for piece in parser.take():
            yield piece
    if not parser.ended:
        raise _malformed()


class _Parser:
    """python-multipart's parser, which calls back, as one that is asked."""

    def __init__(self, boundary: bytes) -> None:
        self.file_name: str | None = None
        self.ended = False
        self._pieces: list[bytes] = []
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._parts = 0
        self._in_file = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._on_data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Parse a piece of the body."""
        try:
            self._parser.write(chunk)
        except MultipartParseError:
            raise _malformed() from None

    def take(self) -> list[bytes]:
        """What has come of the file since it was last asked for."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def _begin_part(self) -> None:
        self._headers = {}
        self._in_file = False
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Refusal(400, f"the body has more than {_MOST_PARTS} parts")

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _end_headers(self) -> None:
        # By way of Latin-1, as the parser of options has it, to the UTF-8 that browsers send.
        disposition = self._headers.get(b"content-disposition", b"").decode("latin-1")
        _, options = parse_options_header(disposition)
        if options.get(b"name") != _FILE.encode():
            return
        if self.file_name is not None:
            raise Refusal(400, "one request brings one file", [FieldError(_FILE, "comes twice")])
        self._in_file = True
        self.file_name = options.get(b"filename", b"").decode(errors="replace")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self.ended = True


def _malformed() -> Refusal:
    return Refusal(400, "the multipart body is malformed, or breaks off")


def _no_file() -> Refusal:
    rule = "is missing"
    return Refusal(400, f"the part `{_FILE}` {rule}", [FieldError(_FILE, rule)])
