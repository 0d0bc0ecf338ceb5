"""One macro series: what is known now of each date, and what was said of it first."""

from datetime import UTC, datetime, time
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.outlets.dashboards.asking import (
    EXPORT_ROWS,
    PAGE_ROWS,
    Ask,
    NotThereError,
    Shown,
    page,
)
from ingestion_pipeline.outlets.dashboards.charts import Bucket, chart_of
from ingestion_pipeline.outlets.dashboards.findings import marks_of, of_subject
from ingestion_pipeline.outlets.dashboards.series import Tile, series_shown
from ingestion_pipeline.outlets.dashboards.spans import span_of
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
    SELECT observed_on, first_print, first_print_on, value, known_since, revision FROM macro_latest
    WHERE series_id = :series_id AND revision <> 0
    ORDER BY observed_on DESC LIMIT :most
""")
_OF_REVISIONS = (
    Column("observed_on", "of", "day"),
    Column("first_print", "first print", "number"),
    Column("first_print_on", "published", "day"),
    Column("value", "known now", "number"),
    Column("known_since", "since", "day"),
    Column("revision", "revised by", "number"),
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
    return series_shown(
        ask, chart, title=series_id, tiles=tiles, found=found, back=("/markets", "Markets"),
        kept={"series": series_id}, spans=("1y", "2y", "10y", "50y"), daily=True,
        tables=(revisions,),
    )  # fmt: skip


def _bucket(row: sa.Row[Any]) -> Bucket:
    first, last = (datetime.combine(each, time(), UTC) for each in (row.first, row.last))
    return Bucket(first, last, row.points, *map(float, (row.least, row.mean, row.most)))
