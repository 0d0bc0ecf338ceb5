"""What stands at one place of a file of history, whatever the form of the file."""

from dataclasses import dataclass
from typing import Any

from ingestion_pipeline.gateway.json_bodies import NO_JSON, RepeatedKeyError, decode, why_no_json

_OPENING = (b"{", b"[")


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at one place of a file.

    Attributes:
        place: `line 7`, `entry 3`, or a key.
        value: decoded; None where `fault` says why there is none.
        key: under which a dump has it.
    """

    place: str
    value: Any
    key: str | None = None
    fault: str | None = None


def entry_of(place: str, value: Any) -> Entry:
    """The entry of a value; of a pair of key and value, of the document under its key."""
    if isinstance(value, dict) and "value" in value and "timestamp" not in value:
        key = value.get("key", value.get("name"))
        if isinstance(key, str) and ":" in key:
            return document_of(f"{place}, {key}", value["value"], key=key)
    return document_of(place, value)


def document_of(place: str, value: Any, *, key: str | None = None) -> Entry:
    """The entry of a value that may be a text which is JSON, as the store keeps it."""
    if not isinstance(value, str):
        return Entry(place, value, key)
    content = value.encode(errors="replace")
    try:
        return Entry(place, decode(content), key)
    except RepeatedKeyError as error:
        return Entry(place, None, key, str(error))
    except NO_JSON as error:
        if content.lstrip()[:1] not in _OPENING:
            return Entry(place, value, key)
        why = why_no_json(content, error)
        return Entry(place, None, key, f"must be a text of one JSON object: {why}")
