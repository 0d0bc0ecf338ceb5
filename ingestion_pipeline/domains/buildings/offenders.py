"""What must not be found of buildings, as queries: one row an offender, a check each.

Those that read samples look at the days of a run, or at the newest day only: the table has hundreds
of millions of rows.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.buildings.contract.ages import COLLECTED_WITHIN
from ingestion_pipeline.domains.buildings.contract.windows import TEXT, day_of
from ingestion_pipeline.domains.buildings.tables import (
    alerts,
    collected_days,
    collected_windows,
    rejected_records,
    timeseries_daily,
    timeseries_hourly,
    timeseries_raw,
    weather_raw,
)
from ingestion_pipeline.foundation.watch.offenders import must_not_be

Days = Sequence[tuple[str, date]]  # sites and days of a run; none: of a run that has none

_NEWEST = timedelta(days=1)
_LARGEST = 1e12  # no building has more of anything
_SHARE_REJECTED = 0.01
_WATCHED_DAYS = 7


@must_not_be(
    "timeseries_raw:something_is_kept", "Of no day were records fetched and none of them kept."
)
def nothing_kept() -> sa.Select[Any]:
    """Days of which records were fetched and none was kept."""
    c = collected_days.c
    return sa.select(c.site_name, c.day, c.fetched, c.kept).where(c.fetched > 0, c.kept == 0)


@must_not_be(
    "timeseries_raw:halves_are_there",
    "Of every collected day there are both samples and weather. What is missing is collected "
    "the next time that the day is.",
)
def missing_halves() -> sa.Select[Any]:
    """Days of which the samples or the weather were never collected."""
    c = collected_days.c
    why = c.result["failed"].label("why")
    missing = sa.func.array_to_string(c.missing, ", ").label("missing")
    return (
        sa.select(c.site_name, c.day, missing, why)
        .where(sa.func.cardinality(c.missing) > 0)
        .order_by(c.day.desc(), c.site_name)
    )


@must_not_be(
    "timeseries_raw:configured_points_present",
    "Every configured point has a sample in every collected day.",
)
def without_configured_points() -> sa.Select[Any]:
    """Configured points without a sample in a collected day."""
    c = collected_days.c
    point = sa.func.unnest(c.missing_points).label("point_name")
    return sa.select(c.site_name, c.day, point).order_by(c.day.desc(), c.site_name)


@must_not_be(
    "timeseries_raw:counts_add_up",
    "Every record of every window is accounted for (of the run's days, else of all).",
    blocking=True,
)
def counts_differ(days: Days) -> sa.Select[Any]:
    """Windows whose records are not all accounted for: of days, else of all."""
    c = collected_windows.c

    def of(name: str) -> sa.ColumnElement[int]:
        number: sa.ColumnElement[int] = c.counts[name].as_integer()
        return number

    read = of("kept") + of("skipped") + of("outside") + of("rejected")
    written = of("inserted") + of("updated") + of("unchanged") + of("duplicates")
    return sa.select(c.site_name, c.window_start, c.window_end, c.counts).where(
        _within(c.site_name, c.window_start, days) if days else sa.true(),
        sa.or_(of("fetched") != read, of("kept") != written),
    )


def _within(site: sa.Column[str], time: sa.Column[Any], days: Days) -> sa.ColumnElement[bool]:
    """What is of the stretch of days of each site."""
    by_site: dict[str, list[date]] = {}
    for name, day in days:
        by_site.setdefault(name, []).append(day)
    return sa.or_(
        *(
            sa.and_(site == name, time >= day_of(min(of)).start, time < day_of(max(of)).end)
            for name, of in by_site.items()
        )
    )


def _looked_at(days: Days = ()) -> sa.ColumnElement[bool]:
    """Samples of days; else of the newest day that there is."""
    if days:
        return _within(timeseries_raw.c.site_name, timeseries_raw.c.timestamp, days)
    last = sa.select(sa.func.max(collected_days.c.day)).scalar_subquery()
    start = sa.func.timezone("UTC", sa.cast(last, sa.DateTime))
    t = timeseries_raw.c.timestamp
    return sa.and_(t >= start, t < start + _NEWEST)


@must_not_be(
    "timeseries_raw:no_duplicates", "A point has one sample an instant (in the newest day)."
)
def duplicates() -> sa.Select[Any]:
    """Points that have more than one sample an instant."""
    c = timeseries_raw.c
    return (
        sa.select(c.site_name, c.point_name, c.timestamp, sa.func.count().label("rows"))
        .where(_looked_at())
        .group_by(c.site_name, c.point_name, c.timestamp)
        .having(sa.func.count() > 1)
    )


@must_not_be(
    "timeseries_raw:values_in_range",
    "Values are finite and no larger than 10¹² (in the newest day).",
)
def out_of_range() -> sa.Select[Any]:
    """Samples beyond what any building has."""
    c = timeseries_raw.c
    return sa.select(c.site_name, c.point_name, c.timestamp, c.value, c.quality).where(
        _looked_at(),
        sa.or_(sa.func.abs(c.value) > _LARGEST, c.value == sa.cast("NaN", sa.Double)),
    )


@must_not_be(
    "timeseries_raw:values_are_consistent",
    "A number has no text beside it and is not called one (in the run's days, else in the newest).",
    blocking=True,
)
def contradictory(days: Days) -> sa.Select[Any]:
    """Rows that have a number and say otherwise."""
    c = timeseries_raw.c
    contradicted = sa.or_(c.value_text.is_not(None), c.quality == TEXT)
    shown = (c.site_name, c.point_name, c.timestamp, c.value, c.value_text, c.quality)
    return sa.select(*shown).where(_looked_at(days), c.value.is_not(None), contradicted)


@must_not_be(
    "timeseries_raw:few_rejected",
    "Of no day more than one record in a hundred was unusable.",
    warning=True,
)
def many_rejected() -> sa.Select[Any]:
    """Days of which more than one record in a hundred was unusable."""
    c = collected_days.c
    rejected = c.result["counts"]["rejected"].as_integer()
    return sa.select(c.site_name, c.day, c.fetched, rejected.label("rejected")).where(
        rejected > c.fetched * _SHARE_REJECTED
    )


@must_not_be(
    "timeseries_raw:fresh",
    "The latest complete day of every site is no older than two days.",
    warning=True,
)
def stale() -> sa.Select[Any]:
    """Sites whose latest complete day is older than two days."""
    c = collected_days.c
    newest = sa.func.max(c.day).filter(c.result["complete"].as_boolean())
    today = sa.cast(sa.func.timezone("UTC", sa.func.now()), sa.Date)
    return (
        sa.select(c.site_name, newest.label("latest_complete_day"))
        .group_by(c.site_name)
        .having(sa.or_(newest.is_(None), newest < today - COLLECTED_WITHIN.days))
    )


@must_not_be(
    "weather_raw:plausible",
    "Humidity is a percentage, wind and rain are not negative, and nothing is of the future.",
)
def implausible_weather() -> sa.Select[Any]:
    """Weather that can't be."""
    c = weather_raw.c
    return sa.select(weather_raw).where(
        sa.or_(
            sa.and_(c.measure == "humidity", ~c.value.between(0, 100)),
            sa.and_(c.measure.in_(["wind_speed", "precipitation"]), c.value < 0),
            c.timestamp > sa.func.now() + timedelta(days=1),
        )
    )


