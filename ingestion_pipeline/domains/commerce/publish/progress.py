"""What has become of uploads and sessions, as the gateway tells their sender."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.entities import DOMAIN
from ingestion_pipeline.domains.commerce.land import sessions
from ingestion_pipeline.domains.commerce.land.chunks import Received, received_all
from ingestion_pipeline.foundation.ledger.tables.jobs import jobs
from ingestion_pipeline.foundation.ledger.tables.uploads import uploads
from ingestion_pipeline.foundation.ledger.uploads import COUNTS, Counts, rejected_by_reason


@dataclass(frozen=True)
class UploadProgress:
    """An upload and its job.

    Attributes:
        state: recorded, staged, loaded or failed.
        job_state: pending, processing, completed, retrying, failed or dead.
    """

    upload_id: int
    job_id: int | None
    file_name: str
    type: str | None
    size: int | None
    sha256: str | None
    state: str
    job_state: str | None
    error: str | None
    recorded_at: datetime
    loaded_at: datetime | None
    counts: Counts

    def as_dict(self) -> dict[str, Any]:
        """The upload in an answer."""
        return {
            "upload_id": self.upload_id,
            "job_id": self.job_id,
            "file_name": self.file_name,
            "type": self.type,
            "bytes": self.size,
            "sha256": self.sha256,
            "state": self.state,
            "job_state": self.job_state,
            "error": self.error,
            "recorded_at": self.recorded_at.isoformat(),
            "loaded_at": self.loaded_at.isoformat() if self.loaded_at else None,
            "counts": asdict(self.counts),
        }


def progress_of(
    connection: sa.Connection, tenant_id: int, upload_ids: Iterable[int]
) -> dict[int, UploadProgress]:
    """Uploads of the tenant by id; what is not there, or not the tenant's, is left out."""
    plain = ("upload_id", "job_id", "file_name", "type", "sha256", "recorded_at", "loaded_at")
    statement = (
        sa.select(
            *(uploads.c[name] for name in (*plain, *COUNTS)),
            uploads.c.bytes.label("size"),
            uploads.c.status.label("state"),
            jobs.c.status.label("job_state"),
            sa.func.coalesce(uploads.c.error, jobs.c.error).label("error"),
        )
        .select_from(uploads.outerjoin(jobs, jobs.c.job_id == uploads.c.job_id))
        .where(
            uploads.c.upload_id.in_(list(upload_ids)),
            uploads.c.tenant_id == tenant_id,
            uploads.c.domain == DOMAIN,
        )
    )
    found: dict[int, UploadProgress] = {}
    for row in connection.execute(statement).mappings():
        values = dict(row)
        counts = Counts(**{name: values.pop(name) for name in COUNTS})
        found[row["upload_id"]] = UploadProgress(counts=counts, **values)
    return found


def upload_document(
    connection: sa.Connection, tenant_id: int, upload_id: int
) -> dict[str, Any] | None:
    """An upload with the reasons of its rejected lines; None where the tenant has none such."""
    found = progress_of(connection, tenant_id, [upload_id]).get(upload_id)
    if found is None:
        return None
    return found.as_dict() | {"rejected_by_reason": rejected_by_reason(connection, [upload_id])}


def session_document(connection: sa.Connection, tenant_id: int, token: str) -> dict[str, Any]:
    """A session: its files, what has come of each, what is missing, and what became of it.

    Raises:
        UnknownSessionError: the tenant has no such session, or it has expired.
    """
    session = sessions.find(connection, tenant_id, token)
    states = received_all(connection, sessions.files_of(connection, session))
    ids = [state.file.upload_id for state in states if state.file.upload_id is not None]
    uploaded = progress_of(connection, tenant_id, ids)
    return {
        "token": session.token,
        "expires_at": session.expires_at.isoformat(),
        "files": [
            file_document(state) | {"upload": _upload_of(state, uploaded)} for state in states
        ],
    }


def file_document(state: Received) -> dict[str, Any]:
    """A file of a session; ranges are [first, last] byte, both inclusive."""
    return {
        "file_name": state.file.file_name,
        "type": state.file.type,
        "size": state.file.size,
        "sha256": state.file.sha256,
        "bytes_received": state.bytes_received,
        "received": state.received,
        "missing": state.missing,
        "upload_id": state.file.upload_id,
    }


def _upload_of(state: Received, uploaded: dict[int, UploadProgress]) -> dict[str, Any] | None:
    upload_id = state.file.upload_id
    return None if upload_id is None else uploaded[upload_id].as_dict()
