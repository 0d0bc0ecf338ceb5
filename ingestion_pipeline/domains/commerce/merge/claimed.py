"""The queue's way: recorded uploads → staging → finals, claimed as jobs.

What arrives over HTTP or in the drop folder is recorded together with a job of kind
`commerce.load`. A run claims a batch, stages it, and merges all that is staged; the job ends in
the transaction that merges its file.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import Entity
from ingestion_pipeline.domains.commerce.land.stage import Reading, stage, unstage
from ingestion_pipeline.domains.commerce.merge.uploads import (
    DOMAIN,
    after_merging,
    after_staging,
    merge_upload,
    merge_waiting,
    tenants_with_waiting,
)
from ingestion_pipeline.foundation.errors import ContractError, StagingLostError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.leases import kept_alive
from ingestion_pipeline.foundation.ledger.uploads import Counts, Upload
from ingestion_pipeline.foundation.settings import settings
from ingestion_pipeline.foundation.storage.landing import Landing

logger = logging.getLogger(__name__)


def job_kind(entity: Entity) -> str:
    """The kind of the jobs that load files of an entity."""
    return f"{DOMAIN}.load.{entity.name}"


@dataclass
class Staged:
    """What a step of staging did."""

    upload_ids: list[int] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


@dataclass
class Merged:
    """What a step of merging did: uploads loaded, and rows that had waited and no longer do."""

    upload_ids: list[int] = field(default_factory=list)
    settled: int = 0


def record_upload(
    connection: sa.Connection,
    *,
    tenant_id: int,
    entity: Entity,
    file_name: str,
    source: str,
    location: str,
    size: int,
    sha256: str,
    max_attempts: int,
    source_key: str | None = None,
) -> int | None:
    """Record a landed file and its job in one transaction; None where it is recorded already."""
    upload_id = uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=entity.name, file_name=file_name,
        source=source, location=location, source_key=source_key, size=size, sha256=sha256,
    )  # fmt: skip
    if upload_id is None:
        return None
    job_id = jobs.enqueue(
        connection, kind=job_kind(entity), tenant_id=tenant_id, payload={"upload_id": upload_id},
        max_attempts=max_attempts,
    )  # fmt: skip
    uploads.update(connection, upload_id, job_id=job_id)
    return upload_id


def stage_claimed(
    engine: sa.Engine,
    entity: Entity,
    *,
    worker: str,
    run_id: str | None,
    limit: int,
    lease: timedelta,
    backoff: timedelta,
) -> Staged:
    """Claim up to `limit` recorded files of an entity and stage them, one transaction each.

    A file that fails does not stop the others; its job is retried or, for good reasons, failed.
    """
    with engine.begin() as connection:
        claims = jobs.claim(
            connection, kind=job_kind(entity), worker=worker, run_id=run_id, limit=limit,
            lease=lease,
        )  # fmt: skip
        uploads.give_up_with_their_jobs(connection, domain=DOMAIN)
        found = uploads.find(connection, [claim.payload["upload_id"] for claim in claims])
    by_id = {upload.upload_id: upload for upload in found}
    outcome = Staged()
    with kept_alive(engine, claims, lease):
        for claim in claims:
            upload = by_id[claim.payload["upload_id"]]
            try:
                if upload.status in ("recorded", "failed"):  # failed: its job was requeued
                    stage_upload(engine, upload, claim)
                outcome.upload_ids.append(upload.upload_id)
            except StaleAttemptError as error:
                logger.warning("upload %s: %s", upload.upload_id, error)
            # Whatever it is, a defect of ours included, it costs this file only (foundation/errors.py).
            except Exception as error:  # noqa: BLE001
                outcome.failures[upload.upload_id] = str(error)
                _note_failure(engine, upload, claim, error, backoff)
    return outcome


def stage_upload(
    engine: sa.Engine,
    upload: Upload,
    claim: jobs.Claim | None = None,
) -> Reading:
    """Stage one recorded upload from where it landed; a claim fences the write.

    Raises:
        LandedFileError: the file is gone.
        ContractError: the file as a whole breaks the contract.
        StaleAttemptError: another attempt owns the job; nothing was written.
    """
    landing = Landing(settings().landing)
    with landing.open(upload.location) as file, engine.begin() as connection:
        reading = stage(connection, upload, file)
        if claim is not None:
            # Last: renewing the leases of a batch would wait for a job held while its file is read.
            jobs.hold(connection, claim)
    return reading


def merge_staged(engine: sa.Engine, entity: Entity) -> Merged:
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
            _stage_again(engine, upload, error)
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


def _note_failure(
    engine: sa.Engine, upload: Upload, claim: jobs.Claim, error: Exception, backoff: timedelta
) -> None:
    logger.warning("upload %s (%s): %s", upload.upload_id, upload.file_name, error)
    try:
        with engine.begin() as connection:
            # A file that breaks the contract is its sender's; what else can happen to one is ours.
            senders = isinstance(error, ContractError)
            status = jobs.fail(connection, claim, error, backoff=backoff, senders=senders)
            if status == "failed":
                message = str(error).replace("\x00", "\\x00")  # which no text column takes
                uploads.update(connection, upload.upload_id, status="failed", error=message)
    except StaleAttemptError as stale:
        logger.warning("upload %s: %s", upload.upload_id, stale)


def _stage_again(engine: sa.Engine, upload: Upload, error: StagingLostError) -> None:
    """Take an upload back to where its file is read again; without a job nobody would do so."""
    logger.warning("%s; staging it again", error)
    with engine.begin() as connection:
        unstage(connection, upload)
        if upload.job_id is None:
            uploads.update(
                connection, upload.upload_id, status="failed", error=f"{error}; ingest it again"
            )
            return
        uploads.update(connection, upload.upload_id, status="recorded")
        jobs.release(connection, upload.job_id, reason=str(error))
