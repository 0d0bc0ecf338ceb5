"""What must hold of buildings, as asset checks.

Those that read samples look at the newest days only: the table has hundreds of millions of rows.
"""

from datetime import timedelta
from typing import Any

import dagster as dg
import fsspec
import sqlalchemy as sa

from ingestion_pipeline.buildings.assets import key
from ingestion_pipeline.buildings.contract import TEXT
from ingestion_pipeline.buildings.coverage import NOT_COLLECTED, all_gaps
from ingestion_pipeline.buildings.tables import (
    alerts,
    archived_months,
    collected_days,
    collected_windows,
    rejected_records,
    timeseries_daily,
    timeseries_hourly,
    timeseries_raw,
    weather_raw,
)
from ingestion_pipeline.checks import as_table, offenders_check
from ingestion_pipeline.resources import Database

_FRESH = timedelta(days=2)
_NEWEST = timedelta(days=1)
_LARGEST = 1e12  # no building has more of anything
_SHOWN_GAPS = 1000
_SHARE_REJECTED = 0.01
_ARCHIVES = 24


def _nothing_kept() -> sa.Select[Any]:
    c = collected_days.c
    return sa.select(c.site_name, c.day, c.fetched, c.kept).where(c.fetched > 0, c.kept == 0)


def _without_configured_points() -> sa.Select[Any]:
    c = collected_days.c
    point = sa.func.unnest(c.missing_points).label("point_name")
    return sa.select(c.site_name, c.day, point).order_by(c.day.desc(), c.site_name)


def _counts_differ() -> sa.Select[Any]:
    c = collected_windows.c

    def of(name: str) -> sa.ColumnElement[int]:
        number: sa.ColumnElement[int] = c.counts[name].as_integer()
        return number

    read = of("kept") + of("skipped") + of("outside") + of("rejected")
    written = of("inserted") + of("updated") + of("unchanged") + of("duplicates")
    return sa.select(c.site_name, c.window_start, c.window_end, c.counts).where(
        sa.or_(of("fetched") != read, of("kept") != written)
    )


def _newest() -> sa.ColumnElement[bool]:
    """Samples of the newest day that there is."""
    last = sa.select(sa.func.max(collected_days.c.day)).scalar_subquery()
    start = sa.func.timezone("UTC", sa.cast(last, sa.DateTime))
    t = timeseries_raw.c.timestamp
    return sa.and_(t >= start, t < start + _NEWEST)


def _duplicates() -> sa.Select[Any]:
    c = timeseries_raw.c
    return (
        sa.select(c.site_name, c.point_name, c.timestamp, sa.func.count().label("rows"))
        .where(_newest())
        .group_by(c.site_name, c.point_name, c.timestamp)
        .having(sa.func.count() > 1)
    )


def _out_of_range() -> sa.Select[Any]:
    c = timeseries_raw.c
    return sa.select(c.site_name, c.point_name, c.timestamp, c.value, c.quality).where(
        _newest(), sa.or_(sa.func.abs(c.value) > _LARGEST, c.value == sa.cast("NaN", sa.Double))
    )


def _contradictory() -> sa.Select[Any]:
    """Rows that have a number and say otherwise."""
    c = timeseries_raw.c
    contradicted = sa.or_(c.value_text.is_not(None), c.quality == TEXT)
    shown = (c.site_name, c.point_name, c.timestamp, c.value, c.value_text, c.quality)
    return sa.select(*shown).where(_newest(), c.value.is_not(None), contradicted)


def _many_rejected() -> sa.Select[Any]:
    c = collected_days.c
    rejected = c.result["counts"]["rejected"].as_integer()
    return sa.select(c.site_name, c.day, c.fetched, rejected.label("rejected")).where(
        rejected > c.fetched * _SHARE_REJECTED
    )


def _stale() -> sa.Select[Any]:
    c = collected_days.c
    newest = sa.func.max(c.day).filter(c.result["complete"].as_boolean())
    today = sa.cast(sa.func.timezone("UTC", sa.func.now()), sa.Date)
    return (
        sa.select(c.site_name, newest.label("latest_complete_day"))
        .group_by(c.site_name)
        .having(sa.or_(newest.is_(None), newest < today - _FRESH.days))
    )


def _implausible_weather() -> sa.Select[Any]:
    c = weather_raw.c
    return sa.select(weather_raw).where(
        sa.or_(
            sa.and_(c.measure == "humidity", ~c.value.between(0, 100)),
            sa.and_(c.measure.in_(["wind_speed", "precipitation"]), c.value < 0),
            c.timestamp > sa.func.now() + timedelta(days=1),
        )
    )


def _rejected_weather() -> sa.Select[Any]:
    c = rejected_records.c
    return sa.select(c.site_name, c.window_start, c.record, c.reason).where(
        c.page < 0, c.collected_at > sa.func.now() - timedelta(days=7)
    )


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


