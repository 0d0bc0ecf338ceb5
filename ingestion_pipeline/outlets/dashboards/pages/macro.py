"""One macro series: what is known now of each date, and what was said of it first."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup

from ingestion_pipeline.outlets.dashboards.asking import (
    EXPORT_ROWS,
    PAGE_ROWS,
    Ask,
    NotThereError,
    Shown,
    page,
)
from ingestion_pipeline.outlets.dashboards.charts import Bucket, chart_of
from ingestion_pipeline.outlets.dashboards.drawing import chart as drawn
from ingestion_pipeline.outlets.dashboards.findings import marks_of, of_subject
from ingestion_pipeline.outlets.dashboards.series import Tile, series_shown
from ingestion_pipeline.outlets.dashboards.spans import Span, span_of
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import change, day, number, share_of

_NEWEST = sa.text("SELECT * FROM macro_latest WHERE series_id = :series_id AND newest")
_VALUES = sa.text("""
    SELECT min(observed_on) AS first, max(observed_on) AS last, count(*) AS points,
           min(value) AS least, avg(value) AS mean, max(value) AS most
    FROM macro_latest
    WHERE series_id = :series_id AND observed_on >= :start AND observed_on <= :end
    GROUP BY (observed_on - DATE '1970-01-01') / :days
    ORDER BY 1
""")
_REVISED = sa.text("""
    SELECT observed_on, first_print, first_print_on, value, known_since, revision,
           prints.values AS prints, prints.number
    FROM macro_latest CROSS JOIN LATERAL (
        SELECT array_agg(CAST(told.value AS double precision) ORDER BY realtime_start) AS values,
               count(told.value) AS number
        FROM macro_observations AS told
        WHERE told.series_id = macro_latest.series_id AND told.date = observed_on) AS prints
    WHERE series_id = :series_id AND revision <> 0
    ORDER BY observed_on DESC LIMIT :most
""")
# Before anything was last revised: the day that tells most.
_BEFORE = sa.text("""
    SELECT max(known_since) - 1 FROM macro_latest WHERE series_id = :series_id AND revision <> 0
""")
# What was known on a day, of the dates that are shown.
_THEN = sa.text("""
    SELECT now.observed_on, told.value AS known_then, now.value
    FROM macro_latest AS now LEFT JOIN macro_observations AS told
        ON told.series_id = now.series_id AND told.date = now.observed_on
        AND told.realtime_start <= :as_of AND told.realtime_end >= :as_of
    WHERE now.series_id = :series_id AND now.observed_on >= :start AND now.observed_on <= :end
    ORDER BY now.observed_on
""")
_OF_THEN = (
    Column("observed_on", "of", "day"),
    Column("known_then", "known then", "number"),
    Column("value", "known now", "number"),
    Column("revised", "revised since by", "number"),
)
_OF_REVISIONS = (
    Column("observed_on", "of", "day"),
    Column("first_print", "first print", "number"),
    Column("first_print_on", "published", "day"),
    Column("value", "known now", "number"),
    Column("known_since", "since", "day"),
    Column("revision", "revised by", "number"),
    Column("number", "prints", "count"),
    Column("prints", "print by print", "spark", shown_only=True),
)


@page("/markets/series")
def macro_series(ask: Ask) -> Shown:
    """A macro series by its id: `?series=`."""
    series_id = ask.text("series")
    newest = ask.row(_NEWEST, series_id=series_id)
    if newest is None:
        raise NotThereError
    span = span_of(ask, usual="10y")
    rows = ask.rows(
        _VALUES, series_id=series_id, start=span.start.date(), end=span.end.date(),
        days=max(1, span.step // 86_400),
    )  # fmt: skip
    found = of_subject(ask, "markets", series_id, since=span.start)
    chart = chart_of(span, [_bucket(row) for row in rows], marks=marks_of(found))
    on_year = change(share_of(newest.value, newest.year_before))
    first = number(newest.first_print)
    tiles = (
        Tile(number(newest.value), f"of {day(newest.observed_on)}"),
        Tile(number(newest.change), f"change since {day(newest.previous_on)}"),
        Tile(number(newest.year_before), f"year before ({day(newest.year_before_on)}): {on_year}"),
        Tile(number(newest.revision), f"revised since it was first printed as {first}"),
    )
    most = EXPORT_ROWS if ask.exporting else PAGE_ROWS
    revisions = Table(
        "revisions", "Values that were revised since they were first printed", _OF_REVISIONS,
        [row._asdict() for row in ask.rows(_REVISED, series_id=series_id, most=most)],
        empty="No value was revised.",
    )  # fmt: skip
    vintage = _vintage(ask, series_id, span)
    return series_shown(
        ask, chart, title=series_id, tiles=tiles, found=found, back=("/markets", "Markets"),
        kept={"series": series_id}, spans=("1y", "2y", "10y", "50y"), daily=True,
        tables=(vintage.table, revisions), template="macro.html", more={"vintage": vintage},
    )  # fmt: skip


@dataclass(frozen=True)
class Vintage:
    """A series as it was known on a day.

    Attributes:
        as_of: the day.
        fault: what of it could not be read, as a sentence; empty: nothing.
        picture: both lines.
        table: their numbers, the newest first.
    """

    as_of: date
    fault: str
    picture: Markup
    table: Table


def _vintage(ask: Ask, series_id: str, span: Span) -> Vintage:
    """As of the day that is asked for, `?as_of=`; else before the last revision, or a year ago."""
    [[before]] = ask.rows(_BEFORE, series_id=series_id)
    as_of: date = before or ask.now.date() - timedelta(days=365)
    fault = ""
    if told := ask.text("as_of").strip():
        try:
            as_of = date.fromisoformat(told)
        except ValueError:
            fault = f"{told[:40]!r} is no day such as 2026-11-28: here is {day(as_of)}."
    rows = [
        {**row._asdict(), "revised": row.value - row.known_then}
        for row in ask.rows(_THEN, series_id=series_id, as_of=as_of, start=span.start.date(),
                            end=span.end.date())
        if row.known_then is not None
    ]  # fmt: skip
    then, now = ([float(row[name]) for row in rows] for name in ("known_then", "value"))
    says = f"{series_id} as known on {day(as_of)}, and as known now: {len(rows)} values"
    table = Table(
        "vintage", f"Values as they were known on {day(as_of)}", _OF_THEN, rows[::-1],
        empty="Nothing of this span was known on that day.",
    )  # fmt: skip
    return Vintage(
        as_of, fault, drawn(now, then=then, says=says),
        table if ask.exporting else table.cut(1, size=PAGE_ROWS),
    )  # fmt: skip


def _bucket(row: sa.Row[Any]) -> Bucket:
    first, last = (datetime.combine(each, time(), UTC) for each in (row.first, row.last))
    return Bucket(first, last, row.points, *map(float, (row.least, row.mean, row.most)))
