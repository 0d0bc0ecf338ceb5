"""Commerce as assets: uploads → {type}_staging → {type}, with the real edges between the types.

Each step deals with whatever is due: staging claims recorded files, merging takes all that is
staged. Materializing an asset twice, or only some of them, is therefore always safe.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land import claimed
from ingestion_pipeline.domains.commerce.land.stage import Bounds
from ingestion_pipeline.domains.commerce.merge import claimed as load
from ingestion_pipeline.domains.commerce.tables import FINAL, STAGING
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables import uploads as uploads_table
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.foundation.storage.database import row_count
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_table, preview, table_metadata
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore

GROUP = "commerce"
OWNERS = ["team:data"]
_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)

UPLOADS = dg.AssetSpec(
    key=[GROUP, "uploads"],
    group_name=GROUP,
    kinds={"file"},
    owners=OWNERS,
    code_version="1",
    description="Files that arrived: uploaded over HTTP, or found in the drop folder. Each is a "
    "row of the table `uploads`, recorded before anything else happens to it.",
    metadata=table_metadata(uploads_table),
)


def key(name: str) -> dg.AssetKey:
    """The key of a commerce asset."""
    return dg.AssetKey([GROUP, name])


def _from_files(entity: Entity) -> Origin:
    lines = dict.fromkeys(("line_number", *entity.columns), ("location",))
    return Origin(UPLOADS.key, uploads_table, made=lines, own=("waiting", "waiting_since"))


def _from_staging(entity: Entity) -> Origin:
    return Origin(key(f"{entity.name}_staging"), STAGING[entity.name])


def _staging_asset(entity: Entity) -> dg.AssetsDefinition:
    @dg.asset(
        key=key(f"{entity.name}_staging"),
        deps=[UPLOADS.key],
        group_name=GROUP,
        kinds={"python", "postgres"},
        owners=OWNERS,
        code_version="1",
        retry_policy=_RETRIES,
        metadata=table_metadata(STAGING[entity.name], _from_files(entity)),
        description=f"Files `{entity.name}_*` as typed rows, every line checked against the "
        "contract; refused lines are in `rejected_rows` with all their reasons. Rows stay here "
        "only while they wait for a parent.",
    )
    def staging(
        context: dg.AssetExecutionContext,
        configuration: Configuration,
        database: Database,
        landing: LandingStore,
    ) -> dg.MaterializeResult[None]:
        engine, settings = database.engine(), configuration.read()
        outcome = claimed.land_claimed(
            engine,
            entity,
            worker=f"dagster {entity.name}_staging",
            run_id=context.run.run_id,
            landing=landing.landed(),
            bounds=Bounds.configured(settings),
            limit=settings.batch_uploads,
            lease=settings.job_lease,
            backoff=settings.job_backoff,
        )
        for upload_id, error in outcome.failures.items():
            context.log.warning("upload %s failed: %s", upload_id, printable(error))
        return dg.MaterializeResult(
            metadata=_upload_metadata(engine, outcome.upload_ids)
            | {"failed_uploads": len(outcome.failures)}
            | _as_it_is_now(engine, STAGING[entity.name])
        )

    return staging


def _final_asset(entity: Entity) -> dg.AssetsDefinition:
    @dg.asset(
        key=key(entity.name),
        deps=[key(f"{entity.name}_staging"), *(key(p) for p in entity.parents.values())],
        group_name=GROUP,
        kinds={"postgres", "table"},
        owners=OWNERS,
        code_version="1",
        retry_policy=_RETRIES,
        metadata=table_metadata(FINAL[entity.name], _from_staging(entity)),
        description=f"The {entity.name.replace('_', ' ')} of all tenants, merged by "
        f"(tenant_id, {entity.key})"
        + (
            f"; a row goes in once those of {' and '.join(entity.parents.values())} that it "
            "refers to are there."
            if entity.parents
            else "."
        ),
    )
    def final(database: Database) -> dg.MaterializeResult[None]:
        engine = database.engine()
        outcome = load.merge_claimed(engine, entity)
        return dg.MaterializeResult(
            metadata=_upload_metadata(engine, outcome.upload_ids)
            | {"no_longer_waiting": outcome.settled}
            | _as_it_is_now(engine, FINAL[entity.name])
        )

    return final


def _upload_metadata(engine: sa.Engine, upload_ids: Sequence[int]) -> dict[str, Any]:
    """What became of the lines of this step's files: the same numbers as `ingest --json`."""
    metadata: dict[str, Any] = {"uploads": len(upload_ids)}
    metadata |= asdict(load.total(engine, upload_ids))
    with engine.connect() as connection:
        reasons = uploads.rejected_by_reason(connection, upload_ids)
    if reasons:
        rows = [{"reason": reason, "lines": number} for reason, number in reasons.items()]
        metadata["rejected_by_reason"] = as_table(rows)
    return metadata


def _as_it_is_now(engine: sa.Engine, table: sa.Table) -> dict[str, Any]:
    """The table as it is now: how many rows, and a few of the newest."""
    with engine.connect() as connection:
        rows = {"dagster/row_count": row_count(connection, table)}
        return rows | preview(connection, table, newest_first=table.c.upload_id)


STAGING_ASSETS = [_staging_asset(entity) for entity in ENTITIES.values()]
FINAL_ASSETS = [_final_asset(entity) for entity in ENTITIES.values()]
