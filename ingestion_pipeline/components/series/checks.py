"""What is checked of what an API was asked for: gaps, records that are gone, what files are checked
for.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.components.intake import checks as of_files
from ingestion_pipeline.domains.registry import DescribedSeries
from ingestion_pipeline.foundation.collecting.tables import series_windows
from ingestion_pipeline.foundation.collecting.windows import Collected
from ingestion_pipeline.foundation.http_api.windows import days_due
from ingestion_pipeline.foundation.http_api.words import Window
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.loading import days
from ingestion_pipeline.foundation.mapping.words import Mapped
from ingestion_pipeline.orchestration.metadata import as_table

NO_GAPS, NOTHING_GONE = "no_gaps", "nothing_is_gone"
_SHOWN = 50


def specs(key: dg.AssetKey, mapped: Mapped, window: Window | None) -> list[dg.AssetCheckSpec]:
    """The checks of an API: those of files, and those of its windows."""
    said = {NOTHING_GONE: "No list has fewer records than it had; here they are kept."}
    if window is not None:
        said[NO_GAPS] = "Every day since the first that was collected was read to its end."
    own = [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in said.items()]
    return [*of_files.specs(key, mapped), *own]


def results(
    connection: sa.Connection,
    found: DescribedSeries,
    collected: Sequence[Collected],
    *,
    key: dg.AssetKey,
) -> Iterator[dg.AssetCheckResult]:
    """What the checks find after a run."""
    ids = [each.upload_id for each in collected if each.upload_id is not None]
    told = days.told_of(connection, ids)
    yield from of_files.results(key, found.known.mapped, told)
    gone = [
        {"window": each.window, "records": each.records, "had": each.most_records}
        for each in collected if each.records < each.most_records
    ]  # fmt: skip
    yield _warning(key, NOTHING_GONE, gone)
    window = found.source.api.window
    if window is not None:
        missing = [{"day": day.isoformat()} for day in gaps(connection, found, window)]
        yield _warning(key, NO_GAPS, missing)


def gaps(connection: sa.Connection, found: DescribedSeries, window: Window) -> list[date]:
    """Days between the first that was collected and the last that is due that never were."""
    c, mapped = series_windows.c, found.known.mapped
    tenant = sa.select(tenants.c.tenant_id).where(tenants.c.name == found.source.tenant)
    query = sa.select(c.period).where(
        c.tenant_id == tenant.scalar_subquery(), c.source == mapped.source,
        c.mapping == mapped.name, c.period.like("____-__-__"),
    )  # fmt: skip
    known = {date.fromisoformat(each) for each in connection.scalars(query)}
    due = days_due(window, datetime.now(UTC))
    if not known or not due:
        return []
    first = min(known)
    every = (first + timedelta(days=each) for each in range((due[-1] - first).days + 1))
    return [each for each in every if each not in known]


def _warning(key: dg.AssetKey, name: str, rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key,
        passed=not rows,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"found": len(rows), **({"first": as_table(rows[:_SHOWN])} if rows else {})},
    )
