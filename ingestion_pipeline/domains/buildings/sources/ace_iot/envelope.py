"""The body of a page → its records, typed; the two dialects are told apart by the envelope.

A body that is neither is an error that names the keys found: a reader that took a missing key for
an empty list once marked 307 days complete with no sample.

Decoding is one pass of msgspec into structs that the garbage collector need not follow
(100,000 records in about 60 ms). Only where something does not fit the type, or a key is there
twice, is each record looked at by itself (damaged.py), so that it costs its own and not the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingestion_pipeline.domains.buildings.contract.instants import why_no_instant
from ingestion_pipeline.domains.buildings.contract.windows import Dialect
from ingestion_pipeline.domains.buildings.sources.ace_iot import damaged
from ingestion_pipeline.domains.buildings.sources.ace_iot.keys import (
    keys_are_single,
    keys_of_records_are_single,
)
from ingestion_pipeline.domains.buildings.sources.ace_iot.records import Documented, Live, Record
from ingestion_pipeline.domains.buildings.sources.ace_iot.signs import (
    Signs,
    read_signs,
    require_success,
)
from ingestion_pipeline.domains.buildings.sources.ace_iot.unreadable import (
    NotJsonError,
    not_json,
    unknown_envelope,
)
from ingestion_pipeline.foundation.errors import ContractError

__all__ = ["NotJsonError", "Page", "Unusable", "read_page"]

_BOM = b"\xef\xbb\xbf"
_LISTS = frozenset({b"data", b"point_samples"})


class _Body(Struct):
    """Both envelopes, and what else may be said in them (signs.py)."""

    data: list[Documented] | UnsetType = UNSET
    point_samples: list[Live] | UnsetType = UNSET
    pagination: dict[str, Any] | UnsetType | None = UNSET
    next_cursor: Any = UNSET
    has_more: Any = UNSET
    total_count: Any = UNSET
    total: Any = UNSET
    pages: Any = UNSET
    total_pages: Any = UNSET
    next_page: Any = UNSET
    next: Any = UNSET
    status: Any = UNSET
    success: Any = UNSET
    ok: Any = UNSET
    error: Any = UNSET
    errors: Any = UNSET
    message: Any = UNSET

    def says(self) -> dict[str, Any]:
        """What is said beside the records."""
        lists = ("data", "point_samples")
        return {
            name: value
            for name in self.__struct_fields__
            if name not in lists and (value := getattr(self, name)) is not UNSET
        }


_body = msgspec.json.Decoder(_Body)
_records: dict[Dialect, msgspec.json.Decoder[Any]] = {
    "documented": msgspec.json.Decoder(Documented),
    "live": msgspec.json.Decoder(Live),
}


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
        total: how many records the whole list has, if that is said.
    """

    dialect: Dialect
    records: Sequence[Record] = field(default=(), repr=False)
    next_cursor: str | None = None
    unusable: list[Unusable] = field(default_factory=list)
    total: int | None = None

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
        ContractError: it is JSON of neither dialect, says that it failed, or says that there is
            more and not where.
    """
    content = content.removeprefix(_BOM)
    try:
        body = _body.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _read_one_by_one(content, error)
    records = _records_of(body, content)
    if not keys_are_single(content, records):
        return _read_one_by_one(content, None)
    return _page(body, records, [])


def _read_one_by_one(content: bytes, error: Exception | None) -> Page:
    """Read a page of which something does not fit: each record by itself."""
    try:
        rest, elements = damaged.split(content, _LISTS)
        twice = damaged.key_there_twice(rest)
        body = _body.decode(rest)
    except msgspec.ValidationError as wrong:
        raise unknown_envelope(content, expected="data or point_samples", said=wrong) from None
    except (damaged.DamagedError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as other:
        raise not_json(content, error or other) from None
    if twice is not None:
        raise ContractError(f"page: the key {twice} is there twice: which is right?")
    decoder = _records["documented" if body.data is not UNSET else "live"]
    _records_of(body, content)
    texts: list[bytes] = []
    records: list[Record] = []
    unusable: list[Unusable] = []
    for element in elements or ():
        try:
            text, record = damaged.read_record(element, decoder.decode)
        except ValueError as fault:
            unusable.append(_unusable(element, str(fault)))
        else:
            texts.append(text)
            records.append(record)
    if not keys_of_records_are_single(b"".join(texts), records):
        records = _with_single_keys(texts, records, unusable)
    return _page(body, records, unusable)


def _with_single_keys(
    texts: Sequence[bytes], records: Sequence[Record], unusable: list[Unusable]
) -> list[Record]:
    """The records that have no key twice."""
    kept = []
    for text, record in zip(texts, records, strict=True):
        twice = damaged.key_there_twice(text)
        if twice is None:
            kept.append(record)
        else:
            reason = f"record: the key {twice} is there twice"
            unusable.append(Unusable(text.decode(errors="replace"), reason))
    return kept


def _unusable(element: bytes, fault: str) -> Unusable:
    text = element.decode(errors="replace")
    try:
        found = msgspec.json.decode(element)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        for name in ("timestamp", "time"):
            if name in found and not isinstance(found[name], str):
                return Unusable(text, f"time: {why_no_instant(found[name])}")
    return Unusable(text, f"record: {fault}")


def _records_of(body: _Body, content: bytes) -> Sequence[Record]:
    if body.data is not UNSET and body.point_samples is UNSET:
        return body.data
    if body.point_samples is not UNSET and body.data is UNSET:
        return body.point_samples
    raise unknown_envelope(content, expected="data or point_samples")


def _page(body: _Body, records: Sequence[Record], unusable: list[Unusable]) -> Page:
    said = body.says()
    require_success(said)
    if body.data is not UNSET and not isinstance(body.pagination, dict):
        raise ContractError("page: has data and no pagination: is it the last?")
    signs = read_signs(said)
    return Page(
        "documented" if body.data is not UNSET else "live",
        records,
        next_cursor=_next_cursor(signs),
        unusable=unusable,
        total=signs.total,
    )


def _next_cursor(signs: Signs) -> str | None:
    """The cursor of the next page; None only where it is said that this page is the last."""
    if signs.more is not False and signs.cursor is not None:
        return signs.cursor
    if signs.more or signs.next_page is not None or (signs.pages or 0) > 1:
        raise ContractError("page: says has_more and gives no next_cursor")
    if not signs.says:
        raise ContractError("page: has neither has_more nor next_cursor: is it the last?")
    return None
