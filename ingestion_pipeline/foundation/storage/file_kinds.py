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

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.storage.file_signatures import (
    encoding_of,
    other_kind,
    packing_of,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    Stream = io.BufferedReader[Any]
else:
    Stream = io.BufferedReader

DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError)
"""What reading a compressed file raises where it is damaged."""

_BREAKS = (
    "Compressed file ended", "Not a gzipped file", "Unknown frame descriptor", "not all of it is"
)  # fmt: skip

_HEAD_BYTES = 4096
_BUFFER_BYTES = 256 * 1024
_LAYERS = 2  # a .gz that was sent, and packed again, by something that always packs
_UNSUSPECTED_BYTES = 256 * 1024  # any file may unpack to as much, however small it is


def is_break(damage: Exception) -> bool:
    """Whether damage begins where it was found, as in a file that breaks off or goes on with
    something else. A wrong checksum says that something before it is wrong.
    """
    return any(words in str(damage) for words in _BREAKS)


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


def opened(file: IO[bytes], limits: Limits | None = None) -> Stream:
    """The content of a file as bytes of UTF-8, a mark at its beginning included.

    Reading it raises one of DAMAGE where the file is damaged, once what precedes is read, and
    WrongFileError where it unpacks to more than the limits let.

    Raises:
        WrongFileError: it is empty, or no text.
    """
    stream = unpacked(file, limits)
    if encoding := encoding_of(head_of(stream)):
        stream = io.BufferedReader(_Recoded(stream, encoding), _BUFFER_BYTES)
    if words := other_kind(head_of(stream)):
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
    if packing_of(head_of(stream)):
        raise WrongFileError(f"the file is packed more than {_LAYERS} times")
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
