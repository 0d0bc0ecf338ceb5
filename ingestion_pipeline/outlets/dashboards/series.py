"""What the pages of a series share: tiles, spans to choose, the chart, its numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestion_pipeline.outlets.dashboards.asking import PAGE_ROWS, Ask, Shown
from ingestion_pipeline.outlets.dashboards.charts import Chart
from ingestion_pipeline.outlets.dashboards.drawing import chart as drawn
from ingestion_pipeline.outlets.dashboards.findings import Found
from ingestion_pipeline.outlets.dashboards.tables import Column, Table
from ingestion_pipeline.outlets.dashboards.telling import number, unit_of

SPANS = ("24h", "7d", "30d", "1y", "2y")
_DRAWN = 240  # columns of the picture that needs no script


@dataclass(frozen=True)
class Tile:
    """A number with what it says; `level`: good, warn or bad."""

    value: str
    says: str
    level: str = ""


def series_shown(
    ask: Ask, chart: Chart, *, title: str, tiles: Sequence[Tile], back: tuple[str, str],
    kept: Mapping[str, str], found: Sequence[Found] = (), tables: tuple[Table, ...] = (),
    spans: Sequence[str] = SPANS, daily: bool = False, template: str = "series.html",
    more: Mapping[str, Any] | None = None,
) -> Shown:  # fmt: skip
    """The page of a series.

    Args:
        ask: the request.
        chart: what is drawn.
        title: the series' name.
        tiles: its most telling numbers.
        back: address and name of the page that one comes from.
        kept: parameters that say which series it is.
        found: what was found of it.
        tables: further ones.
        spans: that are offered.
        daily: whether it has a value a day at most, and no time of day.
        template: that extends `series.html`.
        more: what that needs besides.
    """
    unit = unit_of(chart.unit)
    chart = replace(chart, unit=unit)
    numbers = _numbers(ask, chart, "day" if daily or chart.span.source == "days" else "instant")
    return Shown(template, title, (numbers, *tables), {
        **(more or {}),
        "tiles": tiles, "chart": chart, "found": found, "back": back, "kept": kept,
        "spans": spans, "picture": _picture(chart, title), "unit": unit, "daily": daily,
        "bounds": _bounds(chart, unit), "longest": max(
            chart.gaps, key=lambda gap: gap[1] - gap[0], default=None
        ),
        "local": lambda at: at.astimezone(ask.zone).strftime(
            "%Y-%m-%d" if daily else "%Y-%m-%dT%H:%M"
        ),
    })  # fmt: skip


def _numbers(ask: Ask, chart: Chart, when: str) -> Table:
    """The columns of the chart, the newest first."""
    unit = chart.unit
    single = all(bucket.points == 1 for bucket in chart.buckets)
    columns = [Column("from", "of" if when == "day" else "from", when)]
    if single:
        columns += [Column("mean", "value", "number", unit)]
    else:
        columns += [Column(name, name, "number", unit) for name in ("mean", "least", "most")]
    if chart.has_usual:
        columns += [
            Column("usual_low", "usual from", "number", unit),
            Column("usual_high", "usual to", "number", unit),
        ]
    if not single or ask.exporting:
        columns += [Column("readings", "readings", "count"), Column("to", "to", when)]
    if single and ask.exporting:
        columns += [Column(name, name, "number", unit) for name in ("least", "most")]
    return _table(ask, chart, columns)


def _table(ask: Ask, chart: Chart, columns: Sequence[Column]) -> Table:
    table = Table(
        "numbers", "The numbers of the chart, newest first", tuple(columns), chart.rows(),
        empty="No reading in this span.",
    )  # fmt: skip
    return table if ask.exporting else table.cut(ask.page, size=PAGE_ROWS)


def _bounds(chart: Chart, unit: str) -> tuple[str, str]:
    """Between what the picture is drawn."""
    columns = chart.drawn
    values = [v for name in ("mean", "low", "high") for v in columns[name] if v is not None]
    return (number(min(values), unit), number(max(values), unit)) if values else ("", "")


def _picture(chart: Chart, title: str) -> Any:
    """The chart for those who have no script: fewer columns, the same gaps."""
    columns = chart.drawn
    every = max(1, -(-len(columns["at"]) // _DRAWN))
    kept = [
        number for number, mean in enumerate(columns["mean"]) if mean is None or number % every == 0
    ]
    thinned = {name: [values[number] for number in kept] for name, values in columns.items()}
    least = [value for value in columns["least"] if value is not None]
    most = [value for value in columns["most"] if value is not None]
    if not least:
        return drawn((), says=f"{title}: no reading in this span")
    says = f"{title}: {chart.points:,} readings, {number(min(least))} to {number(max(most))}"
    return drawn(thinned["mean"], low=thinned["low"], high=thinned["high"], says=says)
