"""What a file is, by its first bytes and never by its name, and its content as plain UTF-8 bytes.

    file ── gzip, zstd (twice at most) ── UTF-16 or UTF-32 with a mark ── bytes, within limits

Where the meaning is certain the content is handed out. What holds no lines of text (a workbook,
a PDF, a web page, an archive of several files) is refused with one sentence that names it.
"""

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from ingestion_pipeline.errors import ContractError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    Stream = io.BufferedReader[Any]
else:
    Stream = io.BufferedReader

DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError)
"""What reading a compressed file raises where it is damaged; what was read before is right."""

_HEAD_BYTES = 4096
_BUFFER_BYTES = 256 * 1024
_LAYERS = 2  # a .gz that was sent, and packed again, by something that always packs
_UNSUSPECTED_BYTES = 256 * 1024  # any file may unpack to as much, however small it is

# Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures; zstd: RFC 8878, 3.1.
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # behind a byte of 0x50 to 0x5f
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's, so it is asked first
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive; unpack it and send the files in it"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls); save it as CSV"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text with formatting (RTF)"),
    (b"BZh", "compressed with bzip2; send it plain, or with gzip or zstd"),
    (b"\xfd7zXZ\x00", "compressed with xz; send it plain, or with gzip or zstd"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4; send it plain, or with gzip or zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it and send the files in it"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it and send the files in it"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_IN_ZIPS = (
    (b"xl/", "an Excel workbook; save it as CSV"),
    (b"[Content_Types].xml", "an Office document (a workbook?); save it as CSV"),
    (b"mimetypeapplication/vnd.oasis.opendocument", "an OpenDocument file; save it as CSV"),
)
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<table")


class WrongFileError(ContractError):
    """The file as a whole can't be used; nothing of it is."""


@dataclass(frozen=True)
class Limits:
    """What unpacking a file may come to.

    Attributes:
        unpacked_bytes: of the whole content.
        ratio: unpacked bytes for each byte of the file.
    """

    unpacked_bytes: int = 20 * 1024**3
    ratio: int = 250


def other_kind(head: bytes) -> str | None:
    """What a file that begins so is, in words, when it holds no lines of text; None if it may.

    Args:
        head: its first bytes, 4 KiB if it has so many.
    """
    for signature, words in _OTHERS:
        if head.startswith(signature):
            if signature == b"PK\x03\x04":
                return next((said for part, said in _IN_ZIPS if part in head), words)
            return words
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if text.startswith(_PAGES):
        return "a web page (HTML): was the download an error page, or a sign-in?"
    if text.startswith(b"<"):
        return "XML"
    if len(head) >= 4 and head[0] and head[2] and not head[1] and not head[3]:
        return "UTF-16 without a byte-order mark; save it as UTF-8"
    if len(head) >= 4 and head[1] and head[3] and not head[0] and not head[2]:
        return "UTF-16 without a byte-order mark; save it as UTF-8"
    return None


def packing_of(head: bytes) -> str | None:
    """`gzip`, `zstd`, or None where the bytes are not compressed with one of them."""
    if head.startswith(_GZIP):
        return "gzip"
    skippable = head[1:4] == _ZSTD_SKIPPABLE and 0x50 <= head[0] <= 0x5F
    return "zstd" if head.startswith(_ZSTD) or skippable else None


def encoding_of(head: bytes) -> str | None:
    """The encoding that a byte-order mark names, but UTF-8's; None where there is none."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def opened(file: IO[bytes], limits: Limits | None = None) -> Stream:
    """The content of a file as bytes of UTF-8, a mark at its beginning included.

    Reading it raises one of DAMAGE where the file is damaged, once what precedes is read, and
    WrongFileError where it unpacks to more than the limits let.

    Raises:
        WrongFileError: it is empty, or no text.
    """
    stream = unpacked(file, limits)
    head = head_of(stream)
    if encoding := encoding_of(head):
        return io.BufferedReader(_Recoded(stream, encoding), _BUFFER_BYTES)
    if words := other_kind(head):
        raise WrongFileError(f"the file is {words}")
    return stream


def unpacked(file: IO[bytes], limits: Limits | None = None) -> Stream:
    """The bytes of a file without the gzip or zstd around them, whatever they are.

    Reading it raises as that of `opened` does.

    Raises:
        WrongFileError: it is empty.
    """
    source = _Source(file)
    stream: Stream = io.BufferedReader(source, _BUFFER_BYTES)
    if not stream.peek(1):
        raise WrongFileError("the file is empty (0 bytes): its transfer failed")
    for _ in range(_LAYERS):
        packing = packing_of(head_of(stream))
        if packing is None:
            break
        unpacked: Any = (
            gzip.GzipFile(fileobj=stream) if packing == "gzip" else zstd.ZstdFile(stream)
        )
        stream = io.BufferedReader(_Unpacked(unpacked, source, limits or Limits()), _BUFFER_BYTES)
        if _is_empty(stream):
            raise WrongFileError(f"the file holds nothing ({packing} of 0 bytes)")
    return stream


def head_of(stream: Stream) -> bytes:
    """The first bytes of a stream, some thousands if it has so many, which stay to be read."""
    try:
        return stream.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    except DAMAGE:
        return b""  # whoever reads is told


def _is_empty(stream: Stream) -> bool:
    try:
        return not stream.peek(1)
    except DAMAGE:
        return False


class _Source(io.RawIOBase):
    """The file itself; counts what was read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        buffer[: len(piece)] = piece
        self.bytes_read += len(piece)
        return len(piece)


class _Unpacked(io.RawIOBase):
    """What a compressed stream holds, within limits; an error is raised again when asked again."""

    def __init__(self, unpacked: Any, source: _Source, limits: Limits) -> None:
        self._read = unpacked.read1  # `read` would lose what precedes the damage
        self._source = source
        self._limits = limits
        self._total = 0
        self._error: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._error is not None:
            raise self._error
        try:
            piece = self._read(len(buffer))
        except DAMAGE as error:
            self._error = error
            raise
        self._total += len(piece)
        self._check()
        buffer[: len(piece)] = piece
        return len(piece)

    def _check(self) -> None:
        if self._total > self._limits.unpacked_bytes:
            raise WrongFileError(
                f"the file unpacks to more than {self._limits.unpacked_bytes:,} bytes "
                "(MAX_UNPACKED_BYTES)"
            )
        most = self._limits.ratio * self._source.bytes_read
        if self._total > max(most, _UNSUSPECTED_BYTES):
            raise WrongFileError(
                f"the file unpacks to more than {self._limits.ratio} times its size "
                "(MAX_UNPACK_RATIO), as no export does"
            )


class _Recoded(io.RawIOBase):
    """A stream of another Unicode encoding as UTF-8; what is no character stays unreadable."""

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        decoder = codecs.getincrementaldecoder(encoding)(errors="surrogatepass")
        self._decode: Callable[..., str] = decoder.decode
        self._rest = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and not self._ended:
            piece = self._stream.read1(_BUFFER_BYTES)
            self._ended = not piece
            try:
                text = self._decode(piece, self._ended)
            except UnicodeDecodeError as error:
                raise EOFError(f"not all of it is {error.encoding}: {error.reason}") from None
            self._rest = text.encode("utf-8", "surrogatepass")
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)
