"""Chunks of a file of an upload session: which bytes have come, which are missing, the whole.

A chunk lands under a name of its own and is then recorded; who is killed in between leaves a
landed file that nobody knows and that goes with its session. Chunks never overlap, so the file is
all there when their lengths add up to its size.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingestion_pipeline.domains.commerce.contract.declaration import Range
from ingestion_pipeline.domains.commerce.contract.entities import ENTITIES
from ingestion_pipeline.domains.commerce.land import sessions
from ingestion_pipeline.domains.commerce.land.sessions import ConflictError, SessionFile
from ingestion_pipeline.domains.commerce.land.uploads import land_upload
from ingestion_pipeline.domains.commerce.tables import upload_chunks
from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.ledger import quota
from ingestion_pipeline.foundation.storage.landing import Landed

FOLDER = ".chunks"  # in the landing store, one folder a session
MOST_CHUNKS = 10_000  # of a file: 2 GiB in chunks of 210 kB
_chunks = upload_chunks


@dataclass(frozen=True)
class Received:
    """What has come of a file; ranges are (first, last) byte, both inclusive."""

    file: SessionFile
    received: list[tuple[int, int]]
    missing: list[tuple[int, int]]

    @property
    def bytes_received(self) -> int:
        """The number of bytes that have come."""
        return self.file.size - sum(last - first + 1 for first, last in self.missing)

    @property
    def ready(self) -> bool:
        """Whether all bytes are there, and have yet to become an upload."""
        return self.file.upload_id is None and not self.missing


def landing_name(file: SessionFile) -> str:
    """A new name for a chunk in the landing store."""
    return f"{FOLDER}/{file.session_id}/{file.session_file_id}-{uuid.uuid4().hex}"


def expect(
    connection: sa.Connection, tenant_id: int, token: str, *, file_name: str, range_: Range
) -> SessionFile:
    """The file that a chunk is for, so that one that cannot be taken is refused before it comes.

    Raises:
        UnknownSessionError: there is no such session, or no such file in it.
        ContractError: the range is not one of this file, or there are too many chunks.
        ConflictError: the range overlaps another one.
    """
    file = sessions.find_file(connection, tenant_id, token, file_name=file_name)
    if file.upload_id is None:
        _find_same(connection, file, range_)
    return file


def land_chunk(
    connection: sa.Connection,
    tenant_id: int,
    token: str,
    *,
    file_name: str,
    range_: Range,
    landed: Landed,
    keeps: int,
) -> tuple[Received, bool]:
    """Record a landed chunk; `keeps` is the room of a tenant that has no limit of its own.

    Returns:
        what has come of the file, and whether the chunk was new: one that was not may be removed.

    Raises:
        UnknownSessionError, ContractError, ConflictError: as `expect`; also a range that has come
            already with other bytes is a conflict.
        QuotaError: the tenant has no room for it.
    """
    quota.take(connection, tenant_id, range_.size, default=keeps)
    file = sessions.find_file(connection, tenant_id, token, file_name=file_name, lock=True)
    if file.upload_id is not None:
        return received(connection, file), False
    same = _find_same(connection, file, range_)
    if same is not None and same != landed.sha256:
        raise ConflictError(f"bytes {range_.first}-{range_.last} have come already, different ones")
    if same is None:
        connection.execute(
            sa.insert(_chunks).values(
                session_file_id=file.session_file_id, first_byte=range_.first,
                last_byte=range_.last, sha256=landed.sha256, location=landed.location,
            )
        )  # fmt: skip
    return received(connection, file), same is None


def received(connection: sa.Connection, file: SessionFile) -> Received:
    """What has come of a file."""
    return received_all(connection, [file])[0]


def received_all(connection: sa.Connection, files: Sequence[SessionFile]) -> list[Received]:
    """What has come of each of the files."""
    statement = (
        sa.select(_chunks.c.session_file_id, _chunks.c.first_byte, _chunks.c.last_byte)
        .where(_chunks.c.session_file_id.in_([file.session_file_id for file in files]))
        .order_by(_chunks.c.session_file_id, _chunks.c.first_byte)
    )
    ranges: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for session_file_id, first, last in connection.execute(statement):
        ranges[session_file_id].append((first, last))
    return [_received(file, ranges[file.session_file_id]) for file in files]


def _received(file: SessionFile, chunks: Sequence[tuple[int, int]]) -> Received:
    """Join ranges that touch, and find the gaps between the others."""
    if file.upload_id is not None:
        return Received(file, [(0, file.size - 1)] if file.size else [], [])
    ranges: list[tuple[int, int]] = []
    missing: list[tuple[int, int]] = []
    position = 0
    for first, last in chunks:
        if first > position:
            missing.append((position, first - 1))
        if ranges and first == position:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
        position = last + 1
    if position < file.size:
        missing.append((position, file.size - 1))
    return Received(file, ranges, missing)


def locations(connection: sa.Connection, file: SessionFile) -> list[str]:
    """Where a file's chunks are, in the order of the file."""
    statement = (
        sa.select(_chunks.c.location)
        .where(_chunks.c.session_file_id == file.session_file_id)
        .order_by(_chunks.c.first_byte)
    )
    return list(connection.scalars(statement))


