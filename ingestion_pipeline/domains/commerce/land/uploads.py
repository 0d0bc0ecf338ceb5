"""A landed file becomes an upload with its job, in one transaction."""

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN, Entity
from ingestion_pipeline.foundation.ledger import jobs, uploads


def job_kind(entity: Entity) -> str:
    """The kind of the jobs that load files of an entity."""
    return f"{DOMAIN}.load.{entity.name}"


def land_upload(
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