@must_not_be(
    "weather_snapshot:nothing_rejected",
    "No weather record of the last seven days was unusable.",
    warning=True,
)
def rejected_weather() -> sa.Select[Any]:
    """Weather records of the last seven days that were unusable."""
    c = rejected_records.c
    return sa.select(c.site_name, c.window_start, c.record, c.reason).where(
        c.page < 0, c.collected_at > sa.func.now() - timedelta(days=7)
    )


@must_not_be(
    "timeseries_hourly:possible",
    "Mean and last value lie between the extremes, coverage between 0 and 1.",
)
def impossible_hours() -> sa.Select[Any]:
    """Hours whose numbers contradict each other."""
    return _impossible(timeseries_hourly)


@must_not_be(
    "timeseries_daily:possible",
    "Mean and last value lie between the extremes, coverage between 0 and 1.",
)
def impossible_days() -> sa.Select[Any]:
    """Days whose numbers contradict each other."""
    return _impossible(timeseries_daily)


def _impossible(table: sa.Table) -> sa.Select[Any]:
    c = table.c
    # Rounding may take a mean a little past what it lies between.
    slack = 1e-9 * (sa.func.abs(c.minimum) + sa.func.abs(c.maximum))
    return sa.select(table).where(
        sa.or_(
            c.samples < 1,
            ~c.mean.between(c.minimum - slack, c.maximum + slack),
            ~c.last.between(c.minimum, c.maximum),
            ~c.coverage.between(0, 1),
        )
    )


