"""The shapes of this wing's answers and bodies, as `/openapi.json` shows them."""

from typing import Any

from pydantic import BaseModel, Field


class Answer(BaseModel):
    """What every answer has."""

    status: str
    message: str


class Ordered(Answer):
    """An import is recorded."""

    jobId: int  # noqa: N815
    platform: str


class Pinged(Answer):
    """A Ping is recorded."""

    jobId: int | None = None  # noqa: N815


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

    priority: int
    scheduledFor: str  # noqa: N815
    createdAt: str  # noqa: N815
    updatedAt: str  # noqa: N815
    result: dict[str, Any] | None
    error: str | None
    attempts: list[Attempt]


class Ticked(Answer):
    """What a tick has done."""

    processed: int
    jobs: list[dict[str, Any]]


class PlatformImport(BaseModel):
    """An import; of Gumroad's API, or of a report that was uploaded."""

    payload: dict[str, Any] = Field(
        description="Gumroad: access_token, after, before (YYYY-MM-DD); others: upload_id, and "
        "decimal (. or ,) and dates (dmy or mdy) where the report leaves them open."
    )
    priority: int = Field(0, ge=-100, le=100, description="The higher, the earlier.")
    scheduled_for: str | None = Field(None, description="ISO 8601; not before.")


class ManualImport(PlatformImport):
    """An import of a platform."""

    platform: str = Field(examples=["gumroad"])


IMPORT_EXAMPLES = {
    "Gumroad": {"payload": {"access_token": "…token…", "after": "2026-01-01"}, "priority": 5},
}
MANUAL_EXAMPLES = {
    name: {"platform": "gumroad", **example} for name, example in IMPORT_EXAMPLES.items()
}
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
    }
}
FORM_BODY: dict[str, Any] = {
    "application/x-www-form-urlencoded": _PING,
    "application/json": _PING,
}
