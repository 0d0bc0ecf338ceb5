"""The parameters that both dialects of the stand-in of ACE IoT read from a request."""

import base64
import binascii
from datetime import datetime

from starlette.requests import Request

from ingestion_pipeline.foundation.instants import in_utc


class BadParameterError(Exception):
    """A parameter is missing or wrong; becomes a 400."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def window_of(request: Request) -> tuple[datetime, datetime]:
    """The instants `start_time` and `end_time`; naive ones are UTC."""
    return _instant(request, "start_time"), _instant(request, "end_time")


def page_size_of(request: Request, parameter: str, *, default: int) -> int:
    """A number of records."""
    text = request.query_params.get(parameter, str(default))
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 500_000):
        raise BadParameterError(parameter, f"{text!r} is not a number from 1 to 500000")
    return int(text)


def cursor_of(number: int) -> str:
    """The opaque cursor of the sample that the next page begins with."""
    return base64.urlsafe_b64encode(f"sample:{number}".encode()).decode()


def number_of(cursor: str) -> int:
    """The reverse of `cursor_of`."""
    try:
        word, _, number = base64.urlsafe_b64decode(cursor).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadParameterError("cursor", "is not one of ours") from None
    if word != "sample" or not (number.isascii() and number.isdigit()):
        raise BadParameterError("cursor", "is not one of ours")
    return int(number)


def _instant(request: Request, parameter: str) -> datetime:
    text = request.query_params.get(parameter)
    if text is None:
        raise BadParameterError(parameter, "is missing")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameterError(parameter, f"{text!r} is not an ISO 8601 time") from None
    return in_utc(moment)
