"""An answer about weather, in either dialect → rows of `weather_raw`, and what can't be stored.

A fault costs the value that has it, or the record where nothing of it can be read; the others stay.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ingestion_pipeline.domains.buildings.contract.instants import read_instant
from ingestion_pipeline.domains.buildings.contract.values import Value, judge
from ingestion_pipeline.domains.buildings.contract.windows import Dialect
from ingestion_pipeline.domains.buildings.sources.ace_iot import damaged
from ingestion_pipeline.domains.buildings.sources.ace_iot.listing import (
    Parameters,
    read_envelope,
    read_to_the_end,
)
from ingestion_pipeline.domains.buildings.sources.ace_iot.unreadable import (
    not_json,
    unknown_envelope,
)
from ingestion_pipeline.foundation.storage.bulk import Row
from ingestion_pipeline.foundation.upstreams.client import Answer

_EXPECTED = "data or weather"
_TIME = "timestamp"


@dataclass(frozen=True)
class Weather:
    """What an answer about weather holds.

    Attributes:
        dialect: None where there is no feed.
        rows: site, measure, timestamp, value, value_text, quality.
        unusable: (record, reason), one a value, or one a record of which no value can be read.
    """

    dialect: Dialect | None
    rows: list[Row]
    unusable: list[tuple[str, str]]


def read_weather(ask: Callable[[Parameters], Answer], site: str) -> Weather:
    """Read the answer in either dialect, all pages of it; 404, or nulls only: there is no feed.

    Args:
        ask: gets the answer; its argument asks for a page of it.

    Raises:
        ContractError: it is neither, says that it failed, or is not all of it.
    """
    first: list[Answer] = [ask({})]
    if first[0].status == 404:
        _require_object(first[0].content)
        return Weather(None, [], [])
    content = first[0].content.removeprefix(b"\xef\xbb\xbf")
    live = _members(content)
    if live is not None:
        weather = Weather("live", [], [])
        for member in live:
            _read_member(member, site, weather)
        return weather
    weather = Weather("documented", [], [])
    records = read_to_the_end(
        # The first page is here already.
        lambda more: first.pop() if first else ask(more), what="weather", names=("data",)
    )  # fmt: skip
    for record in records:
        _read_documented(record, site, weather)
    return weather


def _require_object(content: bytes) -> None:
    """Refuse a 404 that is some server's before the API."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(content, error) from None
    if not isinstance(found, dict):
        raise unknown_envelope(content, expected=_EXPECTED)


def _members(content: bytes) -> list[bytes] | None:
    """The members of the live dialect's object; None: it is the other dialect's answer."""
    try:
        rest, members = damaged.split(content, frozenset({b"weather"}), bracket=b"{")
    except damaged.DamagedError as error:
        raise not_json(content, error) from None
    if members is None:
        if b'"data"' not in rest:
            raise unknown_envelope(content, expected=_EXPECTED)
        return None
    if "data" in read_envelope(rest):
        raise unknown_envelope(content, expected=_EXPECTED)
    return members


def _read_documented(text: bytes, site: str, weather: Weather) -> None:
    """A record of several measures at one instant."""
    record = _read_object(text, weather)
    if record is None:
        return
    try:
        instant = read_instant(record.get(_TIME))
    except (ValueError, OverflowError) as error:
        weather.unusable.append((_text(text), f"{_TIME}: {error}"))
        return
    for measure, value in record.items():
        if measure != _TIME:
            _add(text, (site, measure, instant), value, weather)


def _read_member(text: bytes, site: str, weather: Weather) -> None:
    """A measure with its last known value, `"temp": {"value", "time"}`; a null is none."""
    found = _read_object(b"{%b}" % text, weather)
    for measure, member in (found or {}).items():
        if member is None:
            continue
        if not isinstance(member, dict):
            weather.unusable.append((_text(text), f"{measure}: is no object"))
        elif member.get("time") is not None or member.get("value") is not None:
            try:
                instant = read_instant(member.get("time"))
            except (ValueError, OverflowError) as error:
                weather.unusable.append((_text(text), f"{measure}: time: {error}"))
            else:
                _add(text, (site, measure, instant), member.get("value"), weather)


def _read_object(text: bytes, weather: Weather) -> dict[str, Any] | None:
    fault: str | None = "is no object"
    found: Any = None
    try:
        text, found = damaged.read_record(text, msgspec.json.decode)
    except ValueError as error:
        fault = str(error)
    else:
        twice = damaged.key_there_twice(text)
        if isinstance(found, dict):
            fault = None if twice is None else f"the key {twice} is there twice"
    if fault is not None:
        weather.unusable.append((_text(text), f"record: {fault}"))
        return None
    return dict(found)


def _add(text: bytes, key: tuple[Any, ...], value: Any, weather: Weather) -> None:
    try:
        number, said, quality = judge(_value(key[1], value))
    except (TypeError, ValueError, OverflowError) as error:
        weather.unusable.append((_text(text), f"{key[1]}: {error}"))
    else:
        weather.rows.append((*key, number, said, quality))


def _value(measure: str, value: Any) -> Value:
    """A value that can be stored (TypeError, ValueError if not)."""
    if "\0" in measure or (isinstance(value, str) and "\0" in value):
        raise ValueError("contains NUL")
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    raise TypeError("must be a number, a text or null")


def _text(record: bytes) -> str:
    return record.decode(errors="replace")
