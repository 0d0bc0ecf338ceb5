"""A recorded file → its domain, in one transaction.

Killed at any line, either all of it is there or nothing; the job is done in the same transaction.
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
from ingestion_pipeline.foundation.ledger.tables.tenants import tenants
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.loading import deliveries, keys
from ingestion_pipeline.foundation.loading.known import DOMAIN, Known
from ingestion_pipeline.foundation.loading.reading import Bounds, Reading, read
from ingestion_pipeline.foundation.storage.file_kinds import Limits
from ingestion_pipeline.foundation.storage.landing import Landing


@dataclass(frozen=True)
class Loaded:
    """A file that was loaded.

    Attributes:
        taken: what became of its records when they landed.
    """

    delivery: Delivery
    reading: Reading
    taken: Taken

    def result(self) -> dict[str, Any]:
        """What its job says of it."""
        counts = self.reading.counts
        return {
            "uploadId": self.delivery.upload_id,
            "lines": counts.lines,
            **deliveries.uploaded(counts, len({each.line for each in self.taken.rejected})),
            "made": {each.emit.label: each.number for each in self.reading.records},
            "became": self.taken.by_target,
            "warned": self.reading.warned + len(self.reading.of_file),
        }


def load_upload(
    engine: sa.Engine,
    landing: Landing,
    claim: Claim,
    known: Known,
    *,
    limits: Limits,
    keeps: int,
) -> Loaded:
    """Load the file of a claimed job, and end the job well.

    What follows in the domain (`Sink.settle`) is the caller's.

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
    mapped = known.mapped
    with engine.begin() as connection:
        delivery = _delivery(connection, claim, known)
        keys.require_same(connection, delivery.tenant_id, mapped)
        room = quota.rejected_room(connection, delivery.tenant_id, default=keeps)
    with tempfile.TemporaryDirectory(prefix="intake-") as folder:
        reading = read(
            mapped, partial(landing.open, delivery.location), Path(folder),
            file_name=delivery.file_name, tenant=delivery.tenant, bounds=Bounds(limits, room),
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
            loaded = Loaded(delivery, reading, taken)
            jobs.complete(connection, claim, loaded.result())
    return loaded


def _delivery(connection: sa.Connection, claim: Claim, known: Known) -> Delivery:
    c = uploads.c
    upload_id = claim.payload["upload_id"]
    found = connection.execute(
        sa.select(c.tenant_id, tenants.c.name, c.file_name, c.location, c.recorded_at)
        .join(tenants, tenants.c.tenant_id == c.tenant_id)
        .where(c.upload_id == upload_id, c.tenant_id == claim.tenant_id, c.domain == DOMAIN)
    ).one_or_none()
    if found is None:
        raise ContractError(f"upload {upload_id}: the tenant has no such file of a mapping")
    return Delivery(
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
