"""Days and sites as partitions, and the work of a run that has several of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from ingestion_pipeline.orchestration import partitions
from ingestion_pipeline.orchestration.partitions import RANGE
from ingestion_pipeline.orchestration.resources import CONFIGURATION
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("buildings")
DAY, SITE = "day", "site"
PARTITION = "dagster/partition"  # Dagster's tag of a run that has one
_AT_LOAD = CONFIGURATION.read()
PARTITIONS = dg.MultiPartitionsDefinition(
    {
        DAY: dg.DailyPartitionsDefinition(start_date=_AT_LOAD.collect_since.isoformat()),
        SITE: dg.StaticPartitionsDefinition(list(_AT_LOAD.site_names)),
    }
)

PARTITIONED: dict[str, Any] = {
    "partitions_def": PARTITIONS,
    "backfill_policy": dg.BackfillPolicy.multi_run(30),
}


def partition_key(day: date, site: str) -> str:
    """The key of a partition."""
    return str(dg.MultiPartitionKey({DAY: day.isoformat(), SITE: site}))


def days_of_run(tags: Mapping[str, str]) -> list[tuple[str, date]]:
    """Sites and days of a run, by its tags; none, where it has no partitions."""
    first, last = (tags.get(name, tags.get(PARTITION)) for name in RANGE)
    if first is None or last is None:
        return []
    (site, start), (last_site, end) = _site_and_day(first), _site_and_day(last)
    if site == last_site:  # be it a site that is collected no more
        return [(site, start + timedelta(days=each)) for each in range((end - start).days + 1)]
    stretch = dg.PartitionKeyRange(first, last)
    return [_site_and_day(each) for each in PARTITIONS.get_partition_keys_in_range(stretch)]


def each_partition(
    context: dg.AssetExecutionContext,
    assets: Sequence[dg.AssetKey],
    work: Callable[[str, date], dict[dg.AssetKey, dict[str, Any]]],
) -> list[dg.AssetKey]:
    """`orchestration/partitions.py`'s, whose partitions are sites and days."""
    return partitions.each_partition(context, assets, lambda each: work(*_site_and_day(each)))


def _site_and_day(partition: str) -> tuple[str, date]:
    keys = PARTITIONS.get_partition_key_from_str(partition).keys_by_dimension
    return keys[SITE], date.fromisoformat(keys[DAY])
