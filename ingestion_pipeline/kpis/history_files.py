"""Files of KPI history → their entries one by one, in memory that does not grow with the file.

    JSON array        [reading, …], [{"key", "value"}, …]
    JSON object       one reading, or a dump of a key-value store: {"timeseries:…": document, …}
    NDJSON            a reading, a document or {"key", "value"} a line
    CSV               a header with timestamp and value at least; a reading a line

Which of these it is, and whether it is compressed, its first bytes say.
"""

import csv
import gzip
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import msgspec

from ingestion_pipeline.errors import ContractError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_LINE_BYTES = 64 * 1024 * 1024  # a value of the original's store has 25 MiB at most
_PEEK_BYTES = 1024 * 1024
_MARK = b"\xef\xbb\xbf"
_PAIR = re.compile(rb'\s*\{\s*"(?:key|name|value)"')
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, zstd.ZstdError)
_decode = msgspec.json.Decoder().decode
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_COLUMNS = {
    "traceid": "traceId", "trace": "traceId", "kpiid": "kpiId", "kpi": "kpiId",
    "timestamp": "timestamp", "time": "timestamp", "date": "timestamp", "datetime": "timestamp",
    "kpitype": "kpiType", "type": "kpiType", "value": "value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at one place of a file.

    Attributes:
        place: `line 7`, `entry 3`, or a key.
        key: under which a dump has it.
        value: decoded; None where `fault` says why there is none.
    """

    place: str
    value: Any
    key: str | None = None
    fault: str | None = None


def entries_of(file: IO[bytes]) -> Iterator[Entry]:
    """The entries of a file, in their order.

    Raises:
        ContractError: it is none of these files, or damaged from some place on; what came before
            has been handed out.
    """
    try:
        yield from _entries(_unpacked(file))
    except _DAMAGE as damage:
        raise ContractError(f"the compressed file is damaged, or breaks off: {damage}") from None


def _entries(stream: Any) -> Iterator[Entry]:
    beginning: bytes = stream.peek(_PEEK_BYTES)
    if beginning.startswith(_MARK):
        stream.read(len(_MARK))
        beginning = beginning[len(_MARK) :]
    start = beginning.lstrip()[:1]
    if not start:
        raise ContractError("the file is empty: its transfer has failed")
    if start == b"[":
        yield from _array(stream)
    elif start == b"{":
        yield from _lines(stream) if _is_ndjson(beginning) else _object(stream)
    else:
        yield from _csv(stream)


class _Peekable:
    """A stream that can be looked into, as far as any buffer."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._held: bytes = b""

    def peek(self, size: int) -> bytes:
        while len(self._held) < size and (piece := self._stream.read(size - len(self._held))):
            self._held += piece
        return self._held

    def read(self, size: int = -1) -> bytes:
        if not self._held:
            return bytes(self._stream.read(size))
        if size < 0:
            rest: bytes = self._stream.read()
            taken, self._held = self._held + rest, b""
            return taken
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def lines(self) -> Iterator[bytes]:
        """Lines without their ends; of one that is too long, its beginning and a byte of NUL."""
        rest, too_long = b"", False
        while piece := self.read(_PEEK_BYTES):
            *whole, last = piece.split(b"\n")
            for line in whole:
                yield rest + b"\0" if too_long else (rest + line).removesuffix(b"\r")
                rest, too_long = b"", False
            too_long = too_long or len(rest) + len(last) > MOST_LINE_BYTES
            rest = rest[:100] if too_long else rest + last
        if rest or too_long:
            yield rest + b"\0" if too_long else rest.removesuffix(b"\r")


def _unpacked(file: IO[bytes]) -> Any:
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return _Peekable(gzip.open(file))
    if start == b"\x28\xb5\x2f\xfd":
        return _Peekable(zstd.open(file))
    if start[:2] in (b"\xff\xfe", b"\xfe\xff", b"PK"):
        raise ContractError("must be UTF-8 text, plain, gzip or zstd; this is UTF-16 or an archive")
    return _Peekable(file)


def _is_ndjson(beginning: bytes) -> bool:
    """Whether the first line is a JSON object by itself, and not the last."""
    first, newline, rest = beginning.lstrip().partition(b"\n")
    if not newline:
        return _PAIR.match(first) is not None  # a document longer than what we look at
    try:
        _decode(first)
    except _NO_JSON:
        return False
    return bool(rest.strip())


def _lines(stream: _Peekable) -> Iterator[Entry]:
    for number, line in enumerate(stream.lines(), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        if line.endswith(b"\0"):
            yield Entry(place, None, fault="must be at most 64 MiB long")
            continue
        try:
            yield _entry(place, _decode(line))
        except _NO_JSON as error:
            yield Entry(place, None, fault=f"must be one JSON object: {error}")


def _array(stream: _Peekable) -> Iterator[Entry]:
    import ijson

    try:
        for number, value in enumerate(ijson.items(stream, "item")):
            yield _entry(f"entry {number}", _plain(value))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise ContractError(_broken(error)) from None


def _object(stream: _Peekable) -> Iterator[Entry]:
    """A dump, or one reading: the names of a dump's members have a colon."""
    import ijson

    reading: dict[str, Any] = {}
    is_dump = False
    try:
        for key, value in ijson.kvitems(stream, ""):
            if ":" in key:
                is_dump = True
                yield Entry(key, _unquoted(_plain(value)), key=key)
            else:
                reading[key] = _plain(value)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise ContractError(_broken(error)) from None
    if is_dump:
        yield from (Entry(key, value, key=key) for key, value in reading.items())
    elif reading:
        yield _entry("entry 0", reading)


def _broken(error: Exception) -> str:
    reason = " ".join(str(error).partition("\n")[0].split())
    return f"the file is no JSON from some place on, or breaks off: {reason}"


def _entry(place: str, value: Any) -> Entry:
    """An entry; of a pair of key and value, the document under its key."""
    if isinstance(value, dict) and "value" in value and "timestamp" not in value:
        key = value.get("key", value.get("name"))
        if isinstance(key, str) and ":" in key:
            return Entry(f"{place}, {key}", _unquoted(value["value"]), key=key)
    return Entry(place, _unquoted(value))


def _unquoted(value: Any) -> Any:
    """A document that is a text which is JSON, as the store keeps it."""
    if isinstance(value, str):
        try:
            return _decode(value)
        except _NO_JSON:
            return value
    return value


def _plain(value: Any) -> Any:
    """What ijson gives, with floats for its decimals; an infinite one is refused like any."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value


def _csv(stream: _Peekable) -> Iterator[Entry]:
    """Readings: columns that we know by any spelling, all others beside the value in `data`.

    A record is a line: a quote that is never closed costs no other.
    """
    names: list[str] | None = None
    delimiter = ","
    for number, line in enumerate(stream.lines(), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            text = line.decode()
            if names is None:
                delimiter = max(",;\t", key=text.count)
            [cells] = csv.reader([text], delimiter=delimiter, strict=True)
        except (UnicodeDecodeError, csv.Error, ValueError) as error:
            if names is None:
                raise ContractError(f"header: must be CSV in UTF-8: {error}") from None
            yield Entry(place, None, fault=f"must be a CSV record in UTF-8: {error}")
            continue
        if names is None:
            names = _header(cells)
        elif len(cells) > len(names):
            yield Entry(place, None, fault=f"must have at most {len(names)} values")
        else:
            yield Entry(place, _reading(names, cells))


def _header(cells: list[str]) -> list[str]:
    names = [_COLUMNS.get(re.sub(r"[^a-z]", "", name.lower()), name.strip()) for name in cells]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise ContractError(f"header: {', '.join(sorted(repeated))} is there twice")
    if missing := {"timestamp", "value"} - set(names):
        raise ContractError(
            f"header: needs the columns {', '.join(sorted(missing))}; found {', '.join(cells)}. "
            "It is neither JSON nor such CSV"
        )
    return names


def _reading(names: list[str], cells: list[str]) -> dict[str, Any]:
    values = dict(zip(names, cells, strict=False))
    known = {name: values.pop(name) for name in set(_COLUMNS.values()) if values.get(name)}
    values.pop("value", None)
    others = {name: cell for name, cell in values.items() if cell and name not in known}
    return {
        **{name: cell for name, cell in known.items() if name != "value"},
        "data": {"value": known.get("value", ""), **others},
    }
