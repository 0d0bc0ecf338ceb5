"""Bodies of `/api/kpi-data` that hold more than one reading: a JSON array, or NDJSON; pure.

What it is, its first bytes say: `[` is an array. NDJSON begins as an object does; its media type
tells, and so does a second line. Each reading is parsed by itself: a bad one costs only itself.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ingestion_pipeline.domains.kpis.contract.readings import Readings, member, parse_readings
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.gateway.json_bodies import (
    NO_JSON,
    RepeatedKeyError,
    decode,
    may_repeat_keys,
    number_of,
    parse,
    why_no_json,
    without_halves,
)

MOST_BYTES = 8 * 1024 * 1024  # of a body, before and after it is unpacked
MOST_READINGS = 10_000  # of a body; each of a body's `kpiIds` counts as one
# Values and lines, empty ones too, of a body: eight million of them take seconds to look at.
_MOST_VALUES = 200 * MOST_READINGS
_MOST_LINES = 20 * MOST_READINGS
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl",
          "application/x-jsonlines", "application/jsonlines")  # fmt: skip

_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_BEGINNINGS = _MARK + b"\x1e"  # of files that were joined; of RFC 7464's records
_LINE_END = re.compile(rb"\r\n?|\n")
# Python writes these. Strings are matched, too, so that nothing within one is taken for a number.
_ODD_NUMBERS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?(?:NaN|Infinity)\b', re.DOTALL)
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class TooManyError(ContractError):
    """A body with more readings than one request may bring."""


class TooLargeError(ContractError):
    """A body that is one reading, and larger than one may be."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One reading of several, as it was sent.

    Attributes:
        place: `{"index": n}` of an array, from 0; `{"line": n}` of NDJSON, from 1.
        fault: why `body` is none.
    """

    place: dict[str, int]
    body: Any
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A reading that breaks the contract, with every fault."""

    message: str
    faults: Sequence[FieldError]


def is_gzip(content: bytes) -> bool:
    """Whether a body is compressed, whatever its headers say."""
    return content.startswith(_GZIP)


def is_ndjson(media_type: str) -> bool:
    """Whether a Content-Type announces NDJSON."""
    return media_type.partition(";")[0].strip().lower() in NDJSON


def may_hold_several(beginning: bytes, *, ndjson: bool) -> bool:
    """Whether a body that begins like this may be as large as a batch."""
    if ndjson or is_gzip(beginning):
        return True
    return beginning[:1] != b"{" and beginning.lstrip(_MARK + _BLANK)[:1] == b"["


def decoded(content: bytes, *, ndjson: bool, most: int) -> Any:
    """A body: one decoded JSON value, or a list of `Sent` where it holds several.

    How much of it is decoded at a time is bounded: other threads go on in between.

    Args:
        content: unpacked.
        ndjson: whether its media type says so.
        most: bytes that one reading may have, alone or among several.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no JSON.
        TooManyError: it holds more than MOST_READINGS.
        TooLargeError: it is one reading, larger than `most`.
        ContractError: it holds none.
        RepeatedKeyError: it is one value, and an object in it has a key twice.
    """
    if not ndjson:
        text = content.lstrip(_MARK)  # its bytes begin nothing else
        if text.lstrip(_BLANK)[:1] == b"[":
            return _of_array(text, most)
        try:
            value = _decode_one(text, most)
        except (*NO_JSON, TooLargeError):
            if not _is_several_lines(content, most):
                raise
        else:
            return decode(text) if may_repeat_keys(text, value) else value
    if content.count(b"\n") + content.count(b"\r") > _MOST_LINES:
        raise _too_many()
    lines = _LINE_END.split(content) if b"\r" in content else content.split(b"\n")
    filled = [(n, line) for n, line in enumerate(lines, 1) if line.strip()]
    if len(filled) > MOST_READINGS:
        raise _too_many()
    return _limited([_of_line(n, line, most) for n, line in filled])


def parsed(
    sent: Sent, *, tenant_id: int, now: datetime, request_id: str | None = None
) -> Readings | Refused:
    """What a reading of several is, or what is wrong with it."""
    if sent.fault is not None:
        return Refused(sent.fault, [FieldError(next(iter(sent.place)), sent.fault)])
    try:
        return parse_readings(sent.body, tenant_id=tenant_id, now=now, request_id=request_id)
    except ContractError as error:
        return Refused(str(error), error.errors or [FieldError("body", str(error))])


def _decode(content: bytes) -> Any:
    """A JSON value. A number that no double holds (1e400) is infinite, so that the reading which
    has it is refused by name, and not the whole body as no JSON.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it is no JSON.
    """
    try:
        return parse(content)
    except msgspec.ValidationError:  # well-formed, but out of range
        try:
            value = json.loads(content, parse_constant=_refuse, parse_float=number_of)
        except ValueError:
            value = None
        if isinstance(value, list) or (
            isinstance(value, dict) and isinstance(value.get("data"), dict)
        ):
            return value
        raise


def _decode_one(text: bytes, most: int) -> Any:
    if len(text) > most:
        raise TooLargeError(f"body: must be at most {most} bytes")
    return _decode(text)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _is_several_lines(content: bytes, most: int) -> bool:
    """Whether the first line is JSON by itself, and not the last."""
    first, *rest = _LINE_END.split(content.removeprefix(_MARK).lstrip(_BLANK), maxsplit=1)
    if not rest or not rest[0].strip() or len(first) > most:
        return False
    try:
        return isinstance(_decode(first), dict)
    except NO_JSON:
        return False


def _infinite(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"1e999"


def _of_array(text: bytes, most: int) -> list[Sent]:
    if text.count(b",") > _MOST_VALUES:
        raise _too_many()
    try:
        elements = _elements(text)
    except msgspec.DecodeError:
        if len(text) > most:  # looking for it would hold others up
            raise
        # The reading that has what no JSON has is refused by its field then; the others are not.
        told = _ODD_NUMBERS.sub(_infinite, without_halves(text))
        if told == text:
            raise
        elements = _elements(told)
    if len(elements) > MOST_READINGS:
        raise _too_many()
    return _limited([_sent({"index": n}, bytes(each), most) for n, each in enumerate(elements)])


def _of_line(number: int, line: bytes, most: int) -> Sent:
    return _sent({"line": number}, line.lstrip(_BEGINNINGS), most)


def _sent(place: dict[str, int], text: bytes, most: int) -> Sent:
    if len(text) > most:
        return Sent(place, None, f"must be at most {most} bytes")
    try:
        value = _decode(text)
        return Sent(place, decode(text) if may_repeat_keys(text, value) else value)
    except NO_JSON as error:
        return Sent(place, None, f"must be one JSON object: {why_no_json(text, error)}")
    except RepeatedKeyError as error:
        return Sent(place, None, str(error))


def _limited(sent: list[Sent]) -> list[Sent]:
    if not sent:
        message = f"must hold 1 to {MOST_READINGS} readings, and holds none"
        raise ContractError(f"body: {message}", [FieldError("body", message)])
    if len(sent) > MOST_READINGS or sum(map(_size, sent)) > MOST_READINGS:
        raise _too_many()
    return sent


def _size(sent: Sent) -> int:
    if not isinstance(sent.body, dict):
        return 1
    kpi_ids = member(sent.body, "kpiIds", "kpi_ids")
    return max(1, len(kpi_ids)) if isinstance(kpi_ids, list) else 1


def _too_many() -> TooManyError:
    return TooManyError(
        f"a request may bring at most {MOST_READINGS} readings (each of `kpiIds` is one); "
        "nothing was recorded, send them in several requests"
    )
