"""Observations as mappings make them, and what is known of a date once a file has told of it; pure.

A file that names no vintage tells what is known from the day on which it came. Telling the same
again is no news; what a file leaves out stays as it is.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from ingestion_pipeline.domains.markets.contract.vintages import (
    FIRST_DAY,
    LAST_DAY,
    Day,
)
from ingestion_pipeline.foundation.mapping.targets import Target, TargetField

_DAY = timedelta(days=1)
Fate = Literal["inserted", "updated", "unchanged", "superseded"]

MACRO_OBSERVATIONS = Target(
    name="macro_observations",
    key="series",
    fields=(
        TargetField("series", "text", maximum_length=200),
        TargetField("date", "instant"),
        TargetField("value", "double", nullable=True),
        TargetField("realtime_start", "instant", required=False, nullable=True),
    ),
)

TARGETS = {MACRO_OBSERVATIONS.name: MACRO_OBSERVATIONS}


class Told(NamedTuple):
    """What a record tells; `since` is its vintage, None: it names none."""

    series: str
    date: Day
    value: Decimal | None
    since: Day | None


class Row(NamedTuple):
    """What was known of a date from one day to another, both inclusive.

    Attributes:
        told_at: when the newest file came that told it.
    """

    start: Day
    end: Day
    value: Decimal | None
    told_at: datetime


class Fault(NamedTuple):
    """A field, and the rule that it breaks."""

    field: str
    rule: str
    value: str = ""


def series_of(tenant: str, source: str, name: str) -> str:
    """The series of a tenant's file; none of FRED's has a stroke in its id."""
    return f"{tenant}/{source}/{name}"


def told_by(record: Mapping[str, Any], *, came: date) -> Told | Fault:
    """What a record tells.

    Args:
        record: as the mapping made it: the value and the dates are texts.
        came: the day on which it came; no vintage begins after it.
    """
    name = record["series"]
    if not name.strip():
        return Fault("series", "must not be missing")
    day, since = _day(record, "date"), _day(record, "realtime_start")
    for found in (day, since):
        if isinstance(found, Fault):
            return found
    assert isinstance(day, date), "it is required"  # noqa: S101
    assert not isinstance(since, Fault)  # noqa: S101
    if since is not None and since > came + _DAY:
        return Fault("realtime_start", "must not be in the future", since.isoformat())
    value = record.get("value")
    return Told(name, day, None if value is None else Decimal(value), since)


def _day(record: Mapping[str, Any], field: str) -> date | Fault | None:
    text = record.get(field)
    if text is None:
        return None
    instant = datetime.fromisoformat(text).astimezone(UTC)
    if instant.time() != time():
        rule = "must be a day without a time, which in another zone is another day (say match)"
        return Fault(field, rule, text)
    if not FIRST_DAY <= instant.date() < LAST_DAY:
        return Fault(field, f"must not be before {FIRST_DAY}", text)
    return instant.date()


def after(known: Sequence[Row], told: Told, *, came_at: datetime) -> tuple[list[Row], Fate]:
    """What is known of a date once a file has told of it, and what became of what it told.

    Args:
        known: of the date, in order, none on the days of another.
        told: of the date.
        came_at: when the file came; it may be loaded after files that came later.
    """
    since = told.since or came_at.astimezone(UTC).date()
    holding = next((row for row in known if row.start <= since <= row.end), None)
    if holding is not None and holding.start == since and holding.value != told.value:
        if came_at <= holding.told_at:
            return list(known), "superseded"
        new = holding._replace(value=told.value, told_at=came_at)
        return _joined([new if row is holding else row for row in known], told), "updated"
    if holding is not None and holding.value == told.value and told.since in (None, holding.start):
        new = holding._replace(told_at=max(came_at, holding.told_at))
        return [new if row is holding else row for row in known], "unchanged"
    before = [row for row in known if row.end < since]
    rest = [row for row in known if row.start > since]
    if holding is not None:
        before.append(holding._replace(end=since - _DAY))
        again = holding.told_at.astimezone(UTC).date()
        if told.since is None and since < again <= holding.end:
            rest.insert(0, holding._replace(start=again))  # a later file has told it once more
    end = rest[0].start - _DAY if rest else LAST_DAY
    new = Row(since, end, told.value, came_at)
    return _joined([*before, new, *rest], told), "inserted"


def _joined(rows: Sequence[Row], told: Told) -> list[Row]:
    """Rows of which none only goes on with what the one before it says; a file that names its
    vintages has them as it names them.
    """
    if told.since is not None:
        return list(rows)
    joined: list[Row] = []
    for row in rows:
        if joined and joined[-1].value == row.value:
            newest = max(joined[-1].told_at, row.told_at)
            joined[-1] = joined[-1]._replace(end=row.end, told_at=newest)
        else:
            joined.append(row)
    return joined
