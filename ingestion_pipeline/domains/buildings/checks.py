"""What must hold of buildings, as asset checks; offenders.py has the queries."""

from datetime import timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import offenders
from ingestion_pipeline.domains.buildings.assets import key
from ingestion_pipeline.domains.buildings.publish.coverage import NOT_COLLECTED, all_gaps
from ingestion_pipeline.domains.buildings.tables import (
    archived_months,
    timeseries_daily,
    timeseries_hourly,
)
from ingestion_pipeline.foundation.errors import LandedFileError
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.orchestration.checks import offenders_check
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Database, LandingStore

_SHOWN_GAPS = 1000
_ARCHIVES = 24


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
def files_are_there(database: Database, landing: LandingStore) -> dg.AssetCheckResult:
    """Look for the files."""
    c = archived_months.c
    newest = sa.select(c.location).order_by(c.archive_id.desc()).limit(_ARCHIVES)
    with database.engine().connect() as connection:
        locations = connection.scalars(newest).all()
    archive = landing.archive()
    gone = [each for each in locations if not _exists(archive, each)]
    metadata: dict[str, Any] = {"files": len(locations), "gone": len(gone)}
    if gone:
        metadata["examples"] = as_table([{"location": each} for each in gone])
    return dg.AssetCheckResult(passed=not gone, metadata=metadata)


def _exists(archive: Landing, location: str) -> bool:
    try:
        return archive.exists(location)
    except LandedFileError:  # of another ARCHIVE_URL: where it was put, nobody looks any more
        return False


_RAW = key("timeseries_raw")
CHECKS: list[dg.AssetChecksDefinition] = [
    offenders_check(
        asset=_RAW,
        name="something_is_kept",
        description="Of no day were records fetched and none of them kept.",
        offenders=offenders.nothing_kept,
    ),
    offenders_check(
        asset=_RAW,
        name="halves_are_there",
        description="Of every collected day there are both samples and weather. What is missing "
        "is collected the next time that the day is.",
        offenders=offenders.missing_halves,
    ),
    offenders_check(
        asset=_RAW,
        name="configured_points_present",
        description="Every configured point has a sample in every collected day.",
        offenders=offenders.without_configured_points,
    ),
    offenders_check(
        asset=_RAW,
        name="counts_add_up",
        description="Every record of every window is accounted for.",
        offenders=offenders.counts_differ,
    ),
    offenders_check(
        asset=_RAW,
        name="no_duplicates",
        description="A point has one sample an instant (in the newest day).",
        offenders=offenders.duplicates,
    ),
    offenders_check(
        asset=_RAW,
        name="values_in_range",
        description="Values are finite and no larger than 10¹² (in the newest day).",
        offenders=offenders.out_of_range,
    ),
    offenders_check(
        asset=_RAW,
        name="values_are_consistent",
        description="A number has no text beside it and is not called one (in the newest day).",
        offenders=offenders.contradictory,
    ),
    offenders_check(
        asset=_RAW,
        name="few_rejected",
        description="Of no day more than one record in a hundred was unusable.",
        offenders=offenders.many_rejected,
        warning=True,
    ),
    offenders_check(
        asset=_RAW,
        name="fresh",
        description="The latest complete day of every site is no older than two days.",
        offenders=offenders.stale,
        warning=True,
    ),
    offenders_check(
        asset=key("weather_raw"),
        name="plausible",
        description="Humidity is a percentage, wind and rain are not negative, and nothing is of "
        "the future.",
        offenders=offenders.implausible_weather,
    ),
    offenders_check(
        asset=key("weather_snapshot"),
        name="nothing_rejected",
        description="No weather record of the last seven days was unusable.",
        offenders=offenders.rejected_weather,
        warning=True,
    ),
    offenders_check(
        asset=key("timeseries_hourly"),
        name="possible",
        description="Mean and last value lie between the extremes, coverage between 0 and 1.",
        offenders=lambda: offenders.impossible(timeseries_hourly),
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="possible",
        description="Mean and last value lie between the extremes, coverage between 0 and 1.",
        offenders=lambda: offenders.impossible(timeseries_daily),
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="hours_add_up",
        description="The hours of every day have as many samples as the day.",
        offenders=offenders.disagreeing_days,
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="one_unit",
        description="No point had numbers in more than one unit in the last seven days. Where one "
        "had, each unit has rows of its own.",
        offenders=offenders.several_units,
        warning=True,
    ),
    offenders_check(
        asset=key("timeseries_daily"),
        name="few_left_out",
        description="Of no point was more than one number in a hundred of a day left out because "
        "the source calls its quality something else than good (in the last seven days).",
        offenders=offenders.many_left_out,
        warning=True,
    ),
    offenders_check(
        asset=key("alerts"),
        name="none_recent",
        description="No limit was exceeded in the last 24 hours.",
        offenders=offenders.recent_alerts,
        warning=True,
    ),
    complete,
    files_are_there,
]
