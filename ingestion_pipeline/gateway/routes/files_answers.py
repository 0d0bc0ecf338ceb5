"""The shapes of answers about files of mappings, as `/openapi.json` shows them."""

from typing import Any

from pydantic import BaseModel, Field


class _Answer(BaseModel):
    status: str
    message: str


class MappedFile(_Answer):
    """A file is recorded; `status` is accepted, or duplicate."""

    upload_id: int
    job_id: int
    file_name: str
    mapping: str = Field(description="`SOURCE/MAPPING`.")
    bytes: int
    sha256: str


class MappedCounts(BaseModel):
    """Lines; lines = blank + preamble + footer + all of `passed_over` + rejected + used."""

    lines: int
    blank: int
    preamble: int
    footer: int
    rejected: int
    used: int


class Sum(BaseModel):
    """A sum of amounts."""

    of: list[str] = Field(description="The label, and what is summed by: the currency, …")
    amount: str


class WhyRefused(BaseModel):
    """Why a row was refused."""

    field: str = Field(description="Of the record that the mapping makes.")
    columns: list[str] = Field(description="Of the file, as its header has them.")
    rule: str
    value: str = Field(description="Where it is a number or a date; else empty.")


class RefusedRow(BaseModel):
    """A row that was refused."""

    line: int
    reasons: list[WhyRefused]


class MappedFileState(_Answer):
    """What has become of a file; what reading it came to is null until it is loaded."""

    tenant: str
    upload_id: int
    job_id: int | None
    file_name: str
    mapping: str
    bytes: int | None
    sha256: str | None
    state: str = Field(description="recorded, loaded or failed.")
    job_state: str | None
    error: str | None
    recorded_at: str
    loaded_at: str | None
    counts: MappedCounts
    passed_over: dict[str, int]
    rejected_by_reason: dict[str, int]
    first_rejected: list[RefusedRow] = Field(description="The first 20 rows that were refused.")
    made: dict[str, int] | None = Field(description="Records by the mapping's label.")
    became: dict[str, dict[str, int]] | None = Field(
        description="Records by type and by what became of them when the file was loaded: "
        "inserted, updated, unchanged, superseded, waiting, rejected, …"
    )
    refused: int | None
    not_read: list[str] | None
    new_columns: list[str] | None
    sums: list[Sum] | None
    file_says: dict[str, str] | None
    warned: int | None
    warnings: list[dict[str, Any]] | None
    mapping_sha256: str | None


_BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
FILE_BODY: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {"type": "object", "properties": {"file": _BYTES}, "required": ["file"]}
    },
    "application/octet-stream": {"schema": _BYTES},
}
FILE_PARAMETERS: list[dict[str, Any]] = [
    {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"},
     "description": "1 to 255 visible ASCII characters: the same request again is done once."},
    {"name": "filename", "in": "query", "required": False, "schema": {"type": "string"},
     "description": "Where the body is the bare file: its name."},
    {"name": "storagePath", "in": "query", "required": False, "schema": {"type": "string"},
     "description": "Where there is no body: a file in the tenant's own part of the store."},
]  # fmt: skip
