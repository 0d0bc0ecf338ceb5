"""Working off the queue: one job at a time, all of what it changes in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.book_sales.contract.events import DOMAIN, Parsed
from ingestion_pipeline.domains.book_sales.land import queue
from ingestion_pipeline.domains.book_sales.land.orders import STORAGE_PATH
from ingestion_pipeline.domains.book_sales.land.pings import told_by
from ingestion_pipeline.domains.book_sales.merge.books import books_of
from ingestion_pipeline.domains.book_sales.merge.events import Origin, merge_events
from ingestion_pipeline.domains.book_sales.sources import described, reports
from ingestion_pipeline.domains.book_sales.sources.formats.notation import Told
from ingestion_pipeline.domains.book_sales.sources.gumroad.api import Ask, open_upstream
from ingestion_pipeline.domains.book_sales.sources.registry import Platform
from ingestion_pipeline.foundation.credentials import decrypted
from ingestion_pipeline.foundation.errors import (
    ContractError,
    MissingReportError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.ledger import cron, jobs, uploads
from ingestion_pipeline.foundation.ledger.job_ids import uuid_of
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.ledger.worker import Work, do_each
from ingestion_pipeline.foundation.settings import Settings
from ingestion_pipeline.foundation.storage import stored
from ingestion_pipeline.foundation.storage.landing import Landing

_Note = Callable[[sa.Connection], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt: `completed`, `retrying`, `failed`, or `lost` to another."""

    job_id: int
    platform: str
    status: str
    result: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True)
class Places:
    """Where imports have their data from.

    Attributes:
        landing: the store of reports.
        ask: opens the API of the platform that has one.
    """

    landing: Landing
    ask: Ask

    @classmethod
    def configured(cls, configuration: Settings) -> "Places":
        """Those that the settings name."""
        return cls(
            Landing(configuration.landing), partial(open_upstream, configuration=configuration)
        )


def merge_claimed(
    engine: sa.Engine,
    configuration: Settings,
    *,
    platforms: Sequence[str] | None = None,
    worker: str,
    run_id: str | None = None,
    limit: int,
    places: Places | None = None,
) -> list[Outcome]:
    """Process up to `limit` queued imports, a platform after the other in turn.

    `platforms` are all, and `places` those that the settings name, unless it is said otherwise.
    """
    outcomes: list[Outcome] = []
    open_platforms = list(described.platforms(configuration) if platforms is None else platforms)
    while open_platforms and len(outcomes) < limit:
        for platform in list(open_platforms):
            if len(outcomes) >= limit:
                break
            with engine.begin() as connection:
                claim = queue.take(
                    connection, configuration, platform, worker=worker, run_id=run_id
                )
            if claim is None:
                open_platforms.remove(platform)
            else:
                outcomes.append(process(engine, configuration, claim, places=places))
    return outcomes


def tick(
    engine: sa.Engine, configuration: Settings, *, trigger: str, limit: int,
    platforms: Sequence[str] | None = None, run_id: str | None = None,
    places: Places | None = None,
) -> list[Outcome]:  # fmt: skip
    """`merge_claimed` with a row in `cron_logs`."""
    with engine.begin() as connection:
        number = cron.start(connection, f"{DOMAIN}.imports", trigger=trigger, run_id=run_id)
    try:
        outcomes = merge_claimed(
            engine, configuration, platforms=platforms, worker=trigger, run_id=run_id, limit=limit,
            places=places,
        )  # fmt: skip
    except Exception as error:
        with engine.begin() as connection:
            cron.finish(connection, number, error=f"{type(error).__name__}: {error}")
        raise
    completed = sum(outcome.status == "completed" for outcome in outcomes)
    with engine.begin() as connection:
        cron.finish(
            connection, number, processed=len(outcomes), succeeded=completed,
            failed=len(outcomes) - completed,
            details={"jobs": [outcome.job_id for outcome in outcomes]},
        )  # fmt: skip
    return outcomes


