"""JSON documents of any size → their entries, made from the parser's events one by one."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ingestion_pipeline.domains.kpis.sources.history_entries import Entry, document_of, entry_of
from ingestion_pipeline.domains.kpis.sources.history_lines import Lines
from ingestion_pipeline.domains.kpis.sources.history_storable import Storable
from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.gateway.json_bodies import number_of

Events = Iterator[tuple[str, Any]]


def documents_of(stream: Lines) -> Iterator[Entry]:
    """The entries of arrays and objects that stand one behind the other.

    Raises:
        ContractError: it is no JSON from some place on; what came before has been handed out.
    """
    import ijson

    try:
        yield from _documents(ijson.basic_parse(Storable(stream), multiple_values=True))
    except (ijson.JSONError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).partition("\n")[0].split())
        message = f"the file is no JSON from some place on, or breaks off: {reason}"
        raise ContractError(message) from None
    except (ValueError, SystemError):  # of Python's int(), by way of the parser written in C
        message = "from some place on the file can't be read: a number has more than 4,300 digits"
        raise ContractError(message) from None


def _documents(events: Events) -> Iterator[Entry]:
    number = 0
    for event, value in events:
        if event == "start_map":
            yield from _object(f"entry {number}", events)
            number += 1
            continue
        if event != "start_array":
            yield Entry(f"entry {number}", value)
            number += 1
            continue
        for inner, element in events:
            if inner == "end_array":
                break
            place = f"entry {number}"
            made, repeated = _made(inner, element, events)
            yield _repeats(place, repeated) if repeated is not None else entry_of(place, made)
            number += 1


def _object(place: str, events: Events) -> Iterator[Entry]:
    """A dump, or one reading: the names of a dump's members have a colon."""
    reading: dict[str, Any] = {}
    seen: set[str] = set()
    is_dump = False
    fault: Entry | None = None
    for event, key in events:
        if event == "end_map":
            break
        value, repeated = _made(*next(events), events)
        is_dump = is_dump or ":" in key
        if key in seen:
            repeated = key
        seen.add(key)
        if ":" in key:
            yield (
                _repeats(key, repeated)
                if repeated is not None
                else document_of(key, value, key=key)
            )
        elif repeated is not None:
            fault = fault or _repeats(place, repeated)
        else:
            reading[key] = value
    if fault is not None:
        yield fault
    elif is_dump:
        yield from (Entry(key, value, key=key) for key, value in reading.items())
    else:
        yield entry_of(place, reading)


def _repeats(place: str, key: str) -> Entry:
    return Entry(place, None, fault=f"{key[:100]}: is there twice in one JSON object")


def _made(event: str, value: Any, events: Events) -> tuple[Any, str | None]:
    """The value that begins with an event, and a key that an object in it has twice."""
    repeated: str | None = None
    containers: list[Any] = []
    keys: list[str] = []
    while True:
        if event in ("end_map", "end_array"):
            done = containers.pop()
            keys.pop()
            if not containers:
                return done, repeated
        elif event == "map_key":
            if repeated is None and value in containers[-1]:
                repeated = value
            keys[-1] = value
        else:
            part: Any = {} if event == "start_map" else [] if event == "start_array" else None
            if part is None:
                part = _plain(value)
            if containers:
                into = containers[-1]
                if isinstance(into, dict):
                    into[keys[-1]] = part
                else:
                    into.append(part)
            if event.startswith("start_"):
                containers.append(part)
                keys.append("")
            elif not containers:
                return part, None
        event, value = next(events)


def _plain(value: Any) -> Any:
    """A double for a decimal; a whole number that none is stays whole, and is refused by name."""
    return number_of(str(value)) if isinstance(value, Decimal) else value
