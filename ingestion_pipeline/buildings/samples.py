"""The records of a page → rows of `timeseries_raw`, and what can't be stored.

Filtering comes first, so that points which nobody wants cost a look-up and nothing more. What
remains is handled a column at a time; only values that are no finite numbers are judged one by
one.
"""

import json
import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from ingestion_pipeline.buildings.contract import BAD, GOOD, TEXT, UNKNOWN, Window
from ingestion_pipeline.buildings.envelope import Documented, Live, Page, Unusable, Value
from ingestion_pipeline.storage.bulk import Row

COLUMNS = ("site_name", "point_name", "timestamp", "value", "value_text", "quality", "metadata")

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
    records: Sequence[Any]
    if page.dialect == "documented":
        names = {record.point_name for record in page.documented}
        records = [record for record in page.documented if record.point_name in points]
    else:
        names = {record.name for record in page.live}
        records = [record for record in page.live if record.name in points]
    skipped = len(page.documented) + len(page.live) - len(records)
    unusable = list(page.unusable)
    records, times, outside = _within(records, window, unusable)
    rows = _rows(records, times, site, unusable)
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
    records: Sequence[Any], window: Window, unusable: list[Unusable]
) -> tuple[Sequence[Any], list[datetime], int]:
    """The records whose time is within the window, their times, and how many are outside it."""
    if not records:
        return records, [], 0
    texts = (
        [record.timestamp for record in records]
        if isinstance(records[0], Documented)
        else [record.time for record in records]
    )
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
    records: Sequence[Any], times: list[datetime], site: str, unusable: list[Unusable]
) -> list[Row]:
    judged = _judged([record.value for record in records])
    rows: list[Row]
    if records and isinstance(records[0], Documented):
        rows = [
            (
                site, record.point_name, time, value, text, record.quality or quality,
                None if record.metadata is None else _json(record.metadata),
            )
            for record, time, (value, text, quality) in zip(records, times, judged, strict=True)
        ]  # fmt: skip
    else:
        rows = [
            (site, record.name, time, value, text, quality, None)
            for record, time, (value, text, quality) in zip(records, times, judged, strict=True)
        ]
    if any(row[4] is not None and "\0" in row[4] for row in rows):
        # PostgreSQL keeps no NUL in a text.
        for record, row in zip(records, rows, strict=True):
            if row[4] is not None and "\0" in row[4]:
                unusable.append(_unusable(record, "value: contains NUL"))
        rows = [row for row in rows if row[4] is None or "\0" not in row[4]]
    return rows


def _judged(values: list[Value]) -> list[Judged]:
    """`judge` of each; a text that repeats (on, off, 21.5) is judged once."""
    texts = {value: judge(value) for value in set(filter(_is_text, values))}
    return [
        (value, None, GOOD)
        if type(value) is float and -math.inf < value < math.inf
        else texts[value]
        if type(value) is str
        else judge(value)
        for value in values
    ]


def _is_text(value: Value) -> bool:
    return type(value) is str


def _json(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


def _unusable(record: Documented | Live, reason: str) -> Unusable:
    return Unusable(msgspec.json.encode(record).decode(), reason)


def refused(row: Row, message: str) -> Unusable:
    """A row that only the database could refuse."""
    values = dict(zip(COLUMNS[1:], map(str, row), strict=True))
    return Unusable(json.dumps(values), f"record: must suit the database: {message}")