def process(
    engine: sa.Engine, configuration: Settings, claim: Claim, *, places: Places | None = None
) -> Outcome:
    """Do one claimed import; an error ends the attempt, not the caller."""
    platform = queue.platform_of_kind(claim.kind)

    def import_(claim: Claim) -> dict[str, Any]:
        known = places or Places.configured(configuration)
        return _import(engine, configuration, claim, platform, known)

    work = Work(
        do=import_,
        failed=_failed,
        name=lambda claim: f"job {claim.job_id} ({platform})",
        is_senders=is_senders,
    )
    lease, backoff = configuration.job_lease, configuration.job_backoff
    [ended] = do_each(engine, [claim], work, lease=lease, backoff=backoff)
    error = ended.error
    if error is None:
        return Outcome(claim.job_id, platform, "completed", ended.result or {})
    said = str(error) if ended.status == "lost" else f"{type(error).__name__}: {error}"
    return Outcome(claim.job_id, platform, ended.status, {}, said)


def _import(
    engine: sa.Engine, configuration: Settings, claim: Claim, platform: str, places: Places
) -> dict[str, Any]:
    assert claim.tenant_id is not None, "imports belong to a tenant"  # noqa: S101
    origin = Origin(
        tenant_id=claim.tenant_id, platform=platform, source_file=f"{platform} API",
        received_at=datetime.now(UTC), job_id=claim.job_id,
    )  # fmt: skip
    note: _Note = _nothing
    keeps = configuration.tenant_rejected_bytes
    reader = _Reader(engine, places.landing, described.platforms(configuration), keeps)
    if "upload_id" in claim.payload:
        told = Told(claim.payload.get("decimal"), claim.payload.get("dates"))
        upload_id = claim.payload["upload_id"]
        origin, parsed = _read(reader, origin, upload_id, told=told)
    elif STORAGE_PATH in claim.payload:
        told = Told(claim.payload.get("decimal"), claim.payload.get("dates"))
        upload_id = _record_stored(engine, places.landing, origin, claim.payload[STORAGE_PATH])
        origin, parsed = _read(reader, origin, upload_id, told=told)
    elif "ping_id" in claim.payload:
        parsed, received_at = told_by(engine, claim.payload["ping_id"])
        origin = replace(origin, source_file="gumroad Ping", received_at=received_at)
    else:
        fetch = books_of(platform).fetch
        if fetch is None:
            raise MissingReportError(
                f"payload.storagePath is missing: {platform} has no API, so the job has to name "
                "a report, by storagePath or upload_id"
            )
        payload = decrypted(configuration, claim.payload)
        parsed, note = fetch(engine, places.ask, tenant_id=claim.tenant_id, payload=payload)
    with engine.begin() as connection:
        if origin.upload_id is None and parsed.rejected:
            origin = replace(origin, upload_id=_record_answer(connection, origin))
        counts = books_of(platform).load(connection, origin, parsed, keeps=keeps)
        note(connection)
        result = {**reports.numbers(counts), **reports.remarks(parsed)}
        # The fence: another attempt that owns the job by now makes all of this undone.
        jobs.complete(connection, claim, result)
    return result


@dataclass(frozen=True)
class _Reader:
    """With what reports are read.

    Attributes:
        platforms: those that there are.
        keeps: as `merge_events` has it.
    """

    engine: sa.Engine
    landing: Landing
    platforms: Mapping[str, Platform]
    keeps: int


