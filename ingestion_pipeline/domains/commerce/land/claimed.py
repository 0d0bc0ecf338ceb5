"""Recorded uploads → staging: a run claims jobs, and stages each file by itself."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, Entity
from ingestion_pipeline.domains.commerce.land.stage import Bounds, Reading, land_file, unstage
from ingestion_pipeline.domains.commerce.land.uploads import job_kind
from ingestion_pipeline.foundation.errors import ContractError, StagingLostError, StaleAttemptError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.leases import kept_alive
from ingestion_pipeline.foundation.ledger.uploads import Upload
from ingestion_pipeline.foundation.storage.landing import Landing

logger = logging.getLogger(__name__)


@dataclass
class Staged:
    """What a step of staging did."""

    upload_ids: list[int] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)


def land_claimed(
    engine: sa.Engine,
    entity: Entity,
    *,
    landing: Landing,
    bounds: Bounds,
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
                    stage_upload(engine, upload, claim, landing=landing, bounds=bounds)
                outcome.upload_ids.append(upload.upload_id)
            except StaleAttemptError as error:
                logger.warning("upload %s: %s", upload.upload_id, error)
            # Whatever it is, a defect of ours included, it costs this file only (errors.py).
            except Exception as error:  # noqa: BLE001
                outcome.failures[upload.upload_id] = str(error)
                _note_failure(engine, upload, claim, error, backoff)
    return outcome


def stage_upload(
    engine: sa.Engine,
    upload: Upload,
    claim: jobs.Claim | None = None,
    *,
    landing: Landing,
    bounds: Bounds,
) -> Reading:
    """Stage one recorded upload from where it landed; a claim fences the write.

    Raises:
        LandedFileError: the file is gone.
        ContractError: the file as a whole breaks the contract.
        StaleAttemptError: another attempt owns the job; nothing was written.
    """
    with landing.open(upload.location) as file, engine.begin() as connection:
        reading = land_file(connection, upload, file, bounds=bounds)
        if claim is not None:
            # Last: renewing the leases of a batch would wait for a job held while its file is read.
            jobs.hold(connection, claim)
    return reading


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


def stage_again(engine: sa.Engine, upload: Upload, error: StagingLostError) -> None:
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
