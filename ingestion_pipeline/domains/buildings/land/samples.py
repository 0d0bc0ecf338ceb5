"""The records of a page → rows of `timeseries_raw`, and what can't be stored.

Filtering comes first, so that points which nobody wants cost a look-up and nothing more. What
remains is handled a column at a time; only values that are no finite numbers are judged one by
one.
"""

import json
import math
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Raw

from ingestion_pipeline.domains.buildings.contract.instants import read_instant
from ingestion_pipeline.domains.buildings.contract.values import Value, is_plain, judge
from ingestion_pipeline.domains.buildings.contract.windows import GOOD, Window
from ingestion_pipeline.domains.buildings.sources.ace_iot.envelope import Page, Unusable
from ingestion_pipeline.domains.buildings.sources.ace_iot.records import ABSENT, Documented, Record
from ingestion_pipeline.domains.buildings.sources.ace_iot.saying import (
    NOTHING,
    Saying,
    SayingKey,
    read_saying,
    saying_key,
)
from ingestion_pipeline.foundation.storage.bulk import Row

__all__ = [
    "COLUMNS",
    "Batch",
    "all_finite",
    "judge",
    "read_instant",
    "refused",
    "sayings",
    "to_rows",
]

COLUMNS = ("site_name", "point_name", "timestamp", "value", "value_text", "quality", "metadata")


@dataclass(frozen=True)
class Batch:
    """What a page comes to.

    Attributes:
        rows: in the order of `COLUMNS`.
        seen: configured points that have a row here.
        skipped_points: names of points that are not configured.
    """

    rows: list[Row]
    seen: AbstractSet[str]
    unusable: list[Unusable]
    skipped: int
    skipped_points: AbstractSet[str]
    outside: int


def to_rows(page: Page, *, site: str, window: Window, points: AbstractSet[str]) -> Batch:
    """The rows of the page's records that are of configured points and within the window."""
    names = {record.name for record in page.records}
    records: Sequence[Record] = [record for record in page.records if record.name in points]
    skipped = len(page.records) - len(records)
    unusable = list(page.unusable)
    records, times, outside = _within(records, window, unusable)
    rows = _rows(records, times, site, unusable)
    # An index grows three times as fast in its order. Those of a point stay as they came.
    rows.sort(key=itemgetter(1))
    return Batch(
        rows=rows,
        # Nearly always all rows are of points that have a row: then names need no second look.
        seen=names & points if len(rows) == page.fetched - skipped else {row[1] for row in rows},
        unusable=unusable,
        skipped=skipped,
        skipped_points=names - points,
        outside=outside,
    )


def _within(
    records: Sequence[Record], window: Window, unusable: list[Unusable]
) -> tuple[Sequence[Record], list[datetime], int]:
    """The records whose time is within the window, their times, and how many are outside it."""
    known: dict[str, datetime | str] = {}
    for text in {record.time for record in records}:
        try:
            known[text] = read_instant(text)
        except (ValueError, OverflowError) as error:
            known[text] = f"time: {error}"
    kept: list[Record] = []
    times: list[datetime] = []
    outside = 0
    for record in records:
        time = known[record.time]
        if isinstance(time, str):
            unusable.append(_unusable(record, time))
        elif window.start <= time < window.end:
            kept.append(record)
            times.append(time)
        else:
            outside += 1
    return kept, times, outside


def _rows(
    records: Sequence[Record], times: list[datetime], site: str, unusable: list[Unusable]
) -> list[Row]:
    values = [record.value for record in records]
    numbers = all_finite(values)
    judged = {value: judge(value) for value in set(values) if isinstance(value, str)}
    rows: list[Row] = []
    number: float | None
    for place, (record, time, said) in enumerate(
        zip(records, times, sayings(records), strict=False)
    ):
        value = record.value
        if numbers is not None:
            number, text, quality = numbers[place], None, GOOD
        else:
            number, text, quality = judged[value] if isinstance(value, str) else judge(value)
        if said.fault is not None:
            unusable.append(_unusable(record, said.fault))
        elif text is not None and "\0" in text:  # PostgreSQL keeps none
            unusable.append(_unusable(record, "value: contains NUL"))
        else:
            row = (site, record.name, time, number, text, said.quality or quality, said.metadata)
            rows.append(row)
    return rows


def all_finite(values: list[Value]) -> list[float] | None:
    """The values as numbers, if they all are; nearly always, and then ten times as fast."""
    types = set(map(type, values))
    numbers: Any = values
    if types == {str}:
        texts: Any = values
        try:
            numbers = list(map(float, texts))
        except ValueError:
            return None
        if not is_plain("".join(texts)):
            return None
    elif types != {float}:
        return None
    return numbers if math.isfinite(sum(numbers)) else None


def sayings(records: Sequence[Record]) -> Iterable[Saying]:
    """What the sender says of each; for ever nothing, where the dialect has no words for it."""
    if not records or not isinstance(records[0], Documented):
        return repeat(NOTHING)
    known: dict[SayingKey, Saying] = {}
    found = []
    for record in records:
        key = saying_key(record)
        said = known.get(key)
        if said is None:
            said = known[key] = read_saying(*key[1:])
        found.append(said)
    return found


def _unusable(record: Record, reason: str) -> Unusable:
    if isinstance(record, Documented):
        parts = {"metadata": record.metadata, "unit": record.unit}
        null = {name: Raw(b"null") for name, part in parts.items() if part is ABSENT}
        record = msgspec.structs.replace(record, **null)
    return Unusable(msgspec.json.encode(record).decode(errors="replace"), reason)


def refused(row: Row, message: str) -> Unusable:
    """A row that only the database could refuse."""
    values = dict(zip(COLUMNS, map(str, row), strict=True))
    return Unusable(json.dumps(values), f"record: must suit the database: {message}")
