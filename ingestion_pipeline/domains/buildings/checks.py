"""What must hold of buildings, as asset checks."""

from datetime import timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.buildings import offenders
from ingestion_pipeline.domains.buildings.assets import WING
from ingestion_pipeline.domains.buildings.assets.partitions import days_of_run
from ingestion_pipeline.domains.buildings.publish.coverage import NOT_COLLECTED, all_gaps
from ingestion_pipeline.domains.buildings.tables import archived_months
from ingestion_pipeline.foundation.errors import LandedFileError
from ingestion_pipeline.foundation.storage.landing import Landing
from ingestion_pipeline.orchestration.checks import checks_of
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Database, LandingStore

_SHOWN_GAPS = 1000
_ARCHIVES = 24


@dg.asset_check(
    name="complete",
    asset=WING.key("coverage"),
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
    asset=WING.key("archived_months"),
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


CHECKS = [*checks_of(WING, offenders, of_run=days_of_run), complete, files_are_there]
