"""Days and sites as partitions, and the work of a run that has several of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg

from ingestion_pipeline.foundation.errors import IngestionError, is_permanent
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration.resources import CONFIGURATION
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing("buildings")
DAY, SITE = "day", "site"
PARTITION = "dagster/partition"  # Dagster's tags of a run that has one, and of one that has several
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_AT_LOAD = CONFIGURATION.read()
PARTITIONS = dg.MultiPartitionsDefinition(
    {
        DAY: dg.DailyPartitionsDefinition(start_date=_AT_LOAD.collect_since.isoformat()),
        SITE: dg.StaticPartitionsDefinition(list(_AT_LOAD.site_names)),
    }
)
SHOWN = 20

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


class PartlyDoneError(Exception):
    """The work of a partition failed for some assets, and is done for others.

    Attributes:
        error: why it failed.
        metadata: of the assets for which it is done.
    """

    def __init__(self, error: IngestionError, metadata: dict[dg.AssetKey, dict[str, Any]]) -> None:
        super().__init__(str(error))
        self.error = error
        self.metadata = metadata


def each_partition(
    context: dg.AssetExecutionContext,
    assets: Sequence[dg.AssetKey],
    work: Callable[[str, date], dict[dg.AssetKey, dict[str, Any]]],
) -> list[dg.AssetKey]:
    """Do the work of each partition of the run; one that fails does not stop the others.

    Returns:
        the assets that are done in every partition; where others are, that is recorded.

    Raises:
        dg.Failure: some failed. The others are recorded; the run is not.
    """
    done: list[tuple[str, dict[dg.AssetKey, dict[str, Any]]]] = []
    failures: dict[str, IngestionError] = {}
    for partition in context.partition_keys:
        site, day = _site_and_day(partition)
        try:
            done.append((partition, work(site, day)))
            continue
        except PartlyDoneError as partly:
            error = partly.error
            done.append((partition, partly.metadata))
        except IngestionError as caught:
            error = caught
        context.log.warning(f"{partition}: {printable(str(error))}")
        failures[partition] = error
    whole = [each for each in assets if all(each in metadata for _, metadata in done)]
    if failures:
        whole = []
    for partition, metadata in done:
        for asset, said in metadata.items():
            if asset in whole:
                context.add_asset_metadata(said, asset_key=asset, partition_key=partition)
            else:
                context.log_event(
                    dg.AssetMaterialization(asset, metadata=said, partition=partition)
                )
    if failures:
        shown = "; ".join(f"{each}: {error}" for each, error in list(failures.items())[:SHOWN])
        raise dg.Failure(
            f"{len(failures)} of {len(context.partition_keys)} partitions failed: {shown}",
            allow_retries=not all(map(is_permanent, failures.values())),
        ) from next(iter(failures.values()))
    return whole


def _site_and_day(partition: str) -> tuple[str, date]:
    keys = PARTITIONS.get_partition_key_from_str(partition).keys_by_dimension
    return keys[SITE], date.fromisoformat(keys[DAY])