def _read(reader: _Reader, origin: Origin, upload_id: int, *, told: Told) -> tuple[Origin, Parsed]:
    c = uploads_table.c
    with reader.engine.connect() as connection:
        found = connection.execute(
            sa.select(c.file_name, c.location, c.recorded_at, tenants.c.name)
            .join(tenants, tenants.c.tenant_id == c.tenant_id)
            .where(c.upload_id == upload_id, c.tenant_id == origin.tenant_id, c.domain == DOMAIN)
        ).one_or_none()
    if found is None:
        raise MissingReportError(f"upload {upload_id}: the tenant has no such report")
    with reader.landing.open(found.location) as file:
        content = file.read()
    name, received_at = found.file_name, found.recorded_at
    parsed = reports.read(
        content, platform=origin.platform, file_name=name, told=told, tenant=found.name,
        among=reader.platforms,
    )  # fmt: skip
    named = replace(
        origin, source_file=name, received_at=received_at, upload_id=upload_id,
        as_of=reports.time_of(parsed, file_name=name, received_at=received_at),
    )  # fmt: skip
    if refused := reports.refusal(parsed):
        # The rows are kept with their reasons, though the job has failed.
        with reader.engine.begin() as connection:
            merge_events(connection, named, parsed, keeps=reader.keeps)
        raise refused
    return named, parsed


def _record_stored(engine: sa.Engine, landing: Landing, origin: Origin, path: str) -> int:
    """The row of `uploads` of a report that a job names by its path; one, however often tried."""
    query = sa.select(tenants.c.name).where(tenants.c.tenant_id == origin.tenant_id)
    key = f"{DOMAIN}:job:{origin.job_id}"
    with engine.begin() as connection:
        tenant = connection.execute(query).scalar_one()
        stored.require_there(landing.url, tenant, path)
        upload_id = uploads.record(
            connection, tenant_id=origin.tenant_id, domain=DOMAIN, type_=origin.platform,
            file_name=path.rpartition("/")[2], source="storage", source_key=key,
            location=f"{tenant}/{path}", job_id=origin.job_id,
        )  # fmt: skip
        if upload_id is None:
            c = uploads_table.c
            mine = sa.select(c.upload_id).where(
                c.tenant_id == origin.tenant_id, c.source_key == key
            )
            upload_id = connection.execute(mine).scalar_one()
    return int(upload_id)


def _record_answer(connection: sa.Connection, origin: Origin) -> int:
    """A row of `uploads` for an API's answers: rejected rows belong to one."""
    upload_id = uploads.record(
        connection, tenant_id=origin.tenant_id, domain=DOMAIN, type_=origin.platform,
        file_name=origin.source_file, source="api", location=f"{origin.platform}:",
        job_id=origin.job_id,
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    return upload_id


def _failed(connection: sa.Connection, claim: Claim, error: Exception, status: str) -> None:
    if isinstance(error, UpstreamUnavailableError) and error.retry_after:
        queue.wait_at_least(connection, claim.job_id, error.retry_after)
    if status == "failed":
        c = uploads_table.c
        stored_one = sa.select(c.upload_id).where(
            c.tenant_id == claim.tenant_id, c.source_key == f"{DOMAIN}:job:{claim.job_id}"
        )
        upload_id = claim.payload.get("upload_id") or connection.scalar(stored_one)
        if upload_id is not None:
            message = str(error).replace("\x00", "\\x00")
            uploads.update(connection, upload_id, status="failed", error=message)


def is_senders(claim: Claim, error: BaseException) -> bool:
    """Whether an import failed by what its sender sent: a report, its place, an access token.

    What an API answers otherwise is not its sender's, nor is a report that we had and lost; what
    no error of the tree says is a defect of ours, whatever bytes brought it to light.
    """
    if isinstance(error, MissingReportError):
        return True
    if "upload_id" in claim.payload or STORAGE_PATH in claim.payload:
        return isinstance(error, ContractError)
    # RFC 6750, 3.1: the token is wrong, expired or revoked, or may not read sales.
    return isinstance(error, UpstreamRefusedError) and (
        error.status == HTTPStatus.UNAUTHORIZED
        or (error.status == HTTPStatus.FORBIDDEN and "insufficient_scope" in error.body)
    )


def _nothing(_: sa.Connection) -> None:
    """Note nothing."""


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the cron endpoint tells it."""
    return {"jobId": str(uuid_of(outcome.job_id)), **asdict(outcome)}
