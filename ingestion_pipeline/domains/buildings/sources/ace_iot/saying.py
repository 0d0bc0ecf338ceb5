"""What a sender says of a sample beside its value: quality, and metadata with its unit.

Few say anything different from one sample to the next, so each saying is judged once a page.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ingestion_pipeline.domains.buildings.sources.ace_iot.damaged import key_there_twice
from ingestion_pipeline.domains.buildings.sources.ace_iot.keys import quotes
from ingestion_pipeline.domains.buildings.sources.ace_iot.records import ABSENT, Quality


@dataclass(frozen=True)
class Saying:
    """Quality and metadata as they are stored.

    Attributes:
        metadata: the text of a JSON value.
        fault: why they can't be stored; the record is refused then.
    """

    quality: str | None = None
    metadata: str | None = None
    fault: str | None = None


NOTHING = Saying()
# The type is in it, because 1, 1.0 and true are equal and not the same.
SayingKey = tuple[type, Quality | UnsetType, bytes, bytes]


def saying_key(record: Any) -> SayingKey:
    """What a record's saying depends on: `read_saying` takes all but the first."""
    quality = record.quality
    unit = record.unit
    return (
        quality.__class__, quality, bytes(record.metadata), b"" if unit is ABSENT else bytes(unit)
    )  # fmt: skip


def read_saying(quality: Quality | UnsetType, metadata: bytes, unit: bytes) -> Saying:
    """What was said; the unit goes into the metadata if it was told beside them.

    A quality that is a number or a truth is kept as its text: what it means is the sender's.
    """
    text = _text(quality)
    if text is not None and "\0" in text:
        return Saying(fault="record: quality: contains NUL")
    fault = _fault("metadata", metadata) or _fault("unit", unit)
    if fault is not None:
        return Saying(fault=fault)
    if unit not in (b"", b"null"):
        told = msgspec.json.decode(unit)
        both: Any = msgspec.json.decode(metadata) if metadata else None
        if not isinstance(both, dict):
            both = {} if both is None else {"metadata": both}
        if both.setdefault("unit", told) != told:
            return Saying(fault="record: unit: it says one, its metadata another")
        metadata = msgspec.json.encode(both)
    return Saying(text, None if metadata in (b"", b"null") else metadata.decode())


def are_sound(metadata: Collection[bytes]) -> bool:
    """Whether it is certain that all of them can be stored; a tenth of looking at each."""
    text = b"[" + b",".join(metadata) + b"]"
    if b"\\" in text:
        return False
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    # A key that was there twice is lost in decoding, and its quotes with it.
    return quotes(msgspec.json.encode(found)) == quotes(text)


def _text(quality: Quality | UnsetType) -> str | None:
    if quality is None or quality is UNSET:
        return None
    if isinstance(quality, str):
        return quality if quality.strip() else None
    return msgspec.json.encode(quality).decode()


def _fault(field: str, text: bytes) -> str | None:
    """Why a JSON value can't be stored; the reader of the page has not looked into it."""
    if text in (b"", b"null"):
        return None
    try:
        msgspec.json.decode(text)
    except UnicodeDecodeError:
        return f"record: {field}: is not UTF-8"
    except (msgspec.DecodeError, RecursionError) as error:
        return f"record: {field}: is not JSON: {error}"
    if b"\\u0000" in text and b"\\u0000" in text.replace(b"\\\\", b""):
        return f"record: {field}: contains NUL"  # PostgreSQL keeps none
    twice = key_there_twice(text)
    return None if twice is None else f"record: {field}: the key {twice} is there twice"
