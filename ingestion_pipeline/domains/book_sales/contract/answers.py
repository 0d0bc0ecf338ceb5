"""The shapes of this wing's answers and bodies, as `/openapi.json` shows them."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Answer(BaseModel):
    """What every answer has."""

    status: str
    message: str


class Ordered(Answer):
    """An import is recorded."""

    jobId: UUID  # noqa: N815
    platform: str


class Pinged(Answer):
    """A Ping is recorded."""

    jobId: UUID | None = None  # noqa: N815


class Attempt(BaseModel):
    """One attempt at an import."""

    attempt: int
    startedAt: str  # noqa: N815
    finishedAt: str | None  # noqa: N815
    outcome: str | None
    error: str | None
    runId: str | None  # noqa: N815


class ImportState(Ordered):
    """An import; `status` is its state."""

    status: Literal["pending", "processing", "completed", "failed", "retrying"]
    id: UUID
    executedAt: str | None  # noqa: N815
    errorMessage: str | None  # noqa: N815
    priority: int
    scheduledFor: str  # noqa: N815
    createdAt: str  # noqa: N815
    updatedAt: str  # noqa: N815
    result: dict[str, Any] | None
    error: str | None
    attempts: list[Attempt]


class Ticked(Answer):
    """What a tick has done."""

    jobsProcessed: int  # noqa: N815
    processed: int
    completed: int
    jobs: list[dict[str, Any]]


class Payload(BaseModel):
    """Where an import comes from; empty: its job fails, and says what is missing."""

    access_token: str | None = Field(None, description="Gumroad's; stored encrypted.")
    accessToken: str | None = Field(None, description="The same.")  # noqa: N815
    after: str | None = Field(None, description="Gumroad: YYYY-MM-DD.")
    before: str | None = Field(None, description="Gumroad: YYYY-MM-DD.")
    upload_id: int | None = Field(None, description="A report that was uploaded before.")
    decimal: str | None = Field(None, description="`.` or `,`, where the report leaves it open.")
    dates: str | None = Field(None, description="`dmy` or `mdy`, where the report leaves it open.")
    uploadId: int | None = Field(None, description="The same.")  # noqa: N815
    storagePath: str | None = Field(  # noqa: N815
        None, description="A report in your own part of the landing store: a relative path."
    )
    storage_path: str | None = Field(None, description="The same.")


class _When(BaseModel):
    priority: int = Field(0, ge=-100, le=100, description="The higher, the earlier.")
    scheduled_for: str | None = Field(None, description="ISO 8601; not before.")
    scheduledFor: str | None = Field(None, description="The same.")  # noqa: N815


class PlatformImport(Payload, _When):
    """An import; the members of `payload` may also stand beside it, where there is none."""

    payload: Payload | None = None


class ManualImport(Payload, _When):
    """An import of a platform; the members of `payload` may also stand beside it, where there is
    none.
    """

    platform: str = Field(examples=["amazon_kdp"], description="`kdp` is `amazon_kdp`, too.")
    payload: Payload | None = None


IMPORT_EXAMPLES: dict[str, Any] = {
    "Gumroad": {"payload": {"access_token": "…token…", "after": "2026-01-01"}, "priority": 5},
    "the token alone": {"accessToken": "…token…"},
}
MANUAL_EXAMPLES: dict[str, Any] = {
    "Gumroad": {"platform": "gumroad", **IMPORT_EXAMPLES["Gumroad"]},
    "a stored report": {
        "platform": "amazon_kdp", "payload": {"storagePath": "uploads/kdp-report.csv"},
    },
}  # fmt: skip
KEY_PARAMETERS = [
    {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "1 to 255 visible ASCII characters; the same order twice is one.",
        "schema": {"type": "string"},
    },
]
FILE_PARAMETERS = [
    {
        "name": "filename",
        "in": "query",
        "required": False,
        "description": "Where the body is the bare file: its name.",
        "schema": {"type": "string"},
    },
    {
        "name": "decimal",
        "in": "query",
        "required": False,
        "description": "The decimal sign of the report's numbers, where they leave it open.",
        "schema": {"type": "string", "enum": [".", ","]},
    },
    {
        "name": "dates",
        "in": "query",
        "required": False,
        "description": "The order of day and month in its dates, where they leave it open.",
        "schema": {"type": "string", "enum": ["dmy", "mdy"]},
    },
]
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
_PING = {
    "schema": {
        "type": "object",
        "properties": {"sale_id": {"type": "string"}, "price": {"type": "string"}},
    },
    "examples": {
        "sale": {"value": {"resource_name": "sale", "sale_id": "G_-mnBf9", "price": "1000"}},
    },
}
FORM_BODY: dict[str, Any] = {
    "application/x-www-form-urlencoded": _PING,
    "application/json": _PING,
}
