"""What the sandbox's FRED knows: GDP as it was recorded, and made-up series of the same kind.

GDP is a slice of FRED's own answer of 2024-10-30 (source: U.S. Bureau of Economic Analysis, public
domain): the dates from 2014 on, and those before 1948, whose values were taken back. The other
series are made up: a month's value is released on the fifth of the next one, and revised with the
release after it; one month of UNRATE never has a value, as happens. DGS10 and T10Y2Y are daily: a
weekday's value is released a day later, the thirteenth's is revised a week later, and Christmas
has none.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from importlib.resources import files

from ingestion_pipeline.foundation.sandbox.noise import key_of

FIRST_DAY, LAST_DAY = date(1776, 7, 4), date(9999, 12, 31)
MISSING = "."
_FIRST_MONTH = date(2020, 1, 1)
_FIRST_DAY = date(2016, 1, 4)  # of the daily series
_NEVER_KNOWN = ("UNRATE", date(2021, 10, 1))


@dataclass(frozen=True)
class Row:
    """A value of a day, and the days on which it was known, both inclusive."""

    day: date
    realtime_start: date
    realtime_end: date
    value: str


@dataclass(frozen=True)
class Series:
    """What `/series` says of a series, and where a made-up one wanders."""

    title: str
    frequency: str
    units: str
    level: float = 0.0
    step: float = 0.0


SERIES = {
    "GDP": Series("Gross Domestic Product", "Quarterly", "Billions of Dollars"),
    "UNRATE": Series("Unemployment Rate", "Monthly", "Percent", 4.2, 0.3),
    "CPIAUCSL": Series(
        "Consumer Price Index for All Urban Consumers: All Items in U.S. City Average",
        "Monthly", "Index 1982-1984=100", 300.0, 2.0,
    ),
    "FEDFUNDS": Series("Federal Funds Effective Rate", "Monthly", "Percent", 4.0, 0.2),
    "DGS10": Series(
        "Market Yield on U.S. Treasury Securities at 10-Year Constant Maturity",
        "Daily", "Percent", 4.1, 0.3,
    ),
    "T10Y2Y": Series(
        "10-Year Treasury Constant Maturity Minus 2-Year Treasury Constant Maturity",
        "Daily", "Percent", 0.4, 0.3,
    ),
}  # fmt: skip


def rows_of(series_id: str, today: date) -> list[Row]:
    """All that is known of a series on a day, by date and vintage."""
    if series_id == "GDP":
        return [row for row in _recorded() if row.realtime_start <= today]
    if SERIES[series_id].frequency == "Daily":
        return list(_made_up_daily(series_id, today))
    return list(_made_up(series_id, today))


def vintage_dates(rows: list[Row], start: date, end: date) -> list[date]:
    """The days within a period of real time on which something new was known, in order."""
    return sorted({row.realtime_start for row in rows if start <= row.realtime_start <= end})


def revised(rows: list[Row], today: date, *, value: str | None = None) -> list[Row]:
    """The rows once the newest date has been revised today; None: by one upwards."""
    newest = max(rows, key=lambda row: (row.day, row.realtime_start))
    revision = f"{float(newest.value) + 1:.3f}" if value is None else value
    if newest.realtime_start >= today:
        return [replace(row, value=revision) if row == newest else row for row in rows]
    ended = replace(newest, realtime_end=today - timedelta(days=1))
    return [
        *(ended if row == newest else row for row in rows),
        Row(newest.day, today, LAST_DAY, revision),
    ]


def known_between(rows: list[Row], start: date, end: date) -> list[Row]:
    """The rows that were known within a period of real time, cut to it, as FRED cuts them."""
    return [
        replace(
            row,
            realtime_start=max(row.realtime_start, start),
            realtime_end=min(row.realtime_end, end),
        )
        for row in rows
        if row.realtime_start <= end and row.realtime_end >= start
    ]


@lru_cache(maxsize=1)
def _recorded() -> tuple[Row, ...]:
    text = (files("ingestion_pipeline.foundation.sandbox.fred") / "gdp.csv").read_text()
    lines = csv.DictReader(text.splitlines())
    return tuple(
        Row(
            date.fromisoformat(line["date"]),
            date.fromisoformat(line["realtime_start"]),
            date.fromisoformat(line["realtime_end"]),
            line["value"],
        )
        for line in lines
    )


def _made_up(series_id: str, today: date) -> Iterator[Row]:
    month = _FIRST_MONTH
    while (released := _next_month(month).replace(day=5)) <= today:
        revision = _next_month(released).replace(day=5)
        first, second = (_value(series_id, month, vintage) for vintage in (1, 2))
        if (series_id, month) == _NEVER_KNOWN:
            yield Row(month, released, LAST_DAY, MISSING)
        elif revision <= today and first != second:
            yield Row(month, released, revision - timedelta(days=1), first)
            yield Row(month, revision, LAST_DAY, second)
        else:
            yield Row(month, released, LAST_DAY, first)
        month = _next_month(month)


def _made_up_daily(series_id: str, today: date) -> Iterator[Row]:
    for number in range((today - _FIRST_DAY).days):
        day = _FIRST_DAY + timedelta(days=number)
        released, revision = day + timedelta(days=1), day + timedelta(days=7)
        if day.weekday() > 4:
            continue
        first, second = (_value(series_id, day, vintage) for vintage in (1, 2))
        if (day.month, day.day) == (12, 25):
            yield Row(day, released, LAST_DAY, MISSING)
        elif day.day == 13 and revision <= today and first != second:
            yield Row(day, released, revision - timedelta(days=1), first)
            yield Row(day, revision, LAST_DAY, second)
        else:
            yield Row(day, released, LAST_DAY, first)


def _value(series_id: str, month: date, vintage: int) -> str:
    about = SERIES[series_id]
    drift = (key_of(series_id, month) % 1000 / 500 - 1) * about.step
    revision = (key_of(series_id, month, vintage) % 10 / 100) * about.step
    return f"{about.level + drift + revision:.2f}"


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