def drop(
    connection: sa.Connection, tenant_id: int, token: str, *, file_name: str, which: list[str]
) -> int | None:
    """Forget chunks that do not make the announced file, so that they can be sent anew.

    Returns:
        the upload that the file has become meanwhile, else None.
    """
    file = sessions.find_file(connection, tenant_id, token, file_name=file_name, lock=True)
    connection.execute(
        sa.delete(_chunks).where(
            _chunks.c.session_file_id == file.session_file_id, _chunks.c.location.in_(which)
        )
    )
    return file.upload_id


def complete(
    connection: sa.Connection,
    tenant_id: int,
    token: str,
    *,
    file_name: str,
    landed: Landed,
    max_attempts: int,
) -> tuple[int, bool]:
    """Record the joined file as an upload, once.

    Returns:
        the upload's id, and whether it is new: where it is not, `landed` may be removed.
    """
    file = sessions.find_file(connection, tenant_id, token, file_name=file_name, lock=True)
    if file.upload_id is not None:
        return file.upload_id, False
    upload_id = land_upload(
        connection, tenant_id=tenant_id, entity=ENTITIES[file.type], file_name=file.file_name,
        source="http", location=landed.location, size=landed.size, sha256=landed.sha256,
        max_attempts=max_attempts,
    )  # fmt: skip
    assert upload_id is not None, "only a source key can be taken"  # noqa: S101
    sessions.set_upload(connection, file, upload_id)
    connection.execute(sa.delete(_chunks).where(_chunks.c.session_file_id == file.session_file_id))
    return upload_id, True


def _find_same(connection: sa.Connection, file: SessionFile, range_: Range) -> str | None:
    """The hash of the chunk that has come of exactly this range."""
    if range_.total != file.size:
        message = f"the file was announced with {file.size} bytes, not {range_.total}"
        raise ContractError(f"Content-Range: {message}", [FieldError("Content-Range", message)])
    mine = _chunks.c.session_file_id == file.session_file_id
    overlapping = connection.execute(
        sa.select(_chunks.c.first_byte, _chunks.c.last_byte, _chunks.c.sha256)
        .where(mine, _chunks.c.first_byte <= range_.last, _chunks.c.last_byte >= range_.first)
        .limit(1)
    ).one_or_none()
    if overlapping is None:
        number = sa.select(sa.func.count()).select_from(_chunks).where(mine)
        if (connection.scalar(number) or 0) >= MOST_CHUNKS:
            message = f"a file may come in at most {MOST_CHUNKS} chunks: send larger ones"
            raise ContractError(message, [FieldError("Content-Range", message)])
        return None
    first, last, sha256 = overlapping
    if (first, last) != (range_.first, range_.last):
        raise ConflictError(
            f"bytes {range_.first}-{range_.last} overlap bytes {first}-{last}, which have come"
        )
    return str(sha256)
