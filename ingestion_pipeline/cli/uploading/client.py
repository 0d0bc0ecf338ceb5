"""The gateway's upload endpoints as `ingest --api-url` calls them: patient with everything that
may pass, clear about everything that will not.

    connection refused or broken, 408, 429, 5xx   tried again, as late as Retry-After asks for
    401, 403                                      ConfigurationError: the key
    404                                           GoneError: the session has expired
    409                                           OverlapError: ask what is missing
    other 4xx                                     ContractError, with every field at fault
"""

import hashlib
import random
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from ingestion_pipeline.domains.commerce.contract.declaration import DeclaredFile
from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    ContractError,
    FieldError,
    PermanentError,
    TransientError,
)

_SESSIONS = "/api/v1/ingest/sessions/"
_PASSING = {408, 425, 429, *range(500, 600)}
_LONGEST_PAUSE = 15.0
_LONGEST_RETRY_AFTER = 60.0
# The answer to a last chunk comes when the gateway has joined the whole file.
_TIMEOUT = httpx.Timeout(60, connect=10, read=120)


class GoneError(PermanentError):
    """The gateway does not know what was asked for."""


class OverlapError(PermanentError):
    """The gateway has other ranges of the file than we thought."""


class UploadClient:
    """One gateway, one API key; to be used by several threads."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        connections: int,
        patience: float = 120,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Connects at the first call.

        Args:
            url: of the gateway, such as `http://127.0.0.1:8000`.
            api_key: of the tenant.
            connections: how many threads call at the same time.
            patience: seconds for which a call that fails is tried again.
            say: is told when the gateway can't be reached, and when it can again.

        Raises:
            ConfigurationError: the URL or the key is none.
        """
        self.url = url.rstrip("/")
        self.key_hash = hashlib.sha256(api_key.encode()).hexdigest()
        self._patience = patience
        self._say = say
        self._closed = threading.Event()
        self._unreachable = False
        try:
            self._http = httpx.Client(
                base_url=self.url,
                headers={"X-API-Key": api_key},
                timeout=_TIMEOUT,
                limits=httpx.Limits(max_connections=connections),
            )
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{url!r} is no URL: {error}") from None
        except UnicodeEncodeError:
            raise ConfigurationError("the API key is not one of ours: it is not ASCII") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all calls, also those that are waiting for their next attempt."""
        self._closed.set()
        self._http.close()

    def tenant(self) -> str:
        """Whose key it is."""
        return str(self._call("GET", "/api/health/tenant")["tenant"])

    def open_session(self, files: Sequence[DeclaredFile]) -> dict[str, Any]:
        """Announce files; the session's document."""
        announced = [
            {"file_name": file.file_name, "size": file.size, "sha256": file.sha256}
            for file in files
        ]
        return self._call("POST", _SESSIONS, json={"files": announced})

    def session(self, token: str) -> dict[str, Any]:
        """What has come, what is missing, what became of it."""
        return self._call("GET", f"{_SESSIONS}{token}/status/")

    def resume(self, token: str) -> dict[str, Any]:
        """As `session`; files whose completion was cut off are completed."""
        return self._call("POST", f"{_SESSIONS}{token}/resume/")

    def put_chunk(
        self, token: str, *, file_name: str, chunk: bytes, first: int, total: int
    ) -> dict[str, Any]:
        """Send bytes of a file; the file's document."""
        return self._call(
            "PUT",
            f"{_SESSIONS}{token}/files/{quote(file_name, safe='')}/",
            content=chunk,
            headers={"Content-Range": f"bytes {first}-{first + len(chunk) - 1}/{total}"},
        )

    def upload(self, upload_id: int) -> dict[str, Any]:
        """What has become of an upload."""
        return self._call("GET", f"/api/v1/ingest/uploads/{upload_id}/")

    def _call(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        deadline: float | None = None  # counts from the first failure
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._http.request(method, path, **content)
            except (httpx.TransportError, RuntimeError) as error:  # RuntimeError: it was closed
                problem, pause = str(error) or type(error).__name__, None
            else:
                if answer.status_code not in _PASSING:
                    self._reached()
                    return _document(answer)
                problem = f"{answer.status_code} {_message(answer)}"
                pause = _retry_after(answer)
            if pause is None:
                pause = min(_LONGEST_PAUSE, 0.25 * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311
            deadline = deadline or time.monotonic() + self._patience
            if self._closed.is_set() or time.monotonic() + pause > deadline:
                raise TransientError(
                    f"the gateway at {self.url} does not take it ({problem}); "
                    "started again, this goes on where it was"
                )
            self._not_reached(problem)
            self._closed.wait(pause)

    def _not_reached(self, problem: str) -> None:
        if not self._unreachable:
            self._unreachable = True
            self._say(f"the gateway does not take it ({problem}); trying again")

    def _reached(self) -> None:
        if self._unreachable:
            self._unreachable = False
            self._say("the gateway is there again")


def _document(answer: httpx.Response) -> dict[str, Any]:
    """The document of an answer that will not change by asking again.

    Raises:
        ConfigurationError, GoneError, OverlapError, ContractError: see the module.
    """
    code = answer.status_code
    if code in (401, 403):
        raise ConfigurationError(f"the gateway refuses the API key: {_message(answer)}")
    if code == 404:
        raise GoneError(_message(answer))
    if code == 409:
        raise OverlapError(_message(answer))
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not answer.is_success:
        faults = document.get("errors", []) if isinstance(document, dict) else []
        errors = [FieldError(str(f.get("field")), str(f.get("message"))) for f in faults]
        named = "; ".join(f"{error.field}: {error.message}" for error in errors)
        raise ContractError(named or f"{code} {_message(answer)}", errors)
    if not isinstance(document, dict):
        raise ConfigurationError(f"{answer.url} answers {code}, but not as our gateway does")
    return document


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else None
