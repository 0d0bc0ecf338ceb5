"""What the gateway says: always a JSON object with `status` and `message`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import Response
from pydantic import BaseModel, ConfigDict

from ingestion_pipeline.foundation.errors import FieldError

_encode = msgspec.json.Encoder().encode
_JSON = "application/json"


class Fault(BaseModel):
    """One fault of a request."""

    field: str
    message: str


class ErrorAnswer(BaseModel):
    """The answer to a request that was not accepted."""

    model_config = ConfigDict(extra="allow")

    status: str
    message: str
    errors: list[Fault]


class Refusal(Exception):  # noqa: N818  (it is no defect; it is the answer)
    """A request that gets an answer other than 2xx."""

    def __init__(
        self,
        status_code: int,
        message: str,
        errors: Sequence[FieldError] = (),
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.errors = tuple(errors)
        self.headers = {} if retry_after is None else {"retry-after": f"{max(1, retry_after):.0f}"}

    def response(self) -> Response:
        """The refusal as it is sent."""
        return answer(
            self.status_code, error_document(self.message, self.errors), headers=self.headers
        )


def answer(
    status_code: int, document: Mapping[str, Any], *, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; with a newline, for those who read it in a shell."""
    return Response(_encode(document) + b"\n", status_code, headers, _JSON)


def error_document(message: str, errors: Sequence[FieldError] = ()) -> dict[str, Any]:
    """The body of every refusal."""
    faults = [{"field": error.field, "message": error.message} for error in errors]
    return {"status": "error", "message": message, "errors": faults}
