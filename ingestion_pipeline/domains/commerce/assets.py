"""Commerce as assets: uploads → {type}_staging → {type}, with the real edges between the types.

Each step deals with whatever is due: staging claims recorded files, merging takes all that is
staged. Materializing an asset twice, or only some of them, is therefore always safe.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg
import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, ENTITIES, Entity
from ingestion_pipeline.domains.commerce.land import claimed
from ingestion_pipeline.domains.commerce.land.stage import Bounds
from ingestion_pipeline.domains.commerce.merge import claimed as load
from ingestion_pipeline.domains.commerce.publish.plot import plot_files
from ingestion_pipeline.domains.commerce.tables import FINAL, STAGING
from ingestion_pipeline.foundation.ledger import uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.worker import Worker
from ingestion_pipeline.foundation.printable import printable
from ingestion_pipeline.orchestration.lineage import Origin
from ingestion_pipeline.orchestration.metadata import as_it_is_now, as_plot, as_table
from ingestion_pipeline.orchestration.resources import Configuration, Database, LandingStore
from ingestion_pipeline.orchestration.wing import Wing

WING = Wing(DOMAIN)

UPLOADS = WING.spec(
    "uploads",
    table=uploads_table,
    kinds={"file"},
    description="Files that arrived: uploaded over HTTP, found in the drop folder, or of another "
    "shape and made into ours by a mapping (`source` is then `mapped`, `mapped_from` the file). "
    "Each is a row of the table `uploads`, recorded before anything else happens to it.",
)


def _from_files(entity: Entity) -> Origin:
    lines = dict.fromkeys(("line_number", *entity.columns), ("location",))
    return Origin(UPLOADS.key, uploads_table, made=lines, own=("waiting", "waiting_since"))


def _from_staging(entity: Entity) -> Origin:
    return Origin(WING.key(f"{entity.name}_staging"), STAGING[entity.name])


def _staging_asset(entity: Entity) -> dg.AssetsDefinition:
    @WING.asset(
        f"{entity.name}_staging",
        deps=[UPLOADS],
        table=STAGING[entity.name],
        origin=_from_files(entity),
        kinds={"python", "postgres"},
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
        engine, settings, table = database.engine(), configuration.read(), STAGING[entity.name]
        outcome = claimed.land_claimed(
            engine,
            entity,
            landing=landing.landed(),
            bounds=Bounds.configured(settings),
            worker=Worker(
                f"dagster {entity.name}_staging",
                context.run.run_id,
                settings.job_lease,
                settings.job_backoff,
            ),
            limit=settings.batch_uploads,
        )
        for upload_id, error in outcome.failures.items():
            context.log.warning("upload %s failed: %s", upload_id, printable(error))
        return dg.MaterializeResult(
            metadata=_upload_metadata(engine, outcome.upload_ids)
            | {"failed_uploads": len(outcome.failures)}
            | as_it_is_now(engine, table, newest_first=table.c.upload_id)
        )

    return staging


def _final_asset(entity: Entity) -> dg.AssetsDefinition:
    @WING.asset(
        entity.name,
        deps=[WING.key(each) for each in (f"{entity.name}_staging", *entity.parents.values())],
        table=FINAL[entity.name],
        origin=_from_staging(entity),
        kinds={"postgres", "table"},
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
        engine, table = database.engine(), FINAL[entity.name]
        outcome = load.merge_claimed(engine, entity)
        with engine.connect() as connection:
            plot = plot_files(connection, entity.name)
        return dg.MaterializeResult(
            metadata=_upload_metadata(engine, outcome.upload_ids)
            | {"no_longer_waiting": outcome.settled}
            | as_plot(plot)
            | as_it_is_now(engine, table, newest_first=table.c.upload_id)
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


STAGING_ASSETS = [_staging_asset(entity) for entity in ENTITIES.values()]
FINAL_ASSETS = [_final_asset(entity) for entity in ENTITIES.values()]
