"""Recorded uploads → staging: a run claims jobs, and stages each file by itself."""

import logging
from dataclasses import dataclass, field

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, Entity
from ingestion_pipeline.domains.commerce.land.stage import Bounds, Reading, land_file, unstage
from ingestion_pipeline.domains.commerce.land.uploads import job_kind
from ingestion_pipeline.foundation.errors import ContractError, StagingLostError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.uploads import Upload
from ingestion_pipeline.foundation.ledger.worker import Work, Worker, do_each
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
    worker: Worker,
    limit: int,
) -> Staged:
    """Claim up to `limit` recorded files of an entity and stage them, one transaction each.

    A file that fails does not stop the others; its job is retried or, for good reasons, failed.
    """
    with engine.begin() as connection:
        claims = worker.claim(connection, job_kind(entity), limit=limit)
        uploads.give_up_with_their_jobs(connection, domain=DOMAIN)
        found = uploads.find(connection, [claim.payload["upload_id"] for claim in claims])
    by_id = {upload.upload_id: upload for upload in found}

    def stage(claim: Claim) -> None:
        upload = by_id[claim.payload["upload_id"]]
        # Failed: its job was requeued. What a mapping made was staged when it landed.
        if upload.status in ("recorded", "failed") and upload.mapped_from is None:
            stage_upload(engine, upload, claim, landing=landing, bounds=bounds)

    def name(claim: Claim) -> str:
        upload = by_id[claim.payload["upload_id"]]
        return f"upload {upload.upload_id} ({upload.file_name})"

    work = Work(do=stage, failed=_failed, name=name, is_senders=_is_senders)
    outcome = Staged()
    for ended in do_each(engine, claims, work, lease=worker.lease, backoff=worker.backoff):
        upload_id = ended.claim.payload["upload_id"]
        if ended.status == "done":
            outcome.upload_ids.append(upload_id)
        elif ended.status != "lost":
            outcome.failures[upload_id] = str(ended.error)
    return outcome


def stage_upload(
    engine: sa.Engine,
    upload: Upload,
    claim: Claim | None = None,
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


def _is_senders(_: Claim, error: Exception) -> bool:
    """A file that breaks the contract is its sender's; what else can happen to one is ours."""
    return isinstance(error, ContractError)


def _failed(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
    if status == "failed":
        message = str(error).replace("\x00", "\\x00")  # which no text column takes
        uploads.update(connection, claim.payload["upload_id"], status="failed", error=message)


def stage_again(engine: sa.Engine, upload: Upload, error: StagingLostError) -> None:
    """Take an upload back to where its file is read again; without a job nobody would do so."""
    logger.warning("%s; staging it again", error)
    with engine.begin() as connection:
        unstage(connection, upload)
        if upload.job_id is None or upload.mapped_from is not None:
            again = _map_again(connection, upload, error)
            remedy = "its file is read again" if again else "ingest it again"
            uploads.update(
                connection, upload.upload_id, status="failed", error=f"{error}; {remedy}",
                job_id=None,
            )  # fmt: skip
            return
        uploads.update(connection, upload.upload_id, status="recorded")
        jobs.release(connection, upload.job_id, reason=str(error))


def _map_again(connection: sa.Connection, upload: Upload, error: StagingLostError) -> bool:
    """Have the mapped file of an upload read once more, which stages what has failed."""
    if upload.job_id is not None:  # that one only merges
        jobs.settle(connection, upload.job_id)
    for file in uploads.find(connection, [upload.mapped_from] if upload.mapped_from else []):
        if file.job_id is not None and jobs.reopen(connection, file.job_id, reason=str(error)):
            uploads.update(connection, file.upload_id, status="recorded")
        return file.job_id is not None  # another upload of the file may have seen to it
    return False