def _disagreeing_days() -> sa.Select[Any]:
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


def _recent_alerts() -> sa.Select[Any]:
    return sa.select(alerts).where(alerts.c.ended_at > sa.func.now() - timedelta(days=1))


@dg.asset_check(
    name="complete",
    asset=key("coverage"),
    description="No hour is missing: every hour was collected, and every configured point has a "
    "sample in it. A warning where only samples are missing; the table lists which.",
)
def complete(database: Database) -> dg.AssetCheckResult:
    """List every gap, from each site's first collected day to its last."""
    with database.engine().connect() as connection:
        gaps = all_gaps(connection)
    lost = [gap for gap in gaps if gap.reason == NOT_COLLECTED]
    hours = sum((gap.end - gap.start) / timedelta(hours=1) for gap in gaps)
    metadata: dict[str, Any] = {
        "gaps": len(gaps),
        "missing_hours": int(hours),
        "hours_not_collected": int(sum((g.end - g.start) / timedelta(hours=1) for g in lost)),
    }
    if gaps:
        # What nobody fetched comes first.
        shown = (lost + [gap for gap in gaps if gap.reason != NOT_COLLECTED])[:_SHOWN_GAPS]
        metadata["missing"] = as_table([gap.as_dict() for gap in shown])
    severity = dg.AssetCheckSeverity.ERROR if lost else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(passed=not gaps, severity=severity, metadata=metadata)


@dg.asset_check(
    name="files_are_there",
    asset=key("archived_months"),
    description=f"The {_ARCHIVES} newest archived months can be found where they were put.",
)
def files_are_there(database: Database) -> dg.AssetCheckResult:
    """Look for the files."""
    c = archived_months.c
    newest = sa.select(c.location).order_by(c.archive_id.desc()).limit(_ARCHIVES)
    with database.engine().connect() as connection:
        locations = connection.scalars(newest).all()
    gone = [each for each in locations if not _exists(each)]
    metadata: dict[str, Any] = {"files": len(locations), "gone": len(gone)}
    if gone:
        metadata["examples"] = as_table([{"location": each} for each in gone])
    return dg.AssetCheckResult(passed=not gone, metadata=metadata)


def _exists(location: str) -> bool:
    system, path = fsspec.core.url_to_fs(location)
    return bool(system.exists(path))


_RAW = key("timeseries_raw")
CHECKS: list[dg.AssetChecksDefinition] = [
    offenders_check(
        asset=_RAW,
        name="something_is_kept",
        description="Of no day were records fetched and none of them kept.",
        offenders=_nothing_kept,
    ),
    offenders_check(
        asset=_RAW,
        name="configured_points_present",
        description="Every configured point has a sample in every collected day.",
        offenders=_without_configured_points,
    ),
    offenders_check(
        asset=_RAW,
        name="counts_add_up",
        description="Every record of every window is accounted for.",
        offenders=_counts_differ,
    ),
    offenders_check(
        asset=_RAW,
        name="no_duplicates",
        description="A point has one sample an instant (in the newest day).",
        offenders=_duplicates,
    ),
    offenders_check(
        asset=_RAW,
        name="values_in_range",
        description="Values are finite and no larger than 10¹² (in the newest day).",
        offenders=_out_of_range,
    ),
    offenders_check(
        asset=_RAW,
        name="values_are_consistent",
        description="A number has no text beside it and is not called one (in the newest day).",
        offenders=_contradictory,
    ),
    offenders_check(
        asset=_RAW,
        name="few_rejected",
        description="Of no day more than one record in a hundred was unusable.",
        offenders=_many_rejected,
        warning=True,
    ),
    offenders_check(
        asset=_RAW,
        name="fresh",
        description="The latest complete day of every site is no older than two days.",
        offenders=_stale,
        warning=True,
    ),
    offenders_check(
        asset=key("weather_raw"),
        name="plausible",
        description="Humidity is a percentage, wind and rain are not negative, and nothing is of "
        "the future.",
        offenders=_implausible_weather,
    ),
    offenders_check(
        asset=key("weather_snapshot"),
        name="nothing_rejected",
        description="No weather record of the last seven days was unusable.",
        offenders=_rejected_weather,
        warning=True,
    ),
    offenders_check(
        asset=key("timeseries_hourly"),
        name="possible",
        description="Mean and last value lie between the extremes, coverage between 0 and 1.",
        offenders=lambda: _impossible(timeseries_hourly),
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="possible",
        description="Mean and last value lie between the extremes, coverage between 0 and 1.",
        offenders=lambda: _impossible(timeseries_daily),
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="hours_add_up",
        description="The hours of every day have as many samples as the day.",
        offenders=_disagreeing_days,
    ),
    offenders_check(
        asset=key("alerts"),
        name="none_recent",
        description="No limit was exceeded in the last 24 hours.",
        offenders=_recent_alerts,
        warning=True,
    ),
    complete,
    files_are_there,
]
