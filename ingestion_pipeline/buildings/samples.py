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
from datetime import UTC, datetime
from itertools import repeat
from operator import itemgetter
from typing import Any

import msgspec

from ingestion_pipeline.buildings.contract import BAD, GOOD, TEXT, UNKNOWN, Window
from ingestion_pipeline.buildings.envelope import Documented, Live, Page, Unusable, Value
from ingestion_pipeline.storage.bulk import Row

COLUMNS = ("site_name", "point_name", "timestamp", "value", "value_text", "quality", "metadata")

Record = Documented | Live
Judged = tuple[float | None, str | None, str]


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


def read_instant(text: str) -> datetime:
    """An ISO 8601 time; naive is UTC, and digits after the microsecond are dropped.

    Raises:
        ValueError: it is none.
    """
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def judge(value: Value) -> Judged:
    """A value as (finite number, text of what is none, derived quality).

    >>> judge("1.61"), judge("NaN"), judge("active"), judge(None)
    ((1.61, None, 'good'), (None, 'NaN', 'bad'), (None, 'active', 'text'), (None, None, 'unknown'))
    """
    if value is None:
        return None, None, UNKNOWN
    if isinstance(value, bool):
        return None, "true" if value else "false", TEXT
    try:
        # Python reads 1_000 and digits of all scripts as numbers; a sensor sends neither.
        number = float(value) if not isinstance(value, str) or _is_plain(value) else None
    except ValueError:
        number = None
    if number is None:
        return None, str(value), TEXT
    return (number, None, GOOD) if math.isfinite(number) else (None, str(value), BAD)


def _is_plain(text: str) -> bool:
    return text.isascii() and "_" not in text


def _within(
    records: Sequence[Record], window: Window, unusable: list[Unusable]
) -> tuple[Sequence[Record], list[datetime], int]:
    """The records whose time is within the window, their times, and how many are outside it."""
    if not records:
        return records, [], 0
    texts = [record.time for record in records]
    try:
        times = list(map(datetime.fromisoformat, texts))
        first, last = min(times), max(times)  # TypeError: some are naive and some are not
        if _utc(first) >= window.start and _utc(last) < window.end:
            return records, times, 0  # naive ones are read as UTC by the database as well
    except (ValueError, TypeError):
        pass
    kept, times, outside = [], [], 0
    for record, text in zip(records, texts, strict=True):
        try:
            time = read_instant(text)
            inside = window.start <= time < window.end
        except (ValueError, OverflowError) as error:
            unusable.append(_unusable(record, f"time: {error}"))
            continue
        if inside:
            kept.append(record)
            times.append(time)
        else:
            outside += 1
    return kept, times, outside


def _utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _rows(
    records: Sequence[Record], times: list[datetime], site: str, unusable: list[Unusable]
) -> list[Row]:
    values = [record.value for record in records]
    qualities, metadata = _said(records)
    numbers = all_finite(values)
    if numbers is not None:
        return [
            (site, record.name, time, number, None, quality or GOOD, more)
            for record, time, number, quality, more in zip(
                records, times, numbers, qualities, metadata, strict=False
            )
        ]
    judged = {value: judge(value) for value in set(values) if isinstance(value, str)}
    rows = []
    for record, time, said, more in zip(records, times, qualities, metadata, strict=False):
        value = record.value
        number, text, quality = judged[value] if isinstance(value, str) else judge(value)
        if text is not None and "\0" in text:  # PostgreSQL keeps none
            unusable.append(_unusable(record, "value: contains NUL"))
        else:
            rows.append((site, record.name, time, number, text, said or quality, more))
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
        if not _is_plain("".join(texts)):
            return None
    elif types != {float}:
        return None
    return numbers if math.isfinite(sum(numbers)) else None


def _said(records: Sequence[Record]) -> tuple[Iterable[str | None], Iterable[str | None]]:
    """Quality and metadata of each, where the sender says something about them."""
    documented = [record for record in records if isinstance(record, Documented)]
    if not documented:
        return repeat(None), repeat(None)
    texts = [bytes(record.metadata).decode() for record in documented]
    metadata = [None if text == "null" else text for text in texts]
    return [record.quality for record in documented], metadata


def _unusable(record: Record, reason: str) -> Unusable:
    return Unusable(msgspec.json.encode(record).decode(), reason)


def refused(row: Row, message: str) -> Unusable:
    """A row that only the database could refuse."""
    values = dict(zip(COLUMNS, map(str, row), strict=True))
    return Unusable(json.dumps(values), f"record: must suit the database: {message}")
