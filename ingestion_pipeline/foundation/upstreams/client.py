"""The client of one upstream API: every outgoing request of the project goes through here.

A request waits for the rate limit, asks the circuit breaker, goes out, and is tried again when the
same request may succeed later. Rate limit and breaker are shared with all other processes through
the database. What went wrong is in the exception's class, permanent or transient.

Nothing here shows a secret: not the messages, not the logs, not `repr`.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx
import sqlalchemy as sa
import stamina

from ingestion_pipeline.foundation.errors import (
    ConfigurationError,
    IngestionError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from ingestion_pipeline.foundation.ledger.metrics import log_retry
from ingestion_pipeline.foundation.upstreams import redaction
from ingestion_pipeline.foundation.upstreams.answers import Answer, Counting, Counts
from ingestion_pipeline.foundation.upstreams.breaker import Breaker
from ingestion_pipeline.foundation.upstreams.circuit import Rules
from ingestion_pipeline.foundation.upstreams.deadlines import bounded
from ingestion_pipeline.foundation.upstreams.exchange import (
    TooLargeError,
    exchange,
    require_sense,
)
from ingestion_pipeline.foundation.upstreams.limits import RateLimit
from ingestion_pipeline.foundation.upstreams.quiet import say_no_urls
from ingestion_pipeline.foundation.upstreams.retries import (
    TRANSIENT,
    Patience,
    retry_after,
    wait_before_retry,
)

__all__ = ["Answer", "Counts", "Patience", "Upstream"]

logger = logging.getLogger(__name__)

Parameters = Mapping[str, str | int]
_NONE: frozenset[int] = frozenset()
_EXCERPT = 500
# A whole answer may take so many times as long as the upstream may be silent.
_SILENCES = 10


class Upstream:
    """An upstream API under one base URL; safe to share between threads.

    Args:
        name: names the upstream's rate limit and circuit breaker; the same in all processes.
        headers: go with every request; their values are secrets.
        timeout: longest silence of the upstream; a whole answer may take ten times as long.
        patience: how retries and the breaker behave.
        attempts: requests that one call makes at most.
        secrets: further ones that messages and logs must not show, as in parameters of any name.
        most_bytes: that the body of an answer may have; None: as many as it has.
        counting: where requests are counted, with those of others; None: its own.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        name: str,
        base_url: str,
        headers: Mapping[str, str],
        requests_per_minute: int,
        timeout: timedelta,
        patience: Patience,
        attempts: int = 3,
        transport: httpx.BaseTransport | None = None,
        secrets: Iterable[str] = (),
        most_bytes: int | None = None,
        counting: Counting | None = None,
    ) -> None:
        say_no_urls()
        require_sense(name, base_url, headers)
        self.name = name
        self._patience = patience
        self._attempts = attempts
        self._deadline = timeout.total_seconds() * _SILENCES
        self._counting = counting or Counting()
        self._limit = RateLimit(engine, name, requests_per_minute)
        rules = Rules(
            failures=self._patience.breaker_failures,
            cooldown=self._patience.breaker_cooldown,
            window=self._patience.breaker_window,
            # A probe that is slow is not a probe that died.
            probe_lease=timeout * (_SILENCES + 1),
        )
        self._breaker = Breaker(engine, name, rules)
        self._secrets = redaction.secrets_of(headers) | redaction.as_written(secrets)
        self._most_bytes = most_bytes
        self._http = bounded(
            httpx.Client(
                base_url=base_url,
                headers=dict(headers),
                timeout=timeout.total_seconds(),
                transport=transport,
                follow_redirects=False,  # a redirect would take the key to another place
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Upstream({self.name!r})"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def counts(self) -> Counts:
        """Requests, retries, answers by status, bytes, seconds since this object was made."""
        return self._counting.so_far()

    def get(
        self, path: str, *, params: Parameters | None = None, accept: frozenset[int] = _NONE
    ) -> Answer:
        """GET a path under the base URL; statuses in `accept` are answers like any 2xx.

        Raises:
            UpstreamRefusedError: 3xx or 4xx; trying again cannot help.
            UpstreamUnavailableError: no answer, 408, 425, 429 or 5xx at every attempt.
            CircuitOpenError: the upstream is left alone; nothing was sent, or nothing more.
        """
        return self._call("GET", path, params=params, accept=accept)

    def probe(
        self, path: str, *, params: Parameters | None = None, accept: frozenset[int] = _NONE
    ) -> Answer:
        """Like `get`, for the first request with a key: a 500 is permanent.

        Some APIs answer a wrong key with 500. Everything else that may pass is tried again.
        """
        return self._call("GET", path, params=params, accept=accept, probing=True)

    def post(
        self,
        path: str,
        *,
        json: Any,
        params: Parameters | None = None,
        accept: frozenset[int] = _NONE,
    ) -> Answer:
        """POST JSON, and repeat it like a GET: only for requests that change nothing."""
        return self._call("POST", path, params=params, accept=accept, json=json)

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None,
        accept: frozenset[int],
        probing: bool = False,
        json: Any = None,
    ) -> Answer:
        request = self._http.build_request(method, path, params=params, json=json)
        permanent = frozenset({500}) if probing else _NONE
        for attempt in stamina.retry_context(
            on=wait_before_retry,
            attempts=self._attempts,
            timeout=None,
            wait_initial=self._patience.backoff,
            wait_jitter=self._patience.backoff,
            wait_max=self._patience.longest_backoff,
        ):
            with attempt:
                return self._attempt(request, attempt.num, accept=accept, permanent=permanent)
        raise AssertionError("the last attempt returned or raised")  # pragma: no cover

    def _attempt(
        self,
        request: httpx.Request,
        number: int,
        *,
        accept: frozenset[int],
        permanent: frozenset[int],
    ) -> Answer:
        self._breaker.check()
        waited = self._limit.wait()
        permit = self._breaker.admit()
        self._counting.sent(again=number > 1, waited=waited)
        if number > 1:
            log_retry(self._breaker.engine, service=self.name, method=request.method)
        try:
            answer = self._send(request)
        except UpstreamUnavailableError as error:
            self._breaker.failed(permit, str(error))
            self._report(request, number, error)
            raise
        except BaseException:
            self._breaker.abandoned(permit)
            raise
        if answer.status >= 500 and answer.status not in accept | permanent:
            self._breaker.failed(permit, f"HTTP {answer.status}")
        else:
            self._breaker.succeeded(permit)  # also a 429: somebody is there
        if answer.status in accept or 200 <= answer.status < 300:
            return answer
        failure = self._failure(request, answer, permanent=permanent)
        self._report(request, number, failure)
        if isinstance(failure, UpstreamUnavailableError) and failure.retry_after:
            self._limit.pause(failure.retry_after)
        raise failure

    def _send(self, request: httpx.Request) -> Answer:
        started = time.monotonic()
        try:
            answer = exchange(
                self._http, request, within=self._deadline, most_bytes=self._most_bytes
            )
        except TooLargeError as error:
            raise TooLargeError(f"{self._where(request)}: {error}") from None
        except (httpx.LocalProtocolError, httpx.UnsupportedProtocol):
            # Its message would repeat the header.
            raise ConfigurationError(f"{self.name}: the request is no valid HTTP") from None
        except httpx.RequestError as error:
            said = f"{type(error).__name__}: {error}".removesuffix(": ")
            message = f"{self._where(request)}: no complete answer ({said})"
            raise UpstreamUnavailableError(self._plain(message, request)) from None
        finally:
            self._counting.took(time.monotonic() - started)
        self._counting.answered(answer.status, received_bytes=len(answer.content))
        return answer

    def _failure(
        self, request: httpx.Request, answer: Answer, *, permanent: frozenset[int]
    ) -> UpstreamRefusedError | UpstreamUnavailableError:
        # Cut after the secrets are out: a cut through one would let its beginning pass.
        excerpt = self._plain(answer.content.decode(errors="replace"), request)[:_EXCERPT]
        message = f"{self._where(request)}: HTTP {answer.status}"
        if answer.status in permanent:
            message += " to a first request, as some do to a wrong key"
        elif answer.status in TRANSIENT:
            wanted = retry_after(answer.headers, cap=self._patience.retry_after_cap)
            return UpstreamUnavailableError(message, status=answer.status, retry_after=wanted)
        return UpstreamRefusedError(f"{message}: {excerpt}", status=answer.status, body=excerpt)

    def _report(self, request: httpx.Request, number: int, error: IngestionError) -> None:
        logger.warning(
            "attempt %d of %d failed: %s",
            number,
            self._attempts,
            error,
            extra={
                "upstream": self.name,
                "url": self._plain(redaction.safe_url(request.url), request),
            },
        )

    def _where(self, request: httpx.Request) -> str:
        return f"{self.name}: {request.method} {redaction.without(request.url.path, self._secrets)}"

    def _plain(self, text: str, request: httpx.Request) -> str:
        return redaction.without(text, self._secrets | redaction.secrets_in(request.url))
