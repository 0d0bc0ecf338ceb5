"""A landed file becomes an upload with its job, in one transaction."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.foundation.errors import ContractError
from ingestion_pipeline.foundation.ledger import jobs, uploads
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads as uploads_table
from ingestion_pipeline.foundation.loading.known import DOMAIN, kind_of
from ingestion_pipeline.foundation.storage.landing import Landed


@dataclass(frozen=True)
class Recorded:
    """A recorded file.

    Attributes:
        is_new: whether it is loaded, or loaded again, because of this; else it was known.
        keeps: whether the landed file is the upload's; else it may go.
    """

    upload_id: int
    job_id: int
    is_new: bool = True
    keeps: bool = True


def record(
    connection: sa.Connection,
    *,
    tenant_id: int,
    mapping: str,
    file_name: str,
    landed: Landed,
    source: str,
    attempts: int,
    source_key: str | None = None,
) -> Recorded:
    """Record a landed file and the job that loads it.

    What a tenant sends twice under one name is one file, unless another of that name came between:
    then it says that things are again as they were. One that could not be loaded is taken up again:
    its mapping may have been mended.

    Args:
        connection: in a transaction.
        tenant_id: whose it is.
        mapping: `source/mapping`.
        file_name: as it came.
        landed: the file.
        source: how it came: `http`, `drop`, `storage`, `api`, `cli`.
        attempts: of the job.
        source_key: what it is not taken twice by; None: its bytes, after the same file before it.
    """
    latest = _latest(connection, tenant_id, mapping, file_name)
    if latest is not None and latest.sha256 == landed.sha256:
        return _known(connection, latest.upload_id, landed, attempts)
    # Who sends the same at the same time sees the same file before it.
    before = 0 if latest is None else latest.upload_id
    source_key = source_key or f"{DOMAIN}:{mapping}:{landed.sha256}:{before}"
    upload_id = uploads.record(
        connection, tenant_id=tenant_id, domain=DOMAIN, type_=mapping, file_name=file_name,
        source=source, source_key=source_key, location=landed.location, size=landed.size,
        sha256=landed.sha256,
    )  # fmt: skip
    if upload_id is None:
        there = recorded_as(connection, tenant_id=tenant_id, source_key=source_key)
        assert there is not None, "uploads are not removed"  # noqa: S101
        return _known(connection, there.upload_id, landed, attempts)
    return Recorded(upload_id, _enqueue(connection, tenant_id, mapping, upload_id, attempts))


def recorded_as(connection: sa.Connection, *, tenant_id: int, source_key: str) -> Recorded | None:
    """What a file is recorded as; None: it is not."""
    c = uploads_table.c
    mine = c.tenant_id == tenant_id, c.source_key == source_key
    found = connection.execute(sa.select(c.upload_id, c.job_id).where(*mine)).one_or_none()
    if found is None:
        return None
    return Recorded(found.upload_id, found.job_id, is_new=False, keeps=False)


def record_again(connection: sa.Connection, upload_id: int, *, attempts: int) -> Recorded:
    """Record that a loaded file is to be read once more, by what its mapping says today.

    It is an upload of its own, the latest: what it says now wins over all files before it.

    Raises:
        ContractError: there is no such file of a mapping, or it is gone.
    """
    c = uploads_table.c
    query = sa.select(uploads_table).where(c.upload_id == upload_id, c.domain == DOMAIN)
    found = connection.execute(query).one_or_none()
    if found is None:
        raise ContractError(f"upload {upload_id}: there is no such file of a mapping")
    if found.removed_at is not None:
        raise ContractError(f"upload {upload_id}: its file is gone: retention removed it")
    again = uploads.record(
        connection, tenant_id=found.tenant_id, domain=DOMAIN, type_=found.type,
        file_name=found.file_name, source="replay", location=found.location, size=found.bytes,
        sha256=found.sha256,
    )  # fmt: skip
    assert again is not None, "only a source key can be taken"  # noqa: S101
    job_id = _enqueue(connection, found.tenant_id, found.type, again, attempts, replay_of=upload_id)
    return Recorded(again, job_id)


def _enqueue(
    connection: sa.Connection,
    tenant_id: int,
    mapping: str,
    upload_id: int,
    attempts: int,
    **more: Any,
) -> int:
    job_id = jobs.enqueue(
        connection, kind=kind_of(mapping), tenant_id=tenant_id, max_attempts=attempts,
        payload={"upload_id": upload_id, "platform": mapping, **more},
    )  # fmt: skip
    uploads.update(connection, upload_id, job_id=job_id)
    return job_id


def _latest(
    connection: sa.Connection, tenant_id: int, mapping: str, file_name: str
) -> sa.Row[Any] | None:
    c = uploads_table.c
    query = (
        sa.select(c.upload_id, c.sha256)
        .where(
            c.tenant_id == tenant_id, c.domain == DOMAIN, c.type == mapping,
            c.file_name == file_name,
        )
        .order_by(c.upload_id.desc())
        .limit(1)
    )  # fmt: skip
    return connection.execute(query).one_or_none()


def _known(connection: sa.Connection, upload_id: int, landed: Landed, attempts: int) -> Recorded:
    query = sa.select(uploads_table).where(uploads_table.c.upload_id == upload_id)
    found = connection.execute(query.with_for_update()).one()
    if found.status != "failed" or not jobs.requeue(connection, found.job_id, attempts=attempts):
        return Recorded(found.upload_id, found.job_id, is_new=False, keeps=False)
    gone = found.removed_at is not None
    there = {"location": landed.location, "removed_at": None} if gone else {}
    uploads.update(connection, found.upload_id, status="recorded", error=None, **there)
    return Recorded(found.upload_id, found.job_id, keeps=gone)
