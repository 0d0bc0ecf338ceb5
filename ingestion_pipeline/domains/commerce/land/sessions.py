"""Upload sessions: files that are announced, then sent in chunks, and resumed after a break.

    announced ──chunks──▶ all bytes there ──joined and verified──▶ an upload like any other
                   ▲              │
                   └─wrong hash───┘

Chunks are in `chunks.py`. A session is its tenant's: to everybody else it does not exist. One that
has expired exists for nobody; `sweep.py` takes it away.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline.domains.commerce.tables import upload_session_files, upload_sessions
from ingestion_pipeline.foundation.errors import ContractError, FieldError, PermanentError
from ingestion_pipeline.foundation.ledger import uploads

_files = upload_session_files


class UnknownSessionError(PermanentError):
    """The caller has no session of that token, or it has expired, or has no such file."""


class ConflictError(PermanentError):
    """What was sent contradicts what is there."""


@dataclass(frozen=True)
class Session:
    """A session that has not expired."""

    session_id: int
    token: str
    expires_at: datetime


@dataclass(frozen=True)
class SessionFile:
    """A file of a session; `upload_id` once it has become an upload."""

    session_file_id: int
    session_id: int
    file_name: str
    type: str
    size: int
    sha256: str
    upload_id: int | None


def open_session(
    connection: sa.Connection,
    *,
    tenant_id: int,
    files: Sequence[DeclaredFile],
    lifetime: timedelta,
) -> Session:
    """Make a session for the announced files."""
    statement = (
        sa.insert(upload_sessions)
        .values(
            token=secrets.token_urlsafe(24),
            tenant_id=tenant_id,
            expires_at=sa.func.now() + lifetime,
        )
        .returning(*_session_columns())
    )
    session = Session(*connection.execute(statement).one())
    rows = [_row(session.session_id, file) for file in files]
    connection.execute(sa.insert(_files), rows)
    return session


def find(connection: sa.Connection, tenant_id: int, token: str) -> Session:
    """The tenant's session of that token.

    Raises:
        UnknownSessionError: there is none, or it has expired.
    """
    statement = sa.select(*_session_columns()).where(
        upload_sessions.c.token == token.replace("\x00", ""),  # which no text column takes
        upload_sessions.c.tenant_id == tenant_id,
        upload_sessions.c.expires_at > sa.func.now(),
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise UnknownSessionError("there is no such upload session")
    return Session(*row)


def files_of(connection: sa.Connection, session: Session) -> list[SessionFile]:
    """The files of a session in the order in which they were announced."""
    statement = (
        sa.select(*_file_columns())
        .where(_files.c.session_id == session.session_id)
        .order_by(_files.c.session_file_id)
    )
    return [SessionFile(*row) for row in connection.execute(statement)]


def find_file(
    connection: sa.Connection, tenant_id: int, token: str, *, file_name: str, lock: bool = False
) -> SessionFile:
    """A file of the tenant's session.

    Args:
        connection: with an open transaction.
        tenant_id: whose session it must be.
        token: of the session.
        file_name: as it was announced.
        lock: the file until the end of the transaction.

    Raises:
        UnknownSessionError: there is no such session, or no such file in it.
    """
    session = find(connection, tenant_id, token)
    found = _named(connection, session, file_name, lock=lock)
    if found is None:
        raise UnknownSessionError(f"the upload session has no file {file_name!r}")
    return found


def attach(
    connection: sa.Connection, session: Session, *, file: DeclaredFile, upload_id: int
) -> None:
    """Let an upload that came as a whole be a file of the session, announced or not.

    Raises:
        ContractError: another content was announced under that name.
        ConflictError: a file of that name is an upload already.
    """
    announced = _named(connection, session, file.file_name, lock=True)
    if announced is None:
        row = _row(session.session_id, file) | {"upload_id": upload_id}
        connection.execute(sa.insert(_files).values(row))
        uploads.update(connection, upload_id, session_id=session.session_id)
        return
    if announced.upload_id is not None:
        raise ConflictError(f"{file.file_name} has been received in this session already")
    if (announced.size, announced.sha256) != (file.size, file.sha256):
        message = "is not the content that the session announced"
        raise ContractError(f"{file.file_name} {message}", [FieldError("file", message)])
    set_upload(connection, announced, upload_id)


def set_upload(connection: sa.Connection, file: SessionFile, upload_id: int) -> None:
    """Say which upload a file has become, and of which session that is."""
    connection.execute(
        sa.update(_files)
        .where(_files.c.session_file_id == file.session_file_id)
        .values(upload_id=upload_id)
    )
    uploads.update(connection, upload_id, session_id=file.session_id)


def delete_expired(connection: sa.Connection) -> int:
    """Forget expired sessions with their files and chunks; returns how many."""
    expired = sa.delete(upload_sessions).where(upload_sessions.c.expires_at <= sa.func.now())
    return connection.execute(expired).rowcount


def known(connection: sa.Connection, session_ids: Sequence[int]) -> set[int]:
    """Which of these sessions there are."""
    statement = sa.select(upload_sessions.c.session_id).where(
        upload_sessions.c.session_id.in_(session_ids)
    )
    return set(connection.scalars(statement))


def _named(
    connection: sa.Connection, session: Session, file_name: str, *, lock: bool
) -> SessionFile | None:
    statement = sa.select(*_file_columns()).where(
        _files.c.session_id == session.session_id,
        _files.c.file_name == file_name.replace("\x00", ""),
    )
    if lock:
        statement = statement.with_for_update()
    row = connection.execute(statement).one_or_none()
    return None if row is None else SessionFile(*row)


def _row(session_id: int, file: DeclaredFile) -> dict[str, Any]:
    return {
        "session_id": session_id, "file_name": file.file_name, "type": file.type,
        "bytes": file.size, "sha256": file.sha256,
    }  # fmt: skip


def _session_columns() -> list[sa.Column[Any]]:
    return [upload_sessions.c.session_id, upload_sessions.c.token, upload_sessions.c.expires_at]


def _file_columns() -> list[sa.Column[Any]]:
    names = ("session_file_id", "session_id", "file_name", "type", "bytes", "sha256", "upload_id")
    return [_files.c[name] for name in names]
