"""The shapes of commerce's answers and bodies, as `/openapi.json` shows them."""

from typing import Any

from pydantic import BaseModel, Field

ByteRange = tuple[int, int]


class Answer(BaseModel):
    """What every answer has."""

    status: str
    message: str


class Accepted(Answer):
    """A file is recorded."""

    upload_id: int
    job_id: int
    file_name: str
    type: str
    bytes: int
    sha256: str


class AnnouncedFile(BaseModel):
    """A file that will come."""

    file_name: str = Field(examples=["customers_2026-01.ndjson.gz"])
    size: int = Field(ge=0, description="In bytes.")
    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$")


class Announcement(BaseModel):
    """The files of a session."""

    files: list[AnnouncedFile] = Field(min_length=1, max_length=1000)


class FileState(AnnouncedFile):
    """What has come of a file."""

    type: str
    bytes_received: int
    received: list[ByteRange]
    missing: list[ByteRange]
    upload_id: int | None


class ChunkReceived(Answer, FileState):
    """A chunk is recorded."""


class Counts(BaseModel):
    """Lines; lines = blank + preamble + rejected + staged."""

    lines: int
    blank: int
    preamble: int = Field(description="A header and its like, and a row's further lines.")
    rejected: int
    staged: int
    inserted: int
    updated: int
    unchanged: int
    superseded: int
    waiting: int


class Upload(BaseModel):
    """An upload and its job."""

    upload_id: int
    job_id: int | None
    file_name: str
    type: str | None
    bytes: int | None
    sha256: str | None
    state: str = Field(description="recorded, staged, loaded or failed.")
    job_state: str | None
    error: str | None
    recorded_at: str
    loaded_at: str | None
    counts: Counts


class SessionFileState(FileState):
    """A file of a session, and the upload that it has become."""

    upload: Upload | None
    error: str | None = None


class SessionState(Answer):
    """A session."""

    token: str
    expires_at: str
    files: list[SessionFileState]


class Opened(SessionState):
    """A session that has just been made."""


class UploadState(Answer, Upload):
    """What has become of an upload."""

    tenant: str
    rejected_by_reason: dict[str, int]


class Corrected(Answer):
    """What became of corrected rows."""

    taken: int
    known: int
    refused: list[dict[str, Any]]
    upload_ids: list[int]


_BYTES = {"schema": {"type": "string", "format": "binary"}}
FILE_BODY: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "format": "binary"}},
            "required": ["file"],
        }
    },
    "application/octet-stream": _BYTES,
}
CORRECTED_BODY: dict[str, Any] = {"application/octet-stream": _BYTES}
CHUNK_BODY: dict[str, Any] = {"application/octet-stream": _BYTES}


ANNOUNCEMENT_EXAMPLES = {
    "two files": {
        "files": [
            {"file_name": "customers_2026-01.ndjson", "size": 12, "sha256": "0" * 64},
            {"file_name": "orders_2026-01.ndjson.gz", "size": 34, "sha256": "1" * 64},
        ]
    },
}


def _parameter(name: str, where: str, text: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": required,
        "description": text,
        "schema": {"type": "string"},
    }


FILE_PARAMETERS = [
    _parameter("Idempotency-Key", "header", "1 to 255 visible ASCII characters.", required=True),
    _parameter("filename", "query", "Where the body is the bare file: its name."),
    _parameter("Upload-Token", "header", "The upload session that the file belongs to."),
]
CHUNK_PARAMETERS = [
    _parameter("Content-Range", "header", "`bytes first-last/total`", required=True),
    _parameter("X-Chunk-SHA256", "header", "Of the chunk, in hexadecimal; verified."),
    _parameter("Content-Digest", "header", "The same as RFC 9530 has it: `sha-256=:…:`."),
]
