"""One request and its whole answer, nothing tried twice."""

import re
import time
from collections.abc import Mapping

import httpx

from ingestion_pipeline.foundation.errors import ConfigurationError, ContractError
from ingestion_pipeline.foundation.upstreams import deadlines
from ingestion_pipeline.foundation.upstreams.answers import Answer


class TooLargeError(ContractError):
    """An answer has more bytes than one may have."""


def exchange(
    http: httpx.Client, request: httpx.Request, *, within: float, most_bytes: int | None = None
) -> Answer:
    """Send a request and read its answer to the end, in `within` seconds at most.

    Args:
        http: whose connections keep to deadlines (`deadlines.bounded`): its own timeout is for
            silence only, and would let an answer's head trickle in for ever.
        most_bytes: that the body may have, decompressed; None: as many as it has.

    Raises:
        TooLargeError: the body has more.
        ContractError: it is packed several times over: 64 KiB would be unpacked to 64 GiB at once.
        httpx.RequestError: there is no answer, or no whole one (broken off, shorter than it said,
            not to be decompressed, too slow).
    """
    until = time.monotonic() + within
    with deadlines.within(within):
        response = http.send(request, stream=True)
        try:
            if len(response.headers.get_list("content-encoding", split_commas=True)) > 1:
                raise ContractError("the answer is packed several times over")
            pieces = []
            received = 0
            for piece in response.iter_bytes():
                pieces.append(piece)
                received += len(piece)
                if most_bytes is not None and received > most_bytes:
                    raise TooLargeError(f"the answer has more than {most_bytes:,} bytes")
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("the answer does not end")
            return Answer(response.status_code, b"".join(pieces), dict(response.headers))
        finally:
            response.close()


def require_sense(name: str, base_url: str, headers: Mapping[str, str]) -> None:
    """Refuse what no request could be made of, without repeating it: it may be a key.

    Raises:
        ConfigurationError: the base URL is none, or a header has a line break, a blank or worse.
    """
    if not re.fullmatch(r"https?://[^/\s?#]+[^\s?#]*", base_url):
        raise ConfigurationError(f"{name}: the base URL must be http://… or https://…")
    for header, value in headers.items():
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ConfigurationError(f"{name}: the value of {header} is no valid HTTP header")