@must_not_be(
    "timeseries_daily:hours_add_up", "The hours of every day have as many samples as the day."
)
def disagreeing_days() -> sa.Select[Any]:
    """Days whose hours do not add up to them."""
    h, d = timeseries_hourly.c, timeseries_daily.c
    day = sa.cast(sa.func.timezone("UTC", h.hour), sa.Date)
    sums = (
        sa.select(h.site_name, day.label("day"), sa.func.sum(h.samples).label("samples"))
        .group_by(h.site_name, day)
        .subquery("hours")
    )
    days = (
        sa.select(d.site_name, d.day, sa.func.sum(d.samples).label("samples"))
        .group_by(d.site_name, d.day)
        .subquery("days")
    )
    same = sa.and_(days.c.site_name == sums.c.site_name, days.c.day == sums.c.day)
    return (
        sa.select(days.c.site_name, days.c.day, days.c.samples, sums.c.samples.label("by_hours"))
        .select_from(days.join(sums, same))
        .where(days.c.samples != sums.c.samples)
    )


@must_not_be(
    "timeseries_daily:one_unit",
    "No point had numbers in more than one unit in the last seven days. Where one had, each "
    "unit has rows of its own.",
    warning=True,
)
def several_units() -> sa.Select[Any]:
    """Points that had numbers in more than one unit in the last days: each is a row of its own."""
    c = timeseries_daily.c
    last = sa.select(sa.func.max(c.day)).scalar_subquery()
    units = sa.func.string_agg(sa.distinct(sa.func.coalesce(sa.func.nullif(c.unit, ""), "none")),
                               sa.literal(", "))  # fmt: skip
    return (
        sa.select(
            c.site_name, c.point_name, units.label("units"),
            sa.func.min(c.day).label("first_day"), sa.func.max(c.day).label("last_day"),
        )
        .where(c.day > last - _WATCHED_DAYS, c.mean.is_not(None))
        .group_by(c.site_name, c.point_name)
        .having(sa.func.count(sa.distinct(c.unit)) > 1)
    )  # fmt: skip


@must_not_be(
    "timeseries_daily:few_left_out",
    "Of no point was more than one number in a hundred of a day left out because the source "
    "calls its quality something else than good (in the last seven days).",
    warning=True,
)
def many_left_out() -> sa.Select[Any]:
    """Points of which more than one number in a hundred was left out of a day for its quality."""
    c = timeseries_daily.c
    last = sa.select(sa.func.max(c.day)).scalar_subquery()
    shown = (c.site_name, c.point_name, c.day, c.unit, c.samples, c.left_out)
    return (
        sa.select(*shown)
        .where(c.day > last - _WATCHED_DAYS, c.left_out > c.samples * _SHARE_REJECTED)
        .order_by(c.day.desc(), c.left_out.desc())
    )


@must_not_be("alerts:none_recent", "No limit was exceeded in the last 24 hours.", warning=True)
def recent_alerts() -> sa.Select[Any]:
    """Alerts of the last 24 hours."""
    return sa.select(alerts).where(alerts.c.ended_at > sa.func.now() - timedelta(days=1))
