"""The shapes of KPI bodies and answers, as `/openapi.json` shows them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

_ID = "^[A-Za-z0-9._-]{1,128}$"
_TRACE = "^[A-Za-z0-9._-]{1,200}$"


class Answer(BaseModel):
    """What every answer has."""

    status: str
    message: str


class Chart(BaseModel):
    """A picture of the KPI that the workflow made."""

    model_config = ConfigDict(extra="allow")

    url: str | None = None
    type: str | None = None
    timeRange: str | None = None  # noqa: N815


class KPIDataUpdate(BaseModel):
    """One reading, or with `kpiIds` and no `kpiId` several of one instant."""

    traceId: str = Field(pattern=_TRACE)  # noqa: N815
    kpiId: str | None = Field(None, pattern=_ID)  # noqa: N815
    kpiIds: list[str] | None = Field(None, min_length=1, max_length=5000)  # noqa: N815
    timestamp: str = Field(description="ISO 8601 with a time; without a zone it is UTC.")
    kpiType: str = Field(max_length=200)  # noqa: N815
    data: dict[str, Any] = Field(description="`value`, or one entry; with `kpiIds` by KPI id.")
    metadata: dict[str, Any] | None = None
    chart: Chart | None = None
    correct: bool | None = Field(None, description="Replace the value that the instant has.")


class Recorded(Answer):
    """What became of an update."""

    status: Literal["success", "duplicate"]
    traceId: str  # noqa: N815
    kpiId: str  # noqa: N815
    conflict: bool | None = Field(None, description="The instant has another value; it is kept.")
    corrected: bool | None = Field(None, description="It had `previousValue`, and has this now.")
    previousValue: float | None = None  # noqa: N815


class Result(BaseModel):
    """What became of one KPI of several."""

    kpiId: str  # noqa: N815
    status: Literal["success", "duplicate", "missing", "error"]
    message: str
    conflict: bool | None = None
    corrected: bool | None = None
    previousValue: float | None = None  # noqa: N815


class RecordedSeveral(Answer):
    """What became of several KPIs, in the order of `kpiIds`."""

    status: Literal["success", "partial"]
    traceId: str  # noqa: N815
    results: list[Result]
    unnamed: list[str] | None = Field(
        None, description="What `data` holds besides, and `kpiIds` does not name: not recorded."
    )


class ResultOfReading(BaseModel):
    """What became of one reading of an array or of NDJSON; with `kpiIds` it has `results`."""

    index: int | None = Field(None, description="In the array, from 0.")
    line: int | None = Field(None, description="Of the NDJSON, from 1.")
    status: Literal["success", "partial", "duplicate", "error"]
    message: str
    traceId: str | None = None  # noqa: N815
    kpiId: str | None = None  # noqa: N815
    conflict: bool | None = None
    corrected: bool | None = None
    previousValue: float | None = None  # noqa: N815
    results: list[Result] | None = None
    unnamed: list[str] | None = None
    errors: list[dict[str, str]] | None = None


class RecordedMany(Answer):
    """What became of the readings of an array or of NDJSON, in their order."""

    status: Literal["success", "partial"]
    counts: dict[str, int] = Field(
        description="new, corrected, duplicates (conflicts are among them), refused"
    )
    results: list[ResultOfReading]


class RecordedOneOrSeveral(RootModel[Recorded | RecordedSeveral | RecordedMany]):
    """`results` where the body had `kpiIds` in place of `kpiId`, or was an array or NDJSON."""


class PointReplacement(BaseModel):
    """The right value of a point, by itself or within `data`."""

    value: float | str | None = None
    data: dict[str, Any] | None = None
    traceId: str | None = Field(None, pattern=_TRACE, description="Who corrects.")  # noqa: N815
    metadata: dict[str, Any] | None = None


class KPIErrorUpdate(BaseModel):
    """What went wrong in a workflow; every other key is kept. n8n's own payload is taken too."""

    model_config = ConfigDict(extra="allow")

    traceId: str | None = Field(None, pattern=_TRACE)  # noqa: N815
    error: str | dict[str, Any] | list[Any] | None = None
    kpiId: str | None = Field(None, pattern=_ID)  # noqa: N815
    kpiIds: list[str] | None = None  # noqa: N815
    retryCount: int | None = Field(None, ge=0)  # noqa: N815
    timestamp: str | None = None
    component: str | None = None
    workflowId: str | None = None  # noqa: N815
    executionId: str | None = None  # noqa: N815


class Reported(Answer):
    """The report is recorded."""

    traceId: str  # noqa: N815


class JobAnnouncement(BaseModel):
    """A job that is about to bring KPIs."""

    traceId: str = Field(pattern=_TRACE)  # noqa: N815
    kpiIds: list[str] = []  # noqa: N815
    timeoutSeconds: float | None = Field(None, gt=0, le=2_592_000)  # noqa: N815


class KPIAnalysis(BaseModel):
    """What somebody makes of a package; the last write wins."""

    traceId: str  # noqa: N815
    kpiId: str = Field(pattern=_ID)  # noqa: N815
    analysis: dict[str, Any] | list[Any] | str


