"""A recorded file → its domain, in one transaction; then what follows there, and the job is done.

Killed at any line, either all of the file is there or nothing, and its job is open until the rest
is done, too.
"""

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.intake.sinks import Delivery, Taken
from ingestion_pipeline.foundation.ledger import jobs, quota
from ingestion_pipeline.foundation.ledger.jobs import Claim
from ingestion_pipeline.foundation.ledger.tables.intake import intake_deliveries
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.loading import deliveries, keys
from ingestion_pipeline.foundation.loading.known import DOMAIN, Known
from ingestion_pipeline.foundation.loading.reading import Bounds, read
from ingestion_pipeline.foundation.storage.deadlocks import again_after_deadlocks
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.landing import Landing


@dataclass(frozen=True)
class Loaded:
    """A file that is loaded.

    Attributes:
        taken: what became of its records when they landed; None: an attempt before this one had
            loaded it.
        settled: what followed in its domain.
    """

    delivery: Delivery
    taken: Taken | None
    settled: Taken


def load_upload(
    engine: sa.Engine,
    landing: Landing,
    claim: Claim,
    known: Known,
    *,
    limits: Limits,
    keeps: int,
) -> Loaded:
    """Load the file of a claimed job, let its domain do what follows, and end the job well.

    Who is killed once it is loaded leaves its job open: the next attempt does the rest only.

    Args:
        engine: of a migrated database.
        landing: where the file is.
        claim: of its job.
        known: its mapping.
        limits: of what a packed file may come to.
        keeps: bytes of refused rows, of a tenant that has no limit of its own.

    Raises:
        ContractError: the file as a whole can't be used (`WrongFileError`), or not by its domain.
        MappingError: columns that the mapping names are not there.
        RekeyedError: the mapping makes other ids than it did.
        LandedFileError: the file is gone.
        StaleAttemptError: another attempt owns the job; nothing was written.
    """
    with engine.begin() as connection:
        delivery, is_loaded = _delivery(connection, claim, known)
        if not is_loaded:
            keys.require_same(connection, delivery.tenant_id, known.mapped)
        room = quota.rejected_room(connection, delivery.tenant_id, default=keeps)
    taken = None
    if not is_loaded:
        bounds = Bounds(limits, room)
        land = partial(_land, engine, landing, claim, known, delivery, bounds=bounds)
        taken = again_after_deadlocks(land)
    settled = known.sink.settle(engine, delivery)
    with engine.begin() as connection:
        deliveries.settled(connection, delivery.upload_id, settled)
        jobs.complete(connection, claim, _result(connection, delivery))
    return Loaded(delivery, taken, settled)


def _land(
    engine: sa.Engine,
    landing: Landing,
    claim: Claim,
    known: Known,
    delivery: Delivery,
    *,
    bounds: Bounds,
) -> Taken:
    """Read a file, and make all that it comes to its domain's, in one transaction."""
    mapped = known.mapped
    with tempfile.TemporaryDirectory(prefix="intake-") as folder:
        reading = read(
            mapped, partial(landing.open, delivery.location), Path(folder),
            file_name=delivery.file_name, tenant=delivery.tenant, bounds=bounds,
        )  # fmt: skip
        with engine.begin() as connection:
            jobs.hold(connection, claim)
            keys.note(connection, delivery.tenant_id, mapped)
            taken = known.sink.land(connection, delivery, reading.records)
            reading.refusals.add(taken.rejected)
            reading.refusals.write(
                connection, upload_id=delivery.upload_id, tenant_id=delivery.tenant_id,
                file_name=delivery.file_name,
            )  # fmt: skip
            deliveries.note(connection, delivery, mapped, reading, taken)
    return taken


def _result(connection: sa.Connection, delivery: Delivery) -> dict[str, Any]:
    """What a job says of its file."""
    u, d = uploads.c, intake_deliveries.c
    query = (
        sa.select(u.lines, u.rejected, u.staged.label("used"), d.made, d.became, d.warned)
        .join(intake_deliveries, d.upload_id == u.upload_id)
        .where(u.upload_id == delivery.upload_id)
    )
    found = connection.execute(query).mappings().one()
    return {"uploadId": delivery.upload_id, **found}


def _delivery(connection: sa.Connection, claim: Claim, known: Known) -> tuple[Delivery, bool]:
    """The file of a job, and whether it is loaded."""
    c = uploads.c
    upload_id = claim.payload["upload_id"]
    found = connection.execute(
        sa.select(c.tenant_id, tenants.c.name, c.file_name, c.location, c.recorded_at, c.status)
        .join(tenants, tenants.c.tenant_id == c.tenant_id)
        .where(c.upload_id == upload_id, c.tenant_id == claim.tenant_id, c.domain == DOMAIN)
    ).one_or_none()
    if found is None:
        raise ContractError(f"upload {upload_id}: the tenant has no such file of a mapping")
    delivery = Delivery(
        tenant_id=found.tenant_id,
        tenant=found.name,
        upload_id=upload_id,
        source=known.mapped.source,
        mapping=known.mapped.name,
        settings=known.mapped.settings,
        file_name=found.file_name,
        location=found.location,
        received_at=found.recorded_at,
    )
    return delivery, found.status == "loaded"
