"""What programs beside ours send to the ledger: shapes, limits, every fault of a body at once."""

import math
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from ingestion_pipeline.foundation.errors import ContractError, FieldError
from ingestion_pipeline.foundation.storable import UNSTORABLE, is_storable, shown

_DEEPEST = 50
_MOST_ROWS = 1000
_LONGEST = 86_400_000  # milliseconds: a day


def _storable_text(text: str) -> str:
    if not is_storable(text):
        raise ValueError(UNSTORABLE)
    return text


def _storable(value: Any, depth: int = 0) -> Any:
    """What PostgreSQL's jsonb takes: no NUL, no half surrogates, no NaN, no endless nesting."""
    if depth > _DEEPEST:
        raise ValueError(f"must not be nested deeper than {_DEEPEST} levels")
    if isinstance(value, str):
        _storable_text(value)
    elif isinstance(value, dict):
        for key, member in value.items():
            _storable_text(key)
            _storable(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            _storable(member, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be finite numbers")
    return value


def _not_the_gateway(service: str) -> str:
    if service == "gateway":
        raise ValueError("must not be the gateway, which logs its own requests")
    return service


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable_text)
]
Message = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_storable_text)]
# Of JSON that is decoded, so its values are JSON's: to look at them once is enough.
Document = Annotated[dict[str, Any], AfterValidator(_storable)]
Milliseconds = Annotated[float, Field(ge=0, le=_LONGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
JobId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Body(BaseModel):
    """A body: no type is guessed."""

    model_config = ConfigDict(strict=True)


class NewJob(Body):
    """A job that the sender will do."""

    kind: Name
    payload: Document = Field(default_factory=dict)
    max_attempts: int = Field(3, ge=1, le=100)


class JobStatus(Body):
    """How a job goes."""

    status: Literal["pending", "processing", "completed", "failed", "retrying", "dead"]
    result: Document | None = None
    error: Message | None = None


class LoggedEvent(Body):
    """An event that the sender has dealt with."""

    event_type: Name
    payload: Document
    source: Name | None = None
    market_slug: Name | None = None
    job_id: JobId | None = None
    processed_records: Count = 0
    processing_time_ms: Milliseconds | None = None
    error: Message | None = None


class LoggedRequest(Body):
    """A request that the sender has answered."""

    service: Annotated[Name, AfterValidator(_not_the_gateway)] = "prediction"
    route: Name
    status: int = Field(ge=100, le=599)
    duration_ms: Milliseconds
    method: Annotated[str, StringConstraints(pattern="^[A-Z]{1,20}$")] = "GET"
    request_id: Name | None = None
    retries: Count = 0
    cache_hit: bool | None = None


class LoggedRequests(Body):
    """Requests that the sender has answered."""

    requests: list[LoggedRequest] = Field(min_length=1, max_length=_MOST_ROWS)


class LoggedLookup(Body):
    """What a cache of the sender's did."""

    service: Name
    cache_key: Name
    outcome: Literal["hit", "miss", "stale", "invalidation"]
    duration_ms: Milliseconds | None = None


class LoggedLookups(Body):
    """What caches of the sender's did."""

    metrics: list[LoggedLookup] = Field(min_length=1, max_length=_MOST_ROWS)


B = TypeVar("B", bound=Body)


def parse(shape: type[B], body: object) -> B:
    """A decoded body in its shape.

    Raises:
        ContractError: it breaks the contract; every field at fault is listed.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        faults = [
            FieldError(_path(fault["loc"]), fault["msg"].removeprefix("Value error, "))
            for fault in error.errors(include_url=False, include_input=False)
        ]
    raise ContractError("the body breaks the contract", faults)


def _path(location: tuple[int | str, ...]) -> str:
    # Names of the sender's own may hold what can't be shown.
    path = ".".join(str(part) for part in location) or "body"
    return shown(path)[:200]