class Job(Answer):
    """A job; `status` is its state."""

    status: Literal["pending", "partial", "completed", "failed", "timeout"]
    traceId: str  # noqa: N815
    createdAt: str  # noqa: N815
    announcedAt: str | None  # noqa: N815
    updatedAt: str  # noqa: N815
    kpis: dict[str, dict[str, Any]]
    errors: list[dict[str, Any]]
    metadata: dict[str, Any]


class Package(Answer):
    """A reading within its trace; `timestamp` in UTC, `timestampText` as it was sent."""

    traceId: str  # noqa: N815
    kpiId: str  # noqa: N815
    timestamp: str
    timestampText: str  # noqa: N815
    kpiType: str  # noqa: N815
    data: dict[str, Any]
    chart: Chart | None
    analysis: Any
    metadata: dict[str, Any]


class Point(BaseModel):
    """A point of a time series; `quality` is null until it is graded."""

    timestamp: str
    timestampText: str  # noqa: N815
    value: float
    quality: Literal["high", "medium", "low"] | None


class Replaced(BaseModel):
    """A value that a point had."""

    value: float
    data: dict[str, Any] | None
    replacedBy: float  # noqa: N815
    traceId: str  # noqa: N815
    correctedAt: str  # noqa: N815


class PointWithHistory(Answer):
    """A point, and what its value was before."""

    kpiId: str  # noqa: N815
    timestamp: str
    timestampText: str  # noqa: N815
    kpiType: str  # noqa: N815
    traceId: str  # noqa: N815
    value: float
    quality: Literal["high", "medium", "low"] | None
    corrections: list[Replaced]


class TimeSeries(Answer):
    """A part of a time series, oldest first."""

    kpiId: str  # noqa: N815
    dataPoints: list[Point]  # noqa: N815
    nextCursor: str | None = Field(description="Of the next part; null: this was the last.")  # noqa: N815


_INSTANT = {"type": "string", "format": "date-time"}
SERIES_PARAMETERS: list[dict[str, Any]] = [
    {"name": "start", "in": "query", "schema": _INSTANT, "description": "Inclusive."},
    {"name": "end", "in": "query", "schema": _INSTANT, "description": "Exclusive."},
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1_000},
    },
    {
        "name": "cursor",
        "in": "query",
        "schema": {"type": "string"},
        "description": "`nextCursor` of the part before.",
    },
]
EXAMPLES = {
    "one KPI": {
        "traceId": "trace_20260131_120000",
        "kpiId": "btc-price-usd",
        "timestamp": "2026-01-31T12:00:00Z",
        "kpiType": "price",
        "data": {"value": 97123.5},
        "chart": {"url": "https://charts.example.com/1.png", "type": "line", "timeRange": "7d"},
    },
    "several KPIs": {
        "traceId": "trace_20260131_120000",
        "kpiIds": ["btc-dominance", "eth-dominance"],
        "timestamp": "2026-01-31T12:00:00Z",
        "kpiType": "cmc-multi",
        "data": {"btc-dominance": 58.7, "eth-dominance": 13.7},
    },
}
_ONE = EXAMPLES["one KPI"]
_READING = {"$ref": "#/components/schemas/KPIDataUpdate"}
DATA_BODY = {
    "application/json": {
        "schema": {
            "anyOf": [_READING, {"type": "array", "items": _READING, "maxItems": 10_000}],
        },
        "examples": {
            **{name: {"value": example} for name, example in EXAMPLES.items()},
            "a correction": {"value": {**_ONE, "data": {"value": 97132.5}, "correct": True}},
            "an array": {"value": [_ONE, {**_ONE, "timestamp": "2026-01-31T13:00:00Z"}]},
        },
    },
    # Tools that generate requests know no application/x-ndjson.
    "application/octet-stream": {
        "schema": {
            "type": "string",
            "format": "binary",
            "description": "NDJSON, one reading a line (its Content-Type is application/x-ndjson); "
            "or any of these gzipped.",
        },
    },
}
POINT_EXAMPLES = {
    "the value": {"value": 97132.5},
    "all of it": {"traceId": "by-hand-1", "data": {"value": 97132.5, "unit": "USD"}},
}
JOB_EXAMPLES = {
    "two KPIs within an hour": {
        "traceId": "trace_20260131_120000",
        "kpiIds": ["btc-price-usd", "btc-dominance"],
        "timeoutSeconds": 3600,
    },
}
ANALYSIS_EXAMPLES = {
    "a text": {
        "traceId": "trace_20260131_120000",
        "kpiId": "btc-price-usd",
        "analysis": {"summary": "Up 3 % on the day.", "model": "mine-1"},
    },
}
ERROR_EXAMPLES = {
    "a KPI failed": {
        "traceId": "trace_20260131_120000",
        "kpiId": "btc-price-usd",
        "error": {"message": "401 - API key missing", "name": "AxiosError", "status": 401},
        "retryCount": 2,
    },
    "n8n's Error Trigger": [
        {
            "execution": {"id": "231", "error": {"message": "no luck"}, "mode": "trigger"},
            "workflow": {"id": "1", "name": "daily prices"},
        }
    ],
}
