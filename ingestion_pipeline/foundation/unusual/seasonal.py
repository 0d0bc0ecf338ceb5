"""What is usual at this hour of the week, with the level that the last day had.

usual(t) = b(hour of week) + L(t)

b: the median of the same hour of the same weekday in the 8 weeks before; with fewer than 3 weeks
   the same hour of the last 14 days, of which 3 have to be there; else unknown.
L: the level: the median of (hour's median − b) over the 24 hours before that had readings.
z: |x − usual| / scale; the scale is the median deviation at that hour of the day in the 4 weeks
   before, at least half of that of all hours.

Everything is worked out from what came before the hour, by the wall clock of the tenant's zone, so
that a number once said never changes. An hour that has no reading is no hour: nothing is filled in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ingestion_pipeline.foundation.unusual.calendars import DAY, HOUR, Calendar
from ingestion_pipeline.foundation.unusual.middles import (
    MAD_TO_SIGMA,
    MEAN_TO_SIGMA,
    middle,
    middle_by,
)
from ingestion_pipeline.foundation.unusual.series import Bools, Floats, Ints, Series

WEEKS = 8  # that an hour is compared with
FEWEST_WEEKS = 3
DAYS = 14  # that an hour is compared with, while there are fewer weeks
FEWEST_DAYS = 3
LEVEL_HOURS = 24
SCALE_DAYS = 28
_SATURDAY = 5  # date.weekday()
_STALE = 14  # days after which a level says nothing any more


@dataclass(frozen=True)
class Seasonal:
    """What was usual at each point of a series, worked out from what came before.

    Attributes:
        base: float64[n], b; NaN where it is unknown.
        level: float64[n], L.
        scale: float64[n], what a deviation is measured by.
        sure: bool[n], whether b is no guess: not one of a weekend from the working days before.
        cells: the hours that have points.
        medians: float64[cells], of each hour's points.
        distance: float64[cells], how far the 24 hours up to and with this one are from b.
    """

    base: Floats
    level: Floats
    scale: Floats
    sure: Bools
    cells: "Cells"
    medians: Floats
    distance: Floats


@dataclass(frozen=True)
class Cells:
    """The hours of a series that have points, by wall clock.

    Attributes:
        of_point: int64[n], the cell of each point.
        first: int64[cells], the first point of each.
        row, hour: int64[cells], index into days; 0 to 23.
        days: int64[rows], ascending.
        compared: int64[rows], the days whose weeks before count.
        ordinary: bool[rows], not holidays.
    """

    of_point: Ints
    first: Ints
    row: Ints
    hour: Ints
    days: Ints
    compared: Ints
    ordinary: Bools


def cells_of(series: Series, calendar: Calendar) -> Cells:
    """The cells of a series."""
    wall = calendar.wall_clock(series.instants)
    # When clocks go back an hour is there twice, the second time behind the first's end.
    hours, first, of_point = np.unique(wall // HOUR, return_index=True, return_inverse=True)
    days, row = np.unique(hours * HOUR // DAY, return_inverse=True)
    ordinary = ~calendar.is_holiday(days)
    return Cells(of_point, first, row, hours % 24, days, calendar.compared(days), ordinary)


def seasonal_of(series: Series, calendar: Calendar) -> Seasonal:
    """What was usual at each point, for what came before it."""
    cells = cells_of(series, calendar)
    order = np.argsort(cells.of_point, kind="stable")
    medians = middle_by(cells.of_point[order], series.values[order])
    base, sure = bases_of(cells, medians)
    distance = _distances(cells, medians - base)
    level = np.append(0.0, np.nan_to_num(distance[:-1]))[: len(distance)]
    residual = series.values - (base + level)[cells.of_point]
    spread = middle_by(cells.of_point[order], np.abs(residual)[order])
    scale = _scales(cells, spread)
    point = cells.of_point
    return Seasonal(base[point], level[point], scale[point], sure[point], cells, medians, distance)


def table_of(cells: Cells, values: Floats) -> Floats:
    """float64[rows, 24] of cells' values, NaN where an hour has none."""
    table = np.full((len(cells.days) + 1, 24), np.nan)  # the last row is that of days not there
    table[cells.row, cells.hour] = values
    return table


def rows_of(days: Ints, wanted: Ints) -> Ints:
    """Which rows are the wanted days; the one behind the last for a day that is not there."""
    found = np.minimum(np.searchsorted(days, wanted), len(days) - 1)
    return np.where(days[found] == wanted, found, len(days))


def bases_of(cells: Cells, medians: Floats) -> tuple[Floats, Bools]:
    """b of each cell, and whether it is no guess."""
    table = table_of(cells, medians)
    table[:-1][~cells.ordinary] = np.nan  # a holiday is nobody's example
    weeks = rows_of(cells.days, cells.compared[:, None] - 7 * np.arange(1, WEEKS + 1))
    by_week = middle(table[weeks].swapaxes(1, 2), fewest=FEWEST_WEEKS)
    days = rows_of(cells.days, cells.days[:, None] - np.arange(1, DAYS + 1))
    by_day = middle(table[days].swapaxes(1, 2), fewest=FEWEST_DAYS)
    found = np.where(np.isnan(by_week), by_day, by_week)
    working = (cells.compared + 3) % 7 < _SATURDAY
    sure = ~np.isnan(by_week) | working[:, None]
    return found[cells.row, cells.hour], sure[cells.row, cells.hour]


def _distances(cells: Cells, residual: Floats) -> Floats:
    """The middle residual of each cell and the 23 before it; NaN where none is known."""
    nothing = np.full(LEVEL_HOURS - 1, np.nan)
    if not len(residual):
        return residual
    windows = sliding_window_view(np.append(nothing, residual), LEVEL_HOURS)
    day = cells.days[cells.row]
    days = np.append(np.full(LEVEL_HOURS - 1, np.iinfo(np.int64).min), day)
    fresh = sliding_window_view(days, LEVEL_HOURS) >= day[:, None] - _STALE
    return middle(np.where(fresh, windows, np.nan))


def _scales(cells: Cells, spread: Floats) -> Floats:
    """The scale of each cell; NaN where there is none."""
    table = table_of(cells, spread)
    days = rows_of(cells.days, cells.days[:, None] - np.arange(1, SCALE_DAYS + 1))
    stack = table[days]  # rows, days, hours
    hourly = middle(stack.swapaxes(1, 2), fewest=FEWEST_DAYS)
    flat = stack.reshape(len(days), SCALE_DAYS * 24)
    whole = middle(flat)
    there = ~np.isnan(flat)
    mean = np.divide(
        np.where(there, flat, 0).sum(axis=1),
        there.sum(axis=1),
        out=np.full(len(flat), np.nan),
        where=there.any(axis=1),
    )
    floor = np.where(whole > 0, whole * MAD_TO_SIGMA / 2, mean * MEAN_TO_SIGMA)
    return np.fmax(hourly * MAD_TO_SIGMA, floor[:, None])[cells.row, cells.hour]
