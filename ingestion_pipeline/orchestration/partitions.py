"""The work of a run that has several partitions: one that fails does not stop the others."""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from ingestion_pipeline.foundation.errors import IngestionError, is_permanent
from ingestion_pipeline.foundation.printable import printable

SHOWN = 20
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
"""Dagster's tags of a run that has several partitions."""


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
    work: Callable[[str], dict[dg.AssetKey, dict[str, Any]]],
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
        try:
            done.append((partition, work(partition)))
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
