"""What surrounds every request: its id, its size and time, and that its answer arrives.

Plain ASGI around the whole application, so that errors of the application are seen too.
"""

import asyncio
import logging
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestion_pipeline.gateway.metrics import Metrics
from ingestion_pipeline.gateway.request_log import Entry, RequestLog

logger = logging.getLogger("ingestion_pipeline.gateway.requests")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_UNKNOWN_ROUTE = "(none)"
IDLE = "ingestion.idle_seconds"  # of a stream, in which nothing was there to be sent
# Who is refused early is still sending, and would not read the answer before it has sent all.
_DRAINED_BYTES = 16 * 1024 * 1024
_DRAINED_SECONDS = 5.0


class Envelope:
    """ASGI around an application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics
        self.log: RequestLog | None = None  # made when the database is known
        self.ending: list[Callable[[], None]] = []  # what ends streams, when the server stops

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection's request, or the server's lifespan."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        self._metrics.in_progress += 1
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            # It is answered and logged already, where it was caught; the connection goes on.
            if exchange.status < 500:
                raise
        finally:
            self._metrics.in_progress -= 1
            self._note(exchange)

    def _note(self, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        scope = exchange.scope
        # How long a sender sends, or reads, is no latency of ours; nor is a stream's silence.
        ours = max(0.0, seconds - max(exchange.waited, scope.get(IDLE, 0.0)))
        # Never the path itself: paths may hold secret tokens.
        route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
        method = scope["method"]
        entry = Entry(
            requested_at=exchange.requested_at,
            request_id=exchange.request_id,
            tenant_id=scope.get("ingestion.tenant_id"),
            method=method,
            route=route,
            status=exchange.status,
            duration_ms=round(ours * 1000, 3),
            request_bytes=exchange.received,
            response_bytes=exchange.sent,
            cache_hit=scope.get("ingestion.cache_hit"),
        )
        if self.log is not None:
            self.log.add(entry)
        self._metrics.observe(method=method, route=route, status=exchange.status, seconds=seconds)
        if exchange.status >= 500:
            logger.error("answered", extra=entry._asdict())
        elif logger.isEnabledFor(logging.DEBUG) or exchange.status >= 400:
            logger.info("answered", extra=entry._asdict())


class _Exchange:
    """A request and its answer, as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = time.perf_counter()
        self.requested_at = datetime.now(UTC)
        self.scope = scope
        self.received = self.sent = 0
        self.waited = 0.0  # seconds for the other side
        self.status = 499  # nobody was there any more to be answered
        self._receive = receive
        self._send = send
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        known = _REQUEST_ID.fullmatch(given)
        self.request_id = given.decode() if known else f"{random.getrandbits(128):032x}"
        scope["ingestion.request_id"] = self.request_id
        self._length = headers.get(b"content-length")
        self._has_body = self._length not in (None, b"0") or b"transfer-encoding" in headers
        self._waits_for_continue = b"expect" in headers

    async def receive(self) -> Message:
        began = time.perf_counter()
        message = await self._receive()
        self.waited += time.perf_counter() - began
        self._waits_for_continue = False
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            self._has_body = message.get("more_body", False)
        else:
            self._has_body = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self._has_body:
                await self._drain()
            headers: list[Any] = message.setdefault("headers", [])
            headers.append((b"x-request-id", self.request_id.encode()))
            if self._has_body:
                headers.append((b"connection", b"close"))
            self.status = message["status"]
        else:
            self.sent += len(message.get("body", b""))
        began = time.perf_counter()
        await self._send(message)
        self.waited += time.perf_counter() - began

    async def _drain(self) -> None:
        """Take the rest of a refused body, if it is not much."""
        if self._waits_for_continue:
            return
        if self._length is not None and int(self._length) - self.received > _DRAINED_BYTES:
            return
        taken_before = self.received
        try:
            async with asyncio.timeout(_DRAINED_SECONDS):
                while self._has_body and self.received - taken_before <= _DRAINED_BYTES:
                    await self.receive()
        except TimeoutError:
            return
