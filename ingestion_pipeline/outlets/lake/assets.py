"""The lake's tables as assets, each writing the partitions that have changed; and its sweeping.

A run that the sensor has started deals with what is due, and so does any other: what has not
changed is there already. `ingestion-pipeline lake rebuild` has all of a table written anew.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ingestion_pipeline.domains.book_sales import tables as _book_sales  # noqa: F401
from ingestion_pipeline.domains.buildings import tables as _buildings  # noqa: F401
from ingestion_pipeline.domains.commerce import tables as _commerce  # noqa: F401
from ingestion_pipeline.domains.kpis import tables as _kpis  # noqa: F401
from ingestion_pipeline.domains.markets import tables as _markets  # noqa: F401
from ingestion_pipeline.foundation.storage.metadata import metadata
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_table
from ingestion_pipeline.orchestration.resources import Database
from ingestion_pipeline.orchestration.wing import Wing
from ingestion_pipeline.outlets.findings import tables as _findings  # noqa: F401
from ingestion_pipeline.outlets.lake.resources import LakeStore
from ingestion_pipeline.outlets.lake.status import TableStatus, in_namespaces
from ingestion_pipeline.outlets.lake.sweep import sweep
from ingestion_pipeline.outlets.lake.sync import Synced, sync
from ingestion_pipeline.outlets.lake.tables import BY_NAME, TABLES, LakeTable, Whose
from ingestion_pipeline.outlets.marts import tables as _marts  # noqa: F401

WING = Wing("lake")
_NAMESPACES = {
    Whose.TENANTS: "a namespace a tenant",
    Whose.SITES: "in the namespace of each tenant that has the site, else the operator's",
    Whose.EVERYBODY: "shared by all",
}


def _spec(table: LakeTable) -> dg.AssetSpec:
    made_of, parent = metadata.tables[table.name], dg.AssetKey(table.asset)
    cut = [
        *(
            [f"the first digit of {table.key}" if table.by_first else table.key]
            if table.key
            else []
        ),
        *([f"{table.grain.value} of {table.time}"] if table.time else []),
    ]
    spec = WING.spec(
        table.name,
        table=made_of,
        deps=[parent],
        kinds={"iceberg", "parquet"},
        origin=Origin(parent, made_of),
        description=f"`{table.name}` in the lake, {_NAMESPACES[table.whose]}; "
        + (f"a partition a {' and '.join(cut)}." if cut else "one partition."),
    )
    # The database's table is another asset's.
    return spec.replace_attributes(
        metadata={**spec.metadata, "dagster/table_name": f"lake.{table.name}"}
    )


@WING.multi_asset(name="lake", specs=[_spec(table) for table in TABLES], can_subset=True)
def tables_of_the_lake(
    context: dg.AssetExecutionContext, database: Database, lake: LakeStore
) -> Iterator[dg.MaterializeResult[None]]:
    """Write what has changed, a table at a time."""
    engine, opened = database.engine(), lake.lake()
    for key in sorted(context.selected_asset_keys):
        done = sync(engine, opened, BY_NAME[key.path[-1]])
        for reason in done.refused:
            context.log.error("%s: not written: %s", key.to_user_string(), reason)
        there = in_namespaces(opened, key.path[-1])
        yield dg.MaterializeResult(asset_key=key, metadata=_metadata(done, there))


def _metadata(done: Synced, there: list[TableStatus]) -> dict[str, Any]:
    rows = [
        {
            "namespace": each.namespace, "rows": each.rows, "files": each.files,
            "bytes": each.bytes, "as of": each.as_of or "", "where": each.location,
        }
        for each in there
    ]  # fmt: skip
    return {
        "dagster/row_count": sum(each.rows for each in there),
        "partitions": done.partitions,
        "rows": done.rows,
        "bytes": done.bytes,
        "commits": done.commits,
        **({"tables": as_table(rows)} if rows else {}),
        **({"refused": dg.MetadataValue.json(done.refused)} if done.refused else {}),
    }


@WING.asset(
    "maintenance",
    deps=[WING.key(table.name) for table in TABLES],
    kinds={"iceberg"},
    description="Snapshots of the lake that are older than a day are expired, small manifests "
    "merged, and files that no snapshot names deleted a day later, so many a run. Columns that "
    "were added are followed. Nothing that a reader may still need goes.",
    check_specs=[
        dg.AssetCheckSpec(
            "whole",
            asset=WING.key("maintenance"),
            description="No table lacks a file, or is another database's; then nothing is swept.",
        )
    ],
)
def maintenance(database: Database, lake: LakeStore) -> Iterator[dg.MaterializeResult[None]]:
    """Sweep each table; one at fault does not keep the others."""
    engine, opened = database.engine(), lake.lake()
    swept = {table.name: sweep(engine, opened, table) for table in TABLES}
    faults = [f"{name}: {fault}" for name, each in swept.items() for fault in each.faults]
    yield dg.MaterializeResult(
        metadata={
            "expired": sum(each.expired for each in swept.values()),
            "files": sum(each.files for each in swept.values()),
            "bytes": sum(each.bytes for each in swept.values()),
            "left": sum(each.left for each in swept.values()),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=not faults, check_name="whole", metadata={"faults": sorted(faults)}
            )
        ],
    )


ASSETS = [tables_of_the_lake, maintenance]
