"""The queue's way: recorded uploads → staging → finals, claimed as jobs.

What arrives over HTTP or in the drop folder is recorded together with a job of kind
`commerce.load`. A run claims a batch, stages it, and merges all that is staged; the job ends in
the transaction that merges its file.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, Entity
from ingestion_pipeline.domains.commerce.land.claimed import stage_again
from ingestion_pipeline.domains.commerce.merge.uploads import (
    after_merging,
    after_staging,
    merge_upload,
    merge_waiting,
    tenants_with_waiting,
)
from ingestion_pipeline.foundation.errors import StagingLostError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.uploads import Counts

logger = logging.getLogger(__name__)


@dataclass
class Merged:
    """What a step of merging did: uploads loaded, and rows that had waited and no longer do."""

    upload_ids: list[int] = field(default_factory=list)
    settled: int = 0


def merge_claimed(engine: sa.Engine, entity: Entity) -> Merged:
    """Merge every staged file of an entity in order of arrival, then whatever no longer waits."""
    outcome = Merged()
    with engine.connect() as connection:
        pending = uploads.staged(connection, domain=DOMAIN, type_=entity.name)
    for upload in pending:
        # Here and not after staging: it may be another process that staged it, a killed one even.
        with engine.begin() as connection:
            after_staging(connection, entity)
        try:
            with engine.begin() as connection:
                counts = merge_upload(connection, upload)
                if counts is not None and upload.job_id is not None:
                    jobs.settle(connection, upload.job_id, asdict(counts))
        except StagingLostError as error:
            stage_again(engine, upload, error)
            continue
        if counts is not None:
            outcome.upload_ids.append(upload.upload_id)
            with engine.begin() as connection:
                after_merging(connection, entity, counts)
    with engine.connect() as connection:
        tenants = tenants_with_waiting(connection, entity)
    for tenant_id in tenants:
        with engine.begin() as connection:
            outcome.settled += merge_waiting(connection, tenant_id, entity)
    return outcome


def total(engine: sa.Engine, upload_ids: Sequence[int]) -> Counts:
    """The sum of the counts of uploads."""
    with engine.connect() as connection:
        return sum(uploads.counts_of(connection, upload_ids).values(), Counts())
