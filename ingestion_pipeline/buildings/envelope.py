"""The body of a page → its records, typed; the two dialects are told apart by the envelope.

A body that is neither is an error that names the keys found: a reader that took a missing key for
an empty list once marked 307 days complete with no sample.

Decoding is one pass of msgspec into structs that the garbage collector need not follow
(100,000 records in about 60 ms). Only where a record does not fit the type is each looked at by
itself, so that it costs its own and not the page.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ingestion_pipeline.buildings.contract import Dialect
from ingestion_pipeline.errors import ContractError

Value = float | str | bool | None
_NULL = Raw(b"null")


class Documented(Struct, gc=False):
    """A record as the design documents have it."""

    name: str = msgspec.field(name="point_name")
    time: str = msgspec.field(name="timestamp")
    value: Value = None
    quality: str | None = None
    metadata: Raw = _NULL


class Live(Struct, gc=False):
    """A record as the live API sends it."""

    name: str
    time: str
    value: Value = None


class _Pagination(Struct):
    next_cursor: str | int | None = None
    has_more: bool | None = None


class _Body(Struct):
    data: list[Documented] | UnsetType = UNSET
    pagination: _Pagination | None = None
    point_samples: list[Live] | UnsetType = UNSET
    next_cursor: str | int | None = None
    has_more: bool | None = None


class _LooseBody(Struct):
    data: list[Raw] | UnsetType = UNSET
    pagination: _Pagination | None = None
    point_samples: list[Raw] | UnsetType = UNSET
    next_cursor: str | int | None = None
    has_more: bool | None = None


_body = msgspec.json.Decoder(_Body)
_loose_body = msgspec.json.Decoder(_LooseBody)
_documented = msgspec.json.Decoder(Documented)
_live = msgspec.json.Decoder(Live)


class NotJsonError(ContractError):
    """An answer that said all was well holds something else than JSON."""


@dataclass(frozen=True)
class Unusable:
    """A record that can't be stored: its text, and why."""

    text: str
    reason: str


@dataclass(frozen=True)
class Page:
    """The records of a page.

    Attributes:
        next_cursor: of the page after it; None on the last page.
        unusable: records that are no records.
    """

    dialect: Dialect
    records: Sequence[Documented | Live] = field(default=(), repr=False)
    next_cursor: str | None = None
    unusable: list[Unusable] = field(default_factory=list)

    @property
    def fetched(self) -> int:
        """How many records the page has, usable or not."""
        return len(self.records) + len(self.unusable)

    def fingerprint(self) -> tuple[Any, ...]:
        """Equal for two pages that are the same, as those of a cursor that goes in circles are."""
        ends = [msgspec.json.encode(record) for record in (*self.records[:1], *self.records[-1:])]
        return (self.fetched, self.next_cursor, *ends)


def read_page(content: bytes) -> Page:
    """Read the body of a page.

    Raises:
        NotJsonError: it is not JSON.
        ContractError: it is JSON of neither dialect, or says that there is more and not where.
    """
    try:
        body = _body.decode(content)
    except msgspec.ValidationError:
        return _read_loosely(content)
    except msgspec.DecodeError as error:
        if b"NaN" in content or b"Infinity" in content:
            return _read_loosely(_with_quoted_constants(content))
        raise not_json(content, error) from None
    if body.data is not UNSET and body.point_samples is UNSET:
        return Page("documented", body.data, next_cursor=_next(body))
    if body.point_samples is not UNSET and body.data is UNSET:
        return Page("live", body.point_samples, next_cursor=_next(body))
    raise unknown_envelope(content, expected="data or point_samples")


def _read_loosely(content: bytes) -> Page:
    """Read a page of which something does not fit: each record by itself."""
    try:
        body = _loose_body.decode(content)
    except msgspec.ValidationError as error:
        raise unknown_envelope(content, expected="data or point_samples", said=error) from None
    if body.data is not UNSET and body.point_samples is UNSET:
        records, unusable = _each(body.data, _documented)
        return Page("documented", records, next_cursor=_next(body), unusable=unusable)
    if body.point_samples is not UNSET and body.data is UNSET:
        records, unusable = _each(body.point_samples, _live)
        return Page("live", records, next_cursor=_next(body), unusable=unusable)
    raise unknown_envelope(content, expected="data or point_samples")


def _with_quoted_constants(content: bytes) -> bytes:
    """JSON as some servers write it, with NaN and Infinity bare, made JSON: they become texts."""
    try:
        return msgspec.json.encode(json.loads(content, parse_constant=str))
    except (ValueError, RecursionError) as error:
        raise not_json(content, error) from None


def _each(texts: list[Raw], decoder: msgspec.json.Decoder[Any]) -> tuple[list[Any], list[Unusable]]:
    records, unusable = [], []
    for text in texts:
        try:
            records.append(decoder.decode(text))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            unusable.append(Unusable(bytes(text).decode(errors="replace"), f"record: {error}"))
    return records, unusable


def _next(body: _Body | _LooseBody) -> str | None:
    where: Any = body
    if body.data is not UNSET:
        where = body.pagination
        if where is None:
            raise ContractError("page: has data and no pagination: is it the last?")
    if where.has_more is False or (where.has_more is None and where.next_cursor in (None, "")):
        return None
    if where.next_cursor in (None, ""):
        raise ContractError("page: says has_more and gives no next_cursor")
    return str(where.next_cursor)


def not_json(content: bytes, error: Exception) -> NotJsonError:
    """The error for a body that is not JSON."""
    return NotJsonError(f"body is not JSON ({error}): {content[:80].decode(errors='replace')!r}")


def unknown_envelope(
    content: bytes, *, expected: str, said: Exception | None = None
) -> ContractError:
    """The error for JSON of an unknown shape: names the keys found."""
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        return not_json(content, error)
    keys = ", ".join(sorted(found)) or "none" if isinstance(found, dict) else type(found).__name__
    detail = f" ({said})" if said else ""
    return ContractError(f"unknown envelope: keys {keys}; expected {expected}{detail}")
